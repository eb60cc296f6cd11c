// SPDX-License-Identifier: Apache-2.0
// knetlab results baseline set, list.
#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verb_results.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/results_documents.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// It would never be found: numbers and `latest` are tried first.
void RequireUsableName(const std::string& name) {
  const bool digits = name.find_first_not_of("0123456789") == std::string::npos;
  if (!digits && name != "latest") return;
  throw Error({.what = "set baseline",
               .where = name,
               .why = "a number and \"latest\" already mean a run",
               .hint = "take a name such as main",
               .detail = "",
               .code = EINVAL});
}

}  // namespace

int ResultsBaselineSet(Session& session, const ResultsArguments& arguments) {
  RequireUsableName(arguments.name);
  { const Store there = OpenStore(session, Store::Mode::kRead); }  // naming a run makes no store
  Store store = OpenStore(session, Store::Mode::kWrite);
  const StoredRun run = store.Find(arguments.run).back();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  store.SetBaseline(arguments.name, run, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  session.output.Write(TerminalSafe(fmt::format("{} is run {}       knetlab results compare latest {}\n",
                                                arguments.name, run.number, arguments.name)));
  return kExitDone;
}

int ResultsBaselineList(Session& session) {
  Store store = OpenStore(session, Store::Mode::kRead);
  const std::vector<Baseline> baselines = store.Baselines();
  if (session.options.json) {
    session.output.Write(DumpDocument(BaselinesDocument(baselines)));
    return kExitDone;
  }
  Table table({{"baseline"}, {"run", Align::kRight}, {"since (UTC)"}});
  for (const Baseline& baseline : baselines)
    table.Add({baseline.name, std::to_string(baseline.run), ShowTime(baseline.set_ns)});
  session.output.Write(table.Render({.colour = session.output.colour()}));
  return kExitDone;
}

}  // namespace knetlab
