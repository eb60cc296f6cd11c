// SPDX-License-Identifier: Apache-2.0
// knetlab clean: removes what was kept on purpose or left by a run or a capture that was killed. All else of
// the lab the kernel removes itself.
#include <fmt/format.h>

#include "harness/capture/hook_map.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/requirements.h"
#include "netns/cgroup.h"
#include "netns/kept.h"

namespace knetlab {
namespace {

int Clean(Session& session) {
  RequireRoot("clean");
  const std::vector<std::string> removed = SweepKept(true);
  for (const std::string& name : removed)
    session.output.Write(fmt::format("removed namespace {}\n", TerminalSafe(name)));
  const std::vector<std::string> cgroups = SweepCgroups();
  for (const std::string& path : cgroups) session.output.Write(fmt::format("removed cgroup {}\n", path));
  const std::size_t captures = ClearDeadCaptures();
  if (captures > 0)
    session.output.Write(fmt::format("took {} out of hooks\n", FormatPlural(captures, "capture program")));
  if (removed.empty() && cgroups.empty() && captures == 0) session.output.Write("nothing to remove\n");
  return kExitDone;
}

}  // namespace

std::vector<Verb> AddClean(CLI::App& command, Options&) {
  CLI::App* verb = command.add_subcommand("clean", "Remove every namespace that was kept or left behind");
  return {{verb, Clean}};
}

}  // namespace knetlab
