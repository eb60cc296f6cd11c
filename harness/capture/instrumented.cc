// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/instrumented.h"

#include <fmt/format.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <utility>

#include "harness/program/instrument.h"
#include "harness/program/verdict.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

Error UnfitProgram(const std::string& hook, std::string why, std::string hint = "") {
  return Error({.what = "capture at",
                .where = hook,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

class Inserted : public Placement {
 public:
  explicit Inserted(Insertion insertion) : insertion_(std::move(insertion)) {}

 private:
  Insertion insertion_;
};

// "XDP_DROP", "TC_ACT_SHOT", "other" as "drop", "shot", "other".
std::string ShortName(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* prefix : {"xdp_", "tc_act_", "socket_", "cgroup_"}) {
    if (name.rfind(prefix, 0) == 0) name.erase(0, std::string_view(prefix).size());
  }
  return name;
}

std::vector<std::string> SlotNames(const Instrumentation& instrumentation) {
  std::vector<std::string> names;
  for (std::size_t slot = 0; slot < instrumentation.slots(); ++slot)
    names.push_back(instrumentation.SlotName(slot));
  return names;
}

std::optional<std::size_t> SlotByName(const Program& program, const std::vector<std::string>& names,
                                      const std::string& verdict) {
  std::string wanted = ShortName(verdict);
  const bool tc = program.type() == BPF_PROG_TYPE_SCHED_CLS || program.type() == BPF_PROG_TYPE_SCHED_ACT;
  if (tc && wanted == "drop") wanted = "shot";
  if (tc && wanted == "pass") wanted = "ok";
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const std::string& name) { return ShortName(name) == wanted; });
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

// None: all slots.
std::vector<std::size_t> ChosenSlots(const std::string& hook, const Program& program,
                                     const std::vector<std::string>& names,
                                     const std::vector<std::string>& verdicts) {
  std::vector<std::size_t> slots;
  for (const std::string& verdict : verdicts) {
    const std::optional<std::size_t> slot = SlotByName(program, names, verdict);
    if (!slot)
      throw UnfitProgram(hook, fmt::format("\"{}\" is not a verdict of its program", verdict),
                         NearestHint(verdict, names));
    slots.push_back(*slot);
  }
  for (std::size_t slot = 0; verdicts.empty() && slot < names.size(); ++slot) slots.push_back(slot);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  return slots;
}

// What a capture program returns, which nobody heeds: a value that its type allows.
std::optional<std::int32_t> HarmlessResult(bpf_prog_type type) {
  switch (type) {
    case BPF_PROG_TYPE_XDP:
      return XDP_PASS;
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
    case BPF_PROG_TYPE_SOCKET_FILTER:
      return TC_ACT_OK;  // 0, at a socket: nothing of the packet
    case BPF_PROG_TYPE_CGROUP_SKB:
      return 1;
    default:
      return std::nullopt;
  }
}

// The code of a slot; the last one, of what is no verdict, has none.
std::optional<std::int64_t> CodeOf(const Instrumentation& instrumentation, std::size_t slot) {
  for (std::int64_t code = TC_ACT_UNSPEC; code <= TC_ACT_TRAP; ++code) {
    if (instrumentation.SlotOf(code) == slot && slot + 1 < instrumentation.slots()) return code;
  }
  return std::nullopt;
}

}  // namespace

bool CanCapture(bpf_prog_type type) {
  return HarmlessResult(type).has_value();
}

bool HasVerdict(const Program& program, const std::string& verdict) {
  const Instrumentation* instrumentation = program.instrumentation();
  return instrumentation != nullptr && SlotByName(program, SlotNames(*instrumentation), verdict).has_value();
}

std::vector<CapturePoint> InstrumentedPoints(const std::string& hook, const Program& program,
                                             const InstrumentedOptions& options) {
  const std::optional<std::int32_t> result = HarmlessResult(program.type());
  if (!result)
    throw UnfitProgram(
        hook,
        fmt::format("packets of a program of type {} cannot be captured", ProgramTypeName(program.type())),
        "XDP, TC, socket filter and cgroup_skb programs can");
  const Instrumentation* instrumentation = program.instrumentation();
  if (instrumentation == nullptr || instrumentation->method() == InstrumentMethod::kNone)
    throw UnfitProgram(
        hook, fmt::format("{} could not be instrumented: {}", program.name(),
                          instrumentation == nullptr ? "it was not asked for" : instrumentation->why()));
  const CapturePoint like = {.hook = hook,
                             .result = *result,
                             .kind = {.type = program.type(),
                                      .attach_type = program.expected_attach_type(),
                                      .frags = program.has_frags()}};
  std::vector<CapturePoint> points;
  if (options.entry) {
    points.push_back(like);
    points.back().verdict = "before";
    points.back().put = [instrumentation](const RawProgram& capture) {
      return std::make_unique<Inserted>(instrumentation->InsertAtEntry(capture));
    };
  }
  const std::vector<std::string> names = SlotNames(*instrumentation);
  for (const std::size_t slot : ChosenSlots(hook, program, names, options.verdicts)) {
    points.push_back(like);
    points.back().verdict = names[slot];
    points.back().code = CodeOf(*instrumentation, slot);
    points.back().put = [instrumentation, slot](const RawProgram& capture) {
      return std::make_unique<Inserted>(instrumentation->InsertAtExit(slot, capture));
    };
  }
  return points;
}

}  // namespace knetlab
