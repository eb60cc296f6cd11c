// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "harness/filter/testing/ebpf_interpreter.h"
#include "harness/filter/testing/packets.h"

namespace knetlab::filter_testing {
namespace {

// What does not end within so many instructions is a loop without end.
constexpr std::size_t kLoopSteps = 100'000;

const char* MatchName(bool match) {
  return match ? "match" : "no match";
}

// More is not linear (compile.h).
constexpr std::size_t kMostLinear = 32767;

// Bytes that are linear in turn: all, and less where the target can read the rest. None where it can not, and
// the packet has more.
std::vector<std::size_t> LinearSizes(FilterTarget target, std::size_t size) {
  if (target == FilterTarget::kSocket) return {size};
  if (target == FilterTarget::kXdp)
    return size > kMostLinear ? std::vector<std::size_t>() : std::vector{size};
  return {std::min(size, kMostLinear), std::min<std::size_t>(size, 14), size / 2,
          std::min<std::size_t>(size, 34)};
}

const char* TargetName(FilterTarget target) {
  switch (target) {
    case FilterTarget::kXdp:
      return "xdp";
    case FilterTarget::kXdpFrags:
      return "xdp.frags";
    case FilterTarget::kTc:
      return "tc";
    case FilterTarget::kSocket:
      break;
  }
  return "socket";
}

// R9 and 16 bytes of the stack are the program's own; so is R6, the context.
Code Embed(const ClassicProgram& program, FilterTarget target) {
  constexpr std::int32_t kOwn = 0x1234567, kChanged = 3;
  Assembler a;
  const Label match = a.NewLabel(), otherwise = a.NewLabel(), check = a.NewLabel(), changed = a.NewLabel();
  a.Mov(R6, R1);
  a.Mov(R9, kOwn);
  for (const std::int16_t at : {-8, -16}) a.StoreValue(Size::kDouble, R10, at, kOwn);
  EmbedFilter(
      a, program,
      {.target = target, .context = R6, .stack = 16, .free = 0x180, .match = match, .otherwise = otherwise});
  if (a.IsTarget(match)) {
    a.Bind(match);
    a.Mov(R8, kMatch);
    if (a.IsTarget(otherwise)) a.Jump(check);
  }
  if (a.IsTarget(otherwise)) {
    a.Bind(otherwise);
    a.Mov(R8, kOtherwise);
  }
  a.Bind(check);
  a.Mov(R0, kChanged);
  a.JumpIf(Cond::kNotEqual, R9, kOwn, changed);
  for (const std::int16_t at : {-8, -16}) {
    a.Load(Size::kDouble, R1, R10, at);
    a.JumpIf(Cond::kNotEqual, R1, kOwn, changed);
  }
  a.Mov(R0, R8);
  a.Bind(changed);
  a.Exit();
  return a.Finish();
}

std::string Run(const Compiled& compiled, const PacketBytes& packet, std::size_t linear) {
  EbpfInput input{.context = IsSkb(compiled.target) ? EbpfContext::kSkb : EbpfContext::kXdp,
                  .packet = packet,
                  .linear = linear,
                  .direct_access = compiled.target != FilterTarget::kSocket};
  const EbpfRun run = RunEbpf(compiled.code.instructions, input);
  if (!run.ok()) return run.failure;
  if (run.result == static_cast<std::uint32_t>(kMatch)) return MatchName(true);
  if (run.result == static_cast<std::uint32_t>(kOtherwise)) return MatchName(false);
  return fmt::format("result {}, which is neither of the two", run.result);
}

}  // namespace

const std::vector<FilterTarget>& AllTargets() {
  static const std::vector<FilterTarget> all = {FilterTarget::kXdp, FilterTarget::kXdpFrags,
                                                FilterTarget::kTc, FilterTarget::kSocket};
  return all;
}

std::vector<Compiled> CompileForAll(const ClassicProgram& program) {
  std::vector<Compiled> all;
  for (const FilterTarget target : AllTargets()) {
    all.push_back(
        {target, CompileFilter(program, {.target = target, .match = kMatch, .otherwise = kOtherwise})});
  }
  // For one target in turn: to compile is what comparisons spend their time with.
  const FilterTarget target = AllTargets()[(program.size() + program.front().k) % AllTargets().size()];
  all.push_back({target, Embed(program, target), true});
  return all;
}

std::optional<Difference> Compare(const ClassicProgram& program, const std::vector<Compiled>& compiled,
                                  const std::vector<PacketBytes>& packets) {
  for (const PacketBytes& packet : packets) {
    const ClassicRun run = RunClassic(program, {packet, static_cast<std::uint32_t>(packet.size()), nullptr},
                                      nullptr, kLoopSteps);
    if (run.end == ClassicRun::End::kSteps) continue;
    const std::string expected = MatchName(run.result != 0);
    for (const Compiled& one : compiled) {
      std::size_t before = SIZE_MAX;
      for (const std::size_t linear : LinearSizes(one.target, packet.size())) {
        if (linear == before) continue;
        before = linear;
        const std::string got = Run(one, packet, linear);
        if (got == expected) continue;
        return Difference{program, packet, fmt::format("{}, {} bytes linear", one.Name(), linear), expected,
                          got};
      }
    }
  }
  return std::nullopt;
}

std::optional<Difference> CompileAndCompare(const ClassicProgram& program,
                                            const std::vector<PacketBytes>& packets) {
  std::vector<Compiled> compiled;
  try {
    compiled = CompileForAll(program);
  } catch (const std::exception& error) {
    return Difference{program, {}, "compiler", "a program", error.what()};
  }
  return Compare(program, compiled, packets);
}

std::string Compiled::Name() const {
  return fmt::format("{}{}", TargetName(target), embedded ? ", embedded" : "");
}

std::string Difference::Text() const {
  return fmt::format("target: {}\nexpected: {}\ngot: {}\nprogram: {}\npacket ({} bytes): {}\n", target,
                     expected, got, FormatClassic(program, ClassicFormat::kXtBpf), packet.size(),
                     Hex(packet));
}

}  // namespace knetlab::filter_testing
