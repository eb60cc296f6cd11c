// SPDX-License-Identifier: Apache-2.0
// knetlab doctor: what works on this machine, and how to get what does not.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "harness/scenario/environment.h"

namespace knetlab {
namespace {

std::string DoctorText(const std::vector<Facility>& facilities, bool colour) {
  constexpr std::size_t kDetail = 2;
  Table table({{"facility"}, {"works"}, {"detail"}});
  for (const Facility& facility : facilities) {
    const Style bad = facility.essential ? Style::kBad : Style::kStrong;
    table.Add({facility.name, facility.works ? Cell("yes", Style::kGood) : Cell("no", bad), facility.detail});
    if (!facility.works) table.AddBelow(kDetail, {"get it: " + facility.hint, Style::kDim});
  }
  const Environment environment = ReadEnvironment();
  return Paint(fmt::format("knetlab {} on Linux {}, {} x {}", environment.version, environment.kernel,
                           environment.cpus, environment.cpu.empty() ? environment.machine : environment.cpu),
               Style::kStrong, colour) +
         "\n\n" + table.Render({.colour = colour});
}

std::string Summary(const std::vector<Facility>& facilities) {
  std::string missing;
  for (const Facility& facility : facilities) {
    if (facility.essential && !facility.works) missing += (missing.empty() ? "" : ", ") + facility.name;
  }
  const auto working = std::count_if(facilities.begin(), facilities.end(),
                                     [](const Facility& facility) { return facility.works; });
  const std::string count = fmt::format("\n{} of {} work. ", working, facilities.size());
  if (missing.empty()) return count + "The unit and wire rigs can run here.\n";
  return count + fmt::format("The unit and wire rigs cannot run here without {}.\n", missing);
}

int Doctor(Session& session) {
  const std::vector<Facility> facilities = ProbeFacilities();
  if (session.options.json) {
    session.output.Write(DumpDocument(DoctorDocument(facilities)));
  } else {
    session.output.Write(DoctorText(facilities, session.output.colour()) + Summary(facilities));
  }
  const bool able = std::all_of(facilities.begin(), facilities.end(), [](const Facility& facility) {
    return facility.works || !facility.essential;
  });
  return able ? kExitDone : kExitRefused;
}

}  // namespace

std::vector<Verb> AddDoctor(CLI::App& command, Options& options) {
  CLI::App* verb =
      command.add_subcommand("doctor", "What works on this machine, and how to get what does not");
  AddOptions(*verb, options, {Opt::kJson, Opt::kOutput});
  return {{verb, Doctor}};
}

}  // namespace knetlab
