// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_program.h"

#include <fmt/format.h>

#include <span>

#include "harness/program/sha256.h"

namespace knetlab {
namespace {

FilterOutput OutputOf(const ProgramSpec& program, bool fragments) {
  FilterOutput output{.form = FilterForm::kObject, .match = "", .otherwise = "", .fragments = fragments};
  if (program.attach.empty()) return output;
  const AttachSpec& attach = program.attach.front();
  output.hook = FilterHookOf(attach);
  output.match = attach.match;
  output.otherwise = attach.otherwise;
  return output;
}

// The lab's packet sockets see packets from their IP header on, as a test run of a socket filter does.
Filter FilterOfProgram(const ProgramSpec& program, FilterHook hook) {
  const LinkLayer link = hook == FilterHook::kSocket ? LinkLayer::kRawIp : LinkLayer::kEthernet;
  return {program.filter, CompileExpression(program.filter, {.link = link})};
}

}  // namespace

FilterHook FilterHookOf(const AttachSpec& attach) {
  if (attach.kind == "xdp") return FilterHook::kXdp;
  return attach.kind == "socket" ? FilterHook::kSocket : FilterHook::kTc;
}

void CheckFilterProgram(const ProgramSpec& program) {
  const FilterOutput output = OutputOf(program, false);
  CompileFor(FilterOfProgram(program, output.hook), output);
}

std::string FilterObject(const ProgramSpec& program, bool fragments) {
  const FilterOutput output = OutputOf(program, fragments);
  return EmitFilter(FilterOfProgram(program, output.hook), output);
}

std::string HashOfFilter(const ProgramSpec& program) {
  const FilterOutput output = OutputOf(program, false);
  const std::string text = fmt::format("{}\n{}\n{}\n{}", program.filter, static_cast<int>(output.hook),
                                       output.match, output.otherwise);
  return Sha256Hex(std::as_bytes(std::span(text)));
}

}  // namespace knetlab
