// SPDX-License-Identifier: Apache-2.0
// Compiled filters decide as libpcap's interpreter does: all expressions of the corpus, optimised by libpcap
// and not, on packets made for each of them and on captures; and random programs. In user space, where every
// access is checked; the kernel has its turn in harness/scenario/filter_kernel_test.cc, and `filter_soak`
// runs a million.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>

#include "harness/filter/reference.h"
#include "harness/filter/testing/compare.h"
#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/directed.h"
#include "harness/filter/testing/ebpf_interpreter.h"
#include "harness/filter/testing/packets.h"
#include "harness/filter/testing/soak.h"
#include "netns/error.h"

namespace knetlab::filter_testing {
namespace {

// More than a way through any of the corpus's loops over a packet takes.
constexpr std::size_t kSteps = 100'000;

struct Totals {
  std::size_t packets = 0, matches = 0, branches = 0, taken = 0;
};

class CorpusOracle : public testing::TestWithParam<bool> {};

// The interpreter of classic BPF is libpcap's here: our own is not trusted to be the judge of the corpus.
void CompareWithLibpcap(const ClassicProgram& program, const std::string& expression,
                        const std::vector<PacketBytes>& packets, Totals& totals) {
  const std::vector<Compiled> compiled = CompileForAll(program);
  for (const PacketBytes& packet : packets) {
    const auto length = static_cast<std::uint32_t>(packet.size());
    const ClassicRun run = RunClassic(program, {packet, length, nullptr}, nullptr, kSteps);
    if (run.end == ClassicRun::End::kSteps) continue;  // libpcap would not come back ("ip protochain 51")
    const bool matches = RunReference(program, std::as_bytes(std::span(packet)), length) != 0;
    ASSERT_EQ(run.result != 0, matches) << expression << "\n" << Hex(packet);
    ++totals.packets;
    totals.matches += matches ? 1 : 0;
  }
  const std::optional<Difference> difference = Compare(program, compiled, packets);
  EXPECT_FALSE(difference) << expression << "\n" << difference->Text();
}

TEST_P(CorpusOracle, IsLibpcap) {
  const std::vector<PacketBytes> captured = ReadFolder(KNETLAB_CAPTURES, 8);
  ASSERT_GT(captured.size(), 200U);
  Totals totals;
  for (const std::string& expression : ReadExpressions(KNETLAB_FILTERS)) {
    const ClassicProgram program =
        CompileExpression(expression, {.optimise = GetParam(), .netmask = 0xffffff00U});
    if (ReadsAncillary(program)) continue;  // no value for libpcap; filter_kernel_test.cc has them
    DirectedPackets directed = MakeDirected(program, {captured.front(), captured.back()}, {.seed = 1});
    totals.branches += directed.coverage.branches();
    totals.taken += directed.coverage.taken();
    CompareWithLibpcap(program, expression, directed.packets, totals);
    CompareWithLibpcap(program, expression, captured, totals);
  }
  fmt::print("{} packets, {} matches, {} of {} branches taken\n", totals.packets, totals.matches,
             totals.taken, totals.branches);
  EXPECT_GT(totals.matches, 1000U);
}
INSTANTIATE_TEST_SUITE_P(Libpcap, CorpusOracle, testing::Bool(),
                         [](const auto& which) { return which.param ? "optimised" : "unoptimised"; });

// What is no byte of a packet: the hook's own words for it.
struct AncillaryCase {
  const char* name;
  std::uint32_t number;                               // behind SKF_AD_OFF
  std::optional<std::uint32_t> xdp_field, skb_field;  // where the context has it
  std::uint32_t stored, loaded;                       // as it is there, and as classic BPF sees it
};

std::vector<AncillaryCase> AncillaryCases() {
  return {
      {"protocol", SKF_AD_PROTOCOL, {}, offsetof(__sk_buff, protocol), 0x0008, 0x0800},
      {"packet_type", SKF_AD_PKTTYPE, {}, offsetof(__sk_buff, pkt_type), 4, 4},
      {"ifindex", SKF_AD_IFINDEX, offsetof(xdp_md, ingress_ifindex), offsetof(__sk_buff, ifindex), 12, 12},
      {"mark", SKF_AD_MARK, {}, offsetof(__sk_buff, mark), 0x80000001U, 0x80000001U},
      {"queue", SKF_AD_QUEUE, offsetof(xdp_md, rx_queue_index), offsetof(__sk_buff, queue_mapping), 3, 3},
      {"hash", SKF_AD_RXHASH, {}, offsetof(__sk_buff, hash), 0xdeadbeefU, 0xdeadbeefU},
      {"vlan_tag", SKF_AD_VLAN_TAG, {}, offsetof(__sk_buff, vlan_tci), 0x2064, 0x2064},
      {"vlan_present", SKF_AD_VLAN_TAG_PRESENT, {}, offsetof(__sk_buff, vlan_present), 1, 1},
      {"vlan_protocol", SKF_AD_VLAN_TPID, {}, offsetof(__sk_buff, vlan_proto), 0x0081, 0x8100},
  };
}

// ld the word; jeq; and the same again behind a load of the packet, so that both orders are compiled.
TEST(AncillaryOracle, LoadsAreWhatTheHookHas) {
  const PacketBytes packet(60);
  for (const AncillaryCase& one : AncillaryCases()) {
    const std::uint32_t offset = static_cast<std::uint32_t>(SKF_AD_OFF) + one.number;
    for (const FilterTarget target : AllTargets()) {
      const std::optional<std::uint32_t> field = IsSkb(target) ? one.skb_field : one.xdp_field;
      for (const std::uint32_t wanted : {one.loaded, one.loaded + 1, one.stored}) {
        const ClassicProgram program = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 20},
                                        {BPF_JMP | BPF_JEQ, 0, 2, 0},
                                        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset},
                                        {BPF_JMP | BPF_JEQ, 1, 0, wanted},
                                        {BPF_RET, 0, 0, 0},
                                        {BPF_RET, 0, 0, 1}};
        const FilterOptions options{.target = target, .match = kMatch, .otherwise = kOtherwise};
        if (!field) {
          EXPECT_THROW(CompileFilter(program, options), Error) << one.name << " " << static_cast<int>(target);
          continue;
        }
        const Ancillary known = {{offset, one.loaded}};
        const ClassicRun expected = RunClassic(program, {packet, 60, &known});
        const EbpfRun run = RunEbpf(CompileFilter(program, options).instructions,
                                    {.context = IsSkb(target) ? EbpfContext::kSkb : EbpfContext::kXdp,
                                     .packet = packet,
                                     .direct_access = target != FilterTarget::kSocket,
                                     .fields = {{*field, one.stored}}});
        EXPECT_EQ(run.failure, "") << one.name;
        EXPECT_EQ(run.result, static_cast<std::uint32_t>(expected.result != 0 ? kMatch : kOtherwise))
            << one.name << ", target " << static_cast<int>(target) << ", " << wanted;
      }
    }
  }
}

// What the soak found, so that it stays mended.
struct FoundCase {
  const char* what;
  const char* program;
  std::vector<std::uint8_t> first, last;  // of the packet: bytes at its beginning and at its end
  std::size_t length;
};

TEST(FoundBySoak, StaysMended) {
  const FoundCase cases[] = {
      {"an offset over 65535 on another way",
       "4,32 0 0 28,21 1 0 677126,64 0 1 81841,6 1 0 1",
       {},
       {10, 85, 6},
       32},
      {"a far offset from an index that is read near, too",
       "7,177 0 0 89,80 0 0 0,32 0 0 0,37 0 1 0,6 0 0 1,64 0 0 65480,22 0 0 0",
       {0, 0, 0, 31},
       {0x5d},
       90},
      {"an index shifted by a register",
       "6,129 0 0 0,48 0 0 0,124 0 0 0,7 0 0 0,72 0 0 0,6 0 0 1",
       {},
       {},
       64},
      {"every packet too short for the linear part", "3,1 0 0 65534,72 0 0 0,6 0 0 1", {}, {}, 64},
  };
  for (const FoundCase& one : cases) {
    PacketBytes packet(one.length);
    std::copy(one.first.begin(), one.first.end(), packet.begin());
    std::copy(one.last.rbegin(), one.last.rend(), packet.rbegin());
    const std::optional<Difference> difference = CompileAndCompare(ParseClassic(one.program), {packet});
    EXPECT_FALSE(difference) << one.what << "\n" << difference->Text();
  }
}

// KNETLAB_SOAK_SEED chooses others.
TEST(RandomOracle, ProgramsAreThemselvesCompiled) {
  const char* seed = std::getenv("KNETLAB_SOAK_SEED");
  SoakOptions options{.seed = seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10), .programs = 4000};
  options.models = CorpusModels(KNETLAB_FILTERS);
  const SoakResult result = Soak(options, CompileAndCompare);
  fmt::print("{} programs, {} packets, {} matches\n", result.programs, result.packets, result.matches);
  EXPECT_FALSE(result.difference) << "seed " << options.seed << ", program " << result.number << "\n"
                                  << result.difference->Text();
  EXPECT_EQ(result.programs, result.difference ? result.programs : options.programs);
  EXPECT_GT(result.matches, result.packets / 10);
}

}  // namespace
}  // namespace knetlab::filter_testing
