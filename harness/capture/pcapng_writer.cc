// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/pcapng_writer.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>

namespace knetlab {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a, kInterfaceDescription = 1, kInterfaceStatistics = 5,
                        kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
constexpr std::uint16_t kEnd = 0, kComment = 1;                                    // of any block
constexpr std::uint16_t kSystem = 3, kApplication = 4;                             // of a section
constexpr std::uint16_t kName = 2, kDescription = 3, kTimeUnit = 9, kFilter = 11;  // of an interface
constexpr std::uint16_t kPacketVerdict = 7;                                        // of a packet
constexpr std::uint16_t kFirst = 2, kLast = 3, kReceived = 4, kMatched = 6, kLost = 7, kDelivered = 8;
constexpr char kNanoseconds = 9;

constexpr std::uint32_t kPcapNanoseconds = 0xa1b23c4d;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kAddresses = 12;  // where a VLAN tag goes
constexpr std::size_t kTagBytes = 4;
constexpr std::size_t kMaxText = 4096;  // of one option; its length has 16 bits

constexpr std::size_t Padded(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

template <typename T>
void Put(std::string& text, T value) {  // in the CPU's order: the byte-order magic tells the reader
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutOption(std::string& text, std::uint16_t code, std::string_view value) {
  value = value.substr(0, kMaxText);
  Put(text, code);
  Put(text, static_cast<std::uint16_t>(value.size()));
  text.append(value);
  text.append(Padded(value.size()) - value.size(), '\0');
}

template <typename T>
void PutNumber(std::string& text, std::uint16_t code, T value) {
  PutOption(text, code, {reinterpret_cast<const char*>(&value), sizeof value});
}

// Times of statistics are two halves, the higher first.
void PutTime(std::string& text, std::uint16_t code, std::uint64_t time_ns) {
  PutNumber(text, code, time_ns >> 32 | time_ns << 32);
}

std::string Block(std::uint32_t type, const std::string& body) {
  constexpr std::size_t kBlockFrame = 12;
  std::string block;
  const auto size = static_cast<std::uint32_t>(body.size() + kBlockFrame);
  Put(block, type);
  Put(block, size);
  block += body;
  Put(block, size);
  return block;
}

std::string SectionHeader() {
  utsname system = {};
  ::uname(&system);
  std::string body;
  Put(body, kByteOrder);
  Put(body, std::uint16_t{1});  // version 1.0
  Put(body, std::uint16_t{0});
  Put(body, std::int64_t{-1});  // length not known
  PutOption(body, kSystem, fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  PutOption(body, kApplication, "knetlab " KNETLAB_VERSION);
  PutOption(body, kEnd, {});
  return Block(kSectionHeader, body);
}

std::string PcapHeader(const WriterOptions& options) {
  std::string header;
  Put(header, kPcapNanoseconds);
  Put(header, std::uint16_t{2});
  Put(header, std::uint16_t{4});
  Put(header, std::uint64_t{0});
  Put(header, options.snaplen);
  Put(header, std::uint32_t{options.link_type});
  return header;
}

std::string PacketOptions(const CaptureInterface& interface) {
  std::string text;
  if (!interface.verdict.empty()) PutOption(text, kComment, interface.verdict);
  if (interface.code) {
    std::string value(1, static_cast<char>(interface.code->kind));
    Put(value, interface.code->code);
    PutOption(text, kPacketVerdict, value);
  }
  if (!text.empty()) PutOption(text, kEnd, {});
  return text;
}

std::uint64_t NowNs() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

template <typename T>
std::byte* PutAt(std::byte* at, const T& value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

std::byte* PutSpan(std::byte* at, std::span<const std::byte> bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

std::byte* PutBytes(std::byte* at, const CapturedPacket& packet, std::size_t tag) {
  std::span<const std::byte> head = packet.head;
  std::span<const std::byte> bytes = packet.bytes;
  if (tag != 0) {
    const std::size_t of_head = std::min(head.size(), kAddresses);
    at = PutSpan(at, head.first(of_head));
    at = PutSpan(at, bytes.first(kAddresses - of_head));
    head = head.subspan(of_head);
    bytes = bytes.subspan(kAddresses - of_head);
    for (const std::uint16_t half : {packet.vlan_type, packet.vlan_tag}) {
      *at++ = static_cast<std::byte>(half >> 8);
      *at++ = static_cast<std::byte>(half & 0xff);
    }
  }
  return PutSpan(PutSpan(at, head), bytes);
}

struct EnhancedPacketHead {
  std::uint32_t type, size, interface, time_high, time_low, captured, wire_length;
};

struct PcapHead {
  std::uint32_t seconds, nanoseconds, captured, wire_length;
};

}  // namespace

PcapngWriter::PcapngWriter(const std::string& path, const WriterOptions& options)
    : options_(options), output_(path), begin_ns_(NowNs()) {
  WriteBlock(options.format == CaptureFormat::kPcap ? PcapHeader(options) : SectionHeader());
}

void PcapngWriter::WriteBlock(const std::string& block) {
  std::byte* room = output_.Begin(block.size());
  if (room == nullptr) return;
  std::memcpy(room, block.data(), block.size());
  output_.End(block.size(), BlockOutput::kNoOwner);
}

std::uint32_t PcapngWriter::AddInterface(const CaptureInterface& interface) {
  tails_.push_back(PacketOptions(interface));
  if (options_.format == CaptureFormat::kPcapng) {
    std::string body;
    Put(body, options_.link_type);
    Put(body, std::uint16_t{0});
    Put(body, options_.snaplen);
    PutOption(body, kName, interface.name);
    if (!interface.description.empty()) PutOption(body, kDescription, interface.description);
    PutOption(body, kTimeUnit, {&kNanoseconds, 1});
    if (!interface.filter.empty()) PutOption(body, kFilter, std::string(1, '\0') + interface.filter);
    PutOption(body, kEnd, {});
    WriteBlock(Block(kInterfaceDescription, body));
  }
  return static_cast<std::uint32_t>(tails_.size() - 1);
}

bool PcapngWriter::Append(std::uint32_t interface, const CapturedPacket& packet) {
  const std::size_t bytes = packet.head.size() + packet.bytes.size();
  const std::size_t tag = packet.vlan_type != 0 && bytes >= kAddresses ? kTagBytes : 0;
  const auto captured = static_cast<std::uint32_t>(bytes + tag);
  const auto wire_length = static_cast<std::uint32_t>(packet.wire_length + tag);
  if (options_.format == CaptureFormat::kPcap) {
    const std::size_t size = sizeof(PcapHead) + captured;
    std::byte* at = output_.Begin(size);
    if (at == nullptr) return false;
    at = PutAt(at, PcapHead{static_cast<std::uint32_t>(packet.time_ns / kSecond),
                            static_cast<std::uint32_t>(packet.time_ns % kSecond), captured, wire_length});
    PutBytes(at, packet, tag);
    output_.End(size, interface);
    return true;
  }
  const std::string& tail = tails_[interface];
  const std::size_t padded = Padded(captured);
  const auto size =
      static_cast<std::uint32_t>(sizeof(EnhancedPacketHead) + padded + tail.size() + sizeof(std::uint32_t));
  std::byte* at = output_.Begin(size);
  if (at == nullptr) return false;
  at = PutAt(at, EnhancedPacketHead{kEnhancedPacket, size, interface,
                                    static_cast<std::uint32_t>(packet.time_ns >> 32),
                                    static_cast<std::uint32_t>(packet.time_ns), captured, wire_length});
  std::byte* const end = at + padded;
  at = PutBytes(at, packet, tag);
  std::fill(at, end, std::byte{0});
  std::memcpy(end, tail.data(), tail.size());
  PutAt(end + tail.size(), size);
  output_.End(size, interface);
  return true;
}

bool PcapngWriter::FinishPackets() {
  if (output_.Flush()) return true;
  failure_ = output_.error();
  // On a full disk the cut to the last whole packet can leave room for the statistics.
  if (failure_ == ENOSPC || failure_ == EDQUOT || failure_ == EFBIG) output_.TakeMore();
  return false;
}

void PcapngWriter::AppendStatistics(std::uint32_t interface, const InterfaceCounts& counts) {
  if (options_.format == CaptureFormat::kPcap) return;
  const std::uint64_t now = NowNs();
  std::string body;
  Put(body, interface);
  Put(body, static_cast<std::uint32_t>(now >> 32));
  Put(body, static_cast<std::uint32_t>(now));
  PutTime(body, kFirst, begin_ns_);
  PutTime(body, kLast, now);
  PutNumber(body, kReceived, counts.received);
  PutNumber(body, kMatched, counts.matched);
  PutNumber(body, kLost, counts.lost);
  PutNumber(body, kDelivered, counts.written);
  PutOption(body, kEnd, {});
  WriteBlock(Block(kInterfaceStatistics, body));
}

bool PcapngWriter::FinishFile() {
  if (!output_.Close() && failure_ == 0) failure_ = output_.error();
  return failure_ == 0;
}

}  // namespace knetlab
