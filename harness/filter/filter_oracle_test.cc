// SPDX-License-Identifier: Apache-2.0
// Compiled filters decide as libpcap's interpreter does: all expressions of the corpus, optimised by libpcap
// and not, on packets made for each of them and on captures; and random programs. In user space, where every
// access is checked; the kernel has its turn in harness/scenario/filter_kernel_test.cc, and `filter_soak`
// runs a million.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "harness/filter/reference.h"
#include "harness/filter/testing/compare.h"
#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/directed.h"
#include "harness/filter/testing/packets.h"
#include "harness/filter/testing/soak.h"

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
