// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/run_capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/capture/instrumented.h"
#include "harness/program/attach.h"
#include "harness/program/instrument.h"
#include "harness/scenario/located_error.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// Of several scenarios at once, and their packets come from a sender of user space.
constexpr std::size_t kBuffer = std::size_t{16} << 20;

// "server:eth0 xdp filter", as the ledger has it; of several places all.
std::string PlacesOf(const WireLab& lab, const std::string& label) {
  std::string places;
  for (const HookedProgram& hook : lab.hooks()) {
    if (hook.program != label) continue;
    std::string kind = hook.hook;
    if (const std::size_t dash = kind.find('-'); dash != std::string::npos) kind[dash] = ' ';
    places += fmt::format("{}{} {}", places.empty() ? "" : ", ", hook.endpoint, kind);
  }
  // Of a cgroup the account knows no place.
  for (const AttachSpec& attach : lab.programs().at(label).spec->attach) {
    if (places.empty()) places = fmt::format("{} {}", attach.target, attach.kind);
  }
  return places + " " + label;
}

std::string HowMadeReady(const std::string& label, const Instrumentation& instrumentation) {
  std::string text =
      fmt::format("capture at program {}: instrumented by {}", label, MethodName(instrumentation.method()));
  if (!instrumentation.unseen().empty()) text += ", which does not see " + instrumentation.unseen();
  return text;
}

}  // namespace

RunCapture::RunCapture(std::string file, const Scenario& scenario) : file_(std::move(file)) {
  if (scenario.capture) spec_ = *scenario.capture;
  if (file_.empty()) return;
  for (const ProgramSpec& program : scenario.programs) {
    const bool named =
        std::find(spec_.programs.begin(), spec_.programs.end(), program.label) != spec_.programs.end();
    const bool takes_part =
        !program.attach.empty() && CanCapture(AttacherFor(program.attach.front().kind).program_type);
    if (named || (spec_.programs.empty() && takes_part)) labels_.insert(program.label);
  }
}

// What of the verdicts asked for a program has; of one that is named all of them, so that a wrong one is
// told.
std::vector<std::string> RunCapture::VerdictsOf(const Program& program) const {
  std::vector<std::string> verdicts = spec_.verdicts;
  if (spec_.programs.empty())
    std::erase_if(verdicts, [&](const std::string& verdict) { return !HasVerdict(program, verdict); });
  return verdicts;
}

// A program that is not named and cannot be captured is told of, and no mistake.
std::vector<CapturePoint> RunCapture::PointsOf(const WireLab& lab, const std::string& label) {
  const Program& program = *lab.programs().at(label).program;
  InstrumentedOptions options{.verdicts = VerdictsOf(program), .entry = spec_.before};
  const bool other_verdicts_only = options.verdicts.empty() && !spec_.verdicts.empty();
  if (other_verdicts_only) options.verdicts = spec_.verdicts;  // for the reason
  try {
    std::vector<CapturePoint> points = InstrumentedPoints(PlacesOf(lab, label), program, options);
    notes_.push_back(HowMadeReady(label, *program.instrumentation()));
    return points;
  } catch (const Error& error) {
    const bool somebody_has = std::any_of(labels_.begin(), labels_.end(), [&](const std::string& other) {
      return !VerdictsOf(*lab.programs().at(other).program).empty();
    });
    if (other_verdicts_only && somebody_has) return {};
    if (!spec_.programs.empty() || !spec_.verdicts.empty()) throw;
    notes_.emplace_back(error.what());
    return {};
  }
}

void RunCapture::Begin(const WireLab& lab) {
  if (file_.empty()) return;
  WithMark(spec_.mark, [&] {
    session_.emplace(SessionOptions{.output = file_,
                                    .filter = spec_.filter,
                                    .snaplen = spec_.snaplen,
                                    .sample = spec_.sample,
                                    .buffer = kBuffer});
    for (const std::string& label : labels_) {
      for (const CapturePoint& point : PointsOf(lab, label)) session_->Add(point);
    }
    session_->Start();
  });
}

void RunCapture::End(std::vector<std::string>& notes) {
  if (!session_) return;
  const CaptureResult result = session_->Stop();
  session_.reset();
  std::uint64_t matched = 0;
  std::uint64_t written = 0;
  std::uint64_t lost = 0;
  for (const PointCounts& point : result.points) {
    matched += point.matched;
    written += point.written;
    lost += point.lost;
  }
  notes.insert(notes.end(), notes_.begin(), notes_.end());
  notes.push_back(fmt::format("captured {} packets, wrote {} to {}, lost {}", matched, written, file_, lost));
  if (result.end == CaptureEnd::kOutput) throw ErrnoError("write capture", file_, result.output_error);
}

}  // namespace knetlab
