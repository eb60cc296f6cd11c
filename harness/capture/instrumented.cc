// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/instrumented.h"

#include <fmt/format.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
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
  for (const char* prefix : {"xdp_", "tc_act_"}) {
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

// None: all slots.
std::vector<std::size_t> ChosenSlots(const std::string& hook, const std::vector<std::string>& names,
                                     const std::vector<std::string>& verdicts) {
  std::vector<std::size_t> slots;
  for (const std::string& verdict : verdicts) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return ShortName(name) == ShortName(verdict);
    });
    if (found == names.end())
      throw UnfitProgram(hook, fmt::format("\"{}\" is not a verdict of its program", verdict),
                         NearestHint(verdict, names));
    slots.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  for (std::size_t slot = 0; verdicts.empty() && slot < names.size(); ++slot) slots.push_back(slot);
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  return slots;
}

// The code of a slot; the last one, of what is no verdict, has none.
std::optional<std::int64_t> CodeOf(const Instrumentation& instrumentation, std::size_t slot) {
  for (std::int64_t code = TC_ACT_UNSPEC; code <= TC_ACT_TRAP; ++code) {
    if (instrumentation.SlotOf(code) == slot && slot + 1 < instrumentation.slots()) return code;
  }
  return std::nullopt;
}

}  // namespace

std::vector<CapturePoint> InstrumentedPoints(const std::string& hook, const Program& program,
                                             const InstrumentedOptions& options) {
  const bool xdp = program.type() == BPF_PROG_TYPE_XDP;
  if (!xdp && program.type() != BPF_PROG_TYPE_SCHED_CLS && program.type() != BPF_PROG_TYPE_SCHED_ACT)
    throw UnfitProgram(
        hook,
        fmt::format("packets of a program of type {} cannot be captured", ProgramTypeName(program.type())),
        "XDP and TC programs can");
  const Instrumentation* instrumentation = program.instrumentation();
  if (instrumentation == nullptr || instrumentation->method() == InstrumentMethod::kNone)
    throw UnfitProgram(
        hook, fmt::format("{} could not be instrumented: {}", program.name(),
                          instrumentation == nullptr ? "it was not asked for" : instrumentation->why()));
  const CapturePoint like = {.hook = hook,
                             .result = xdp ? XDP_PASS : TC_ACT_OK,
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
  for (const std::size_t slot : ChosenSlots(hook, names, options.verdicts)) {
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
