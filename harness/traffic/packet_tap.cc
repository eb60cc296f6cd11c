// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/packet_tap.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kWatchPackets = "watch packets of";
// What the kernel may queue while the thread is not running: about 300,000 small packets. It is not taken
// before it is needed.
constexpr int kReceiveBuffer = 256 << 20;
constexpr std::size_t kLargestFrame = 1 << 18;
constexpr std::size_t kMacs = 12;  // in front of a VLAN tag

void Enable(int fd, int level, int option, const std::string& where) {
  const int on = 1;
  if (::setsockopt(fd, level, option, &on, sizeof(on)) != 0) throw ErrnoError(kWatchPackets, where, errno);
}

UniqueFd Open(const std::string& interface, PacketTap::Direction direction, const std::string& where) {
  // Protocol 0: nothing of other interfaces comes in before bind().
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw ErrnoError(kWatchPackets, where, errno, "packet sockets need CAP_NET_RAW");
  const int half = kReceiveBuffer / 2;  // the kernel doubles what it is given
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)) != 0)
    throw ErrnoError(kWatchPackets, where, errno);
  Enable(fd.get(), SOL_PACKET, PACKET_AUXDATA, where);
  if (direction == PacketTap::Direction::kReceived)
    Enable(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, where);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (address.sll_ifindex == 0) throw ErrnoError(kWatchPackets, where, errno);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw ErrnoError(kWatchPackets, where, errno);
  return fd;
}

std::optional<tpacket_auxdata> AuxiliaryData(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
    tpacket_auxdata data{};
    std::memcpy(&data, CMSG_DATA(part), sizeof(data));
    return data;
  }
  return std::nullopt;
}

// The kernel takes the outermost tag out of the bytes of what it receives (skb_vlan_untag).
void RestoreVlanTag(const tpacket_auxdata& data, std::vector<std::byte>& packet) {
  if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0 || packet.size() < kMacs) return;
  const bool has_type = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
  const unsigned type = has_type ? data.tp_vlan_tpid : ETH_P_8021Q, tag = data.tp_vlan_tci;
  const std::array bytes = {static_cast<std::byte>(type >> 8), static_cast<std::byte>(type & 0xff),
                            static_cast<std::byte>(tag >> 8), static_cast<std::byte>(tag & 0xff)};
  packet.insert(packet.begin() + kMacs, bytes.begin(), bytes.end());
}

}  // namespace

PacketTap::PacketTap(const Namespace& ns, const std::string& interface, Direction direction,
                     std::string where, std::uint64_t max_bytes)
    : where_(std::move(where)),
      direction_(direction),
      max_bytes_(max_bytes),
      socket_(ns.Run([&] { return Open(interface, direction, where_); })),
      wake_(::eventfd(0, EFD_CLOEXEC)),
      buffer_(kLargestFrame) {
  if (!wake_) throw ErrnoError(kWatchPackets, where_, errno);
  thread_ = std::thread([this] { Follow(); });
}

PacketTap::~PacketTap() {
  const std::uint64_t one = 1;
  while (::write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void PacketTap::Follow() {
  for (;;) {
    std::array<pollfd, 2> waits = {pollfd{wake_.get(), POLLIN, 0}, pollfd{socket_.get(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;  // Take() still reads
    if (waits[0].revents != 0) return;
    if (waits[1].revents == 0) continue;
    const std::lock_guard lock(mutex_);
    DrainLocked();
    if (error_ != 0) return;
  }
}

void PacketTap::DrainLocked() {
  while (error_ == 0) {
    sockaddr_ll from{};
    iovec vector = {.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof(from);
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      if (errno != EAGAIN) error_ = errno;
      return;
    }
    const bool sent = from.sll_pkttype == PACKET_OUTGOING;
    if (sent != (direction_ == Direction::kSent)) continue;
    const auto whole = static_cast<std::size_t>(size);
    const std::size_t kept = std::min(whole, buffer_.size());
    if (bytes_ + kept > max_bytes_) {
      ++lost_;
      continue;
    }
    Packet packet;
    packet.bytes.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(kept));
    if (const auto data = AuxiliaryData(message)) RestoreVlanTag(*data, packet.bytes);
    packet.wire_length = static_cast<std::uint32_t>(packet.bytes.size() + whole - kept);
    bytes_ += packet.bytes.size();
    packets_.push_back(std::move(packet));
  }
}

std::vector<Packet> PacketTap::Take() {
  const std::lock_guard lock(mutex_);
  DrainLocked();
  if (error_ != 0) throw ErrnoError(kWatchPackets, where_, error_);
  tpacket_stats counts{};  // since the last time they were read
  socklen_t size = sizeof(counts);
  if (::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &counts, &size) != 0)
    throw ErrnoError(kWatchPackets, where_, errno);
  const std::uint64_t lost = std::exchange(lost_, 0) + counts.tp_drops;
  if (lost > 0) {
    throw Error({.what = kWatchPackets,
                 .where = where_,
                 .why = fmt::format("{} packets were lost before they could be read", lost),
                 .hint = "send fewer at a time: a rate, or an expect step in between",
                 .detail = "",
                 .code = ENOBUFS});
  }
  bytes_ = 0;
  return std::exchange(packets_, {});
}

}  // namespace knetlab
