// SPDX-License-Identifier: Apache-2.0
// Writes captures as they come: pcapng (draft-ietf-opsawg-pcapng) with an interface for each hook and
// verdict, the verdict in each packet's comment and verdict option, and statistics at the end; or classic
// pcap, which has room for neither. Times are in ns.
//
//   PcapngWriter writer("out.pcapng", {});
//   const std::uint32_t drop = writer.AddInterface({.name = "hook XDP_DROP", .verdict = "XDP_DROP"});
//   writer.Append(drop, {.time_ns = now, .wire_length = 60, .bytes = bytes});
//   writer.Finish();
//
// The file is whole after each Flush(): Wireshark and `tcpdump -r -` can read on. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/capture/block_output.h"

namespace knetlab {

enum class CaptureFormat { kPcapng, kPcap };

// The epb_verdict option: who decided, and the code.
struct VerdictOption {
  enum class Kind : std::uint8_t { kHardware = 0, kTc = 1, kXdp = 2 };
  Kind kind = Kind::kXdp;
  std::int64_t code = 0;
};

struct CaptureInterface {
  std::string name;           // if_name: "hook XDP_DROP"
  std::string description{};  // if_description
  std::string filter{};       // if_filter, a pcap-filter expression; empty: everything
  std::string verdict{};      // the comment of each packet; empty: none
  std::optional<VerdictOption> code{};
};

// What an interface saw, for its statistics block.
struct InterfaceCounts {
  std::uint64_t received = 0, matched = 0, lost = 0, written = 0;
};

struct CapturedPacket {
  std::uint64_t time_ns = 0;  // since the epoch
  std::uint32_t wire_length = 0;
  std::span<const std::byte> head{};  // in front of the others
  std::span<const std::byte> bytes{};
  // A VLAN tag that the kernel keeps beside the bytes: put back behind the addresses. The type in the CPU's
  // order; 0: none.
  std::uint16_t vlan_type = 0, vlan_tag = 0;
};

struct WriterOptions {
  CaptureFormat format = CaptureFormat::kPcapng;
  std::uint32_t snaplen = 262'144;
  std::uint16_t link_type = 1;  // LINKTYPE_ETHERNET; libpcap wants the same for the whole file
};

class PcapngWriter {
 public:
  // "-" is standard output. Throws Error.
  PcapngWriter(const std::string& path, const WriterOptions& options);

  std::uint32_t AddInterface(const CaptureInterface& interface);
  // False where the output ended: the packet is not written.
  bool Append(std::uint32_t interface, const CapturedPacket& packet);
  bool Flush() { return output_.Flush(); }
  // Everything that is in the buffer, then the statistics: `counts`, by interface, is asked for after the
  // packets are out. False where not everything could be written; the file is valid all the same.
  template <typename Counts>
  bool Finish(Counts counts) {
    const bool packets_out = FinishPackets();
    for (std::uint32_t i = 0; i < tails_.size(); ++i) AppendStatistics(i, counts(i));
    return FinishFile() && packets_out;
  }

  // Packets that are out, whole.
  std::uint64_t written(std::uint32_t interface) const { return output_.written(interface); }
  const BlockOutput& output() const { return output_; }
  BlockOutput& output() { return output_; }
  int error() const { return failure_ != 0 ? failure_ : output_.error(); }  // the errno that ended it

 private:
  void WriteBlock(const std::string& block);
  bool FinishPackets();
  void AppendStatistics(std::uint32_t interface, const InterfaceCounts& counts);
  bool FinishFile();

  WriterOptions options_;
  BlockOutput output_;
  std::vector<std::string> tails_;  // by interface: what follows a packet's bytes, but for the last length
  std::uint64_t begin_ns_;
  int failure_ = 0;
};

}  // namespace knetlab
