// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_test_support.h"

#include <fmt/format.h>
#include <linux/if_ether.h>

#include "harness/program/test_run.h"
#include "netns/error.h"

namespace knetlab::filter_testing {
namespace {

constexpr std::size_t kEthernetHeader = 14;
// A larger frame has parts behind its linear one, which the target kXdp is not for.
constexpr std::size_t kLargestLinear = 3000;
constexpr std::size_t kLoopSteps = 100'000;

// Frames beyond what a hook's test run takes; skbs (by Linux 6.18 at the latest) with nothing behind their
// Ethernet header, or with part of an IP header.
bool MayRefuse(const PacketBytes& packet) {
  const std::size_t protocol = ReadBigEndian(packet, 12, 2);
  const std::size_t header = protocol == ETH_P_IP ? 20 : protocol == ETH_P_IPV6 ? 40 : 1;
  return packet.size() > kLargestLinear || packet.size() < kEthernetHeader + header;
}

RawProgram Load(const Compiled& compiled) {
  RawProgramSpec spec{.name = "filter", .instructions = compiled.code.instructions};
  switch (compiled.target) {
    case FilterTarget::kXdp:
    case FilterTarget::kXdpFrags:
      spec.type = BPF_PROG_TYPE_XDP;
      spec.expected_attach_type = BPF_XDP;
      spec.has_frags = compiled.target == FilterTarget::kXdpFrags;
      break;
    case FilterTarget::kTc:
      spec.type = BPF_PROG_TYPE_SCHED_CLS;
      break;
    case FilterTarget::kSocket:
      spec.type = BPF_PROG_TYPE_SOCKET_FILTER;
  }
  return RawProgram::Load(spec);
}

}  // namespace

KernelFilter::KernelFilter(const Compiled& compiled) : target_(compiled.target), program_(Load(compiled)) {}

std::optional<std::uint32_t> KernelFilter::Run(const PacketBytes& packet) const {
  if (target_ == FilterTarget::kXdp && packet.size() > kLargestLinear) return std::nullopt;
  const TestRunResult result = TestRun(program_.program(), std::as_bytes(std::span(packet)));
  if (result.error != 0) return std::nullopt;
  return result.code;
}

PacketBytes KernelFilter::Seen(const PacketBytes& packet) const {
  if (target_ != FilterTarget::kSocket) return packet;
  return {packet.begin() + kEthernetHeader, packet.end()};
}

std::optional<Difference> CompareInKernel(const ClassicProgram& program,
                                          const std::vector<PacketBytes>& packets, KernelCounts* counts) {
  KernelCounts own;
  for (const Compiled& compiled : CompileForAll(program)) {
    try {
      const KernelFilter filter(compiled);
      ++own.programs;
      for (const PacketBytes& packet : packets) {
        const PacketBytes seen = filter.Seen(packet);
        const ClassicRun run = RunClassic(program, {seen, static_cast<std::uint32_t>(seen.size()), nullptr},
                                          nullptr, kLoopSteps);
        if (run.end == ClassicRun::End::kSteps) continue;
        const std::optional<std::uint32_t> got = filter.Run(packet);
        if (!got) {
          if (!MayRefuse(packet))
            return Difference{program, packet, compiled.Name() + " in the kernel", "a test run", "none"};
          ++own.untried;
          continue;
        }
        ++own.verdicts;
        const auto expected = static_cast<std::uint32_t>(run.result != 0 ? kMatch : kOtherwise);
        if (*got == expected) continue;
        return Difference{program, packet, fmt::format("{} in the kernel", compiled.Name()),
                          std::to_string(expected), std::to_string(*got)};
      }
    } catch (const Error& error) {
      return Difference{
          program, {}, fmt::format("{} in the kernel", compiled.Name()), "verified", error.what()};
    }
  }
  if (counts != nullptr) {
    counts->programs += own.programs;
    counts->verdicts += own.verdicts;
    counts->untried += own.untried;
  }
  return std::nullopt;
}

}  // namespace knetlab::filter_testing
