// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/capture_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "harness/traffic/capture_bytes.h"
#include "harness/traffic/packet_headers.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

constexpr const char* kReadCapture = "read capture";
using PcapHandle = std::unique_ptr<pcap_t, void (*)(pcap_t*)>;

Error CaptureError(const std::string& path, std::string why, std::string hint = "") {
  return Error({.what = kReadCapture,
                .where = path,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = 0});
}

UniqueFd OpenRegularFile(const std::string& path) {
  // Non-blocking, so that a FIFO without a writer is refused and not waited for.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) throw ErrnoError(kReadCapture, path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw ErrnoError(kReadCapture, path, errno);
  if (S_ISDIR(status.st_mode)) throw ErrnoError(kReadCapture, path, EISDIR, "give a pcap or pcapng file");
  if (!S_ISREG(status.st_mode))
    throw CaptureError(path, "not a regular file", "write the packets to a file first");
  if (status.st_size == 0) throw CaptureError(path, "the file is empty");
  return fd;
}

std::string HintForUnknownFormat(int fd) {
  std::array<unsigned char, 4> magic{};
  if (::pread(fd, magic.data(), magic.size(), 0) != static_cast<ssize_t>(magic.size())) return "";
  if (magic[0] == 0x1f && magic[1] == 0x8b) return "it is compressed: gunzip it first";
  if (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) {
    return "it is compressed: unzstd it first";
  }
  return "a pcap or pcapng file is wanted";
}

PcapHandle OpenPcap(UniqueFd fd, const std::string& path) {
  const int descriptor = fd.get();
  CaptureBytes file = OpenCaptureBytes(std::move(fd), path);
  std::array<char, PCAP_ERRBUF_SIZE> text{};
  PcapHandle pcap(
      pcap_fopen_offline_with_tstamp_precision(file.get(), PCAP_TSTAMP_PRECISION_NANO, text.data()),
      &pcap_close);
  if (!pcap) throw CaptureError(path, text.data(), HintForUnknownFormat(descriptor));
  static_cast<void>(file.release());  // pcap_close() closes it
  return pcap;
}

void RequireEthernet(pcap_t* pcap, const std::string& path) {
  const int type = pcap_datalink(pcap);
  if (type == DLT_EN10MB) return;
  const char* name = pcap_datalink_val_to_name(type);
  const char* description = pcap_datalink_val_to_description(type);
  throw CaptureError(path,
                     name == nullptr ? fmt::format("its link type is {}, not Ethernet", type)
                                     : fmt::format("its link type is {} ({}), not Ethernet", name,
                                                   description == nullptr ? "" : description),
                     "capture on one Ethernet interface, not on `any`, or convert it: tcprewrite --dlt=enet");
}

// With nanosecond precision tv_usec holds nanoseconds. Both are the file's word and may be anything.
std::uint64_t TimeNs(const timeval& time) {
  if (time.tv_sec < 0 || time.tv_usec < 0) return 0;
  std::uint64_t ns = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(time.tv_sec), 1'000'000'000U, &ns) ||
      __builtin_add_overflow(ns, static_cast<std::uint64_t>(time.tv_usec), &ns)) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return ns;
}

void Take(const pcap_pkthdr& header, const u_char* data, Packet& packet) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  packet.bytes.assign(bytes, bytes + header.caplen);
  packet.time_ns = TimeNs(header.ts);
  packet.wire_length = header.len;
  packet.padded = packet.bytes.size() < kEthernetHeader;
  if (packet.padded) packet.bytes.resize(kEthernetHeader);
}

}  // namespace

CaptureStream::CaptureStream(const std::string& path, std::optional<std::uint64_t> limit)
    : path_(path), limit_(limit), file_(OpenRegularFile(path)) {
  if (limit == std::uint64_t{0}) throw CaptureError(path, "a limit of 0 packets reads nothing");
  Rewind();
}

CaptureStream::~CaptureStream() = default;

void CaptureStream::Rewind() {
  // A descriptor of its own, which pcap_close() closes.
  UniqueFd fd(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) throw ErrnoError(kReadCapture, path_, errno);
  pcap_ = OpenPcap(std::move(fd), path_);
  RequireEthernet(pcap_.get(), path_);
  read_ = 0;
  ended_ = false;
}

const Packet* CaptureStream::Next() {
  if (ended_ || (limit_ && read_ >= *limit_)) return nullptr;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int result = pcap_next_ex(pcap_.get(), &header, &data);
  if (result != 1) {
    ended_ = true;
    if (result != PCAP_ERROR_BREAK) HandleReadError(pcap_geterr(pcap_.get()));
    return nullptr;
  }
  Take(*header, data, packet_);
  read_++;
  return &packet_;
}

// What ends the reading before the file's end: a cut tail is a notice, all else an error.
void CaptureStream::HandleReadError(std::string_view why) {
  if (why.starts_with("truncated")) {
    if (read_ == 0) throw CaptureError(path_, fmt::format("holds no packets: {}", why));
    notice_ = fmt::format("cut short after packet {}: {}", read_, why);
    return;
  }
  std::string hint = read_ == 0 ? "" : fmt::format("a limit of {} reads the packets before it", read_);
  if (why.find("different from the type of the first interface") != std::string_view::npos) {
    if (!hint.empty()) hint += "; ";
    hint +=
        "to split it by link type: `tshark -r IN -Y frame.encap_type==1 -T fields -e frame.number` numbers "
        "the "
        "Ethernet packets, `editcap -r -F pcap -T ether IN OUT NUMBERS` keeps them";
  }
  throw CaptureError(path_, fmt::format("packet {}: {}", read_ + 1, why), hint);
}

}  // namespace knetlab
