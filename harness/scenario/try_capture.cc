// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/try_capture.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "harness/capture/pcapng_writer.h"
#include "netns/error.h"

namespace knetlab {
namespace {

std::optional<VerdictOption> OptionOf(const TryResult& result, const PacketResult& packet) {
  if (!packet.code) return std::nullopt;
  if (result.type == "xdp") return VerdictOption{VerdictOption::Kind::kXdp, *packet.code};
  if (result.type == "sched_cls") return VerdictOption{VerdictOption::Kind::kTc, *packet.code};
  return std::nullopt;
}

class TryCapture {
 public:
  TryCapture(const std::string& path, const TryResult& result) : writer_(path, {}), result_(result) {}

  void Add(const TriedPacket& tried, const Packet& sent) {
    const PacketResult& packet = tried.result;
    Append(packet, packet.verdict, sent, sent.bytes);
    if (packet.out && *packet.out != sent.bytes)
      Append(packet, packet.verdict + ", rewritten", sent, *packet.out);
  }
  void Finish(const std::string& path) {
    if (!writer_.Finish([this](std::uint32_t interface) { return CountsOf(interface); }))
      throw ErrnoError("write capture", path, writer_.error());
  }

 private:
  void Append(const PacketResult& packet, const std::string& verdict, const Packet& sent,
              const std::vector<std::byte>& bytes) {
    const auto [found, is_new] = interfaces_.try_emplace(verdict, 0);
    if (is_new) {
      found->second = writer_.AddInterface(
          {.name = fmt::format("{} {}", result_.program, verdict),
           .description = fmt::format("{} of {}, {} rig", result_.program, result_.object, result_.rig),
           .verdict = verdict,
           .code = OptionOf(result_, packet)});
    }
    const bool whole = bytes.size() == sent.bytes.size() && sent.wire_length > bytes.size();
    writer_.Append(found->second,
                   {.time_ns = sent.time_ns,
                    .wire_length = whole ? sent.wire_length : static_cast<std::uint32_t>(bytes.size()),
                    .bytes = bytes});
  }
  InterfaceCounts CountsOf(std::uint32_t interface) const {
    const std::uint64_t count = writer_.written(interface);
    return {.received = count, .matched = count, .lost = 0, .written = count};
  }

  PcapngWriter writer_;
  const TryResult& result_;
  std::map<std::string, std::uint32_t> interfaces_;
};

}  // namespace

void WriteTryCapture(const std::string& path, const TryResult& result, const Capture& sent) {
  TryCapture capture(path, result);
  for (const TriedPacket& packet : result.packets)
    capture.Add(packet, sent.packets.at(packet.result.index - 1));
  capture.Finish(path);
}

}  // namespace knetlab
