// SPDX-License-Identifier: Apache-2.0
// JUnit XML, as the schema of Jenkins' xunit plugin (junit-10.xsd) has it. That schema knows properties of
// suites only, so the ledger and the costs of a scenario are properties of its suite, under its name.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <pugixml.hpp>
#include <sstream>

#include "harness/scenario/report_run.h"

namespace knetlab {
namespace {

struct JunitSuite {
  std::string folder, rig, kernel;
  std::vector<const ReportScenario*> scenarios;
};

std::vector<JunitSuite> SuitesOf(const ReportRun& run) {
  std::vector<JunitSuite> suites;
  for (const ReportScenario& scenario : run.scenarios) {
    const std::string folder = scenario.Folder();
    auto suite = std::find_if(suites.begin(), suites.end(), [&](const JunitSuite& one) {
      return one.folder == folder && one.rig == scenario.rig && one.kernel == scenario.kernel;
    });
    if (suite == suites.end())
      suite = suites.insert(suites.end(), {folder, scenario.rig, scenario.kernel, {}});
    suite->scenarios.push_back(&scenario);
  }
  return suites;
}

// With what tells it apart where a folder ran more than once.
std::string NameOf(const JunitSuite& suite, const std::vector<JunitSuite>& all) {
  const auto same = std::count_if(all.begin(), all.end(),
                                  [&](const JunitSuite& one) { return one.folder == suite.folder; });
  return same == 1 ? suite.folder : fmt::format("{} ({}, {})", suite.folder, suite.rig, suite.kernel);
}

void Set(pugi::xml_node node, const char* name, const std::string& value) {
  node.append_attribute(name).set_value(value.c_str());
}

void Set(pugi::xml_node node, const char* name, std::size_t value) {
  Set(node, name, std::to_string(value));
}

void SetTime(pugi::xml_node node, double seconds) {
  Set(node, "time", fmt::format("{:.3f}", std::max(seconds, 0.0)));
}

void AddText(pugi::xml_node node, const char* name, const std::string& text) {
  node.append_child(name).text().set(text.c_str());
}

void AddProperty(pugi::xml_node properties, const std::string& name, const std::string& value) {
  pugi::xml_node property = properties.append_child("property");
  Set(property, "name", name);
  Set(property, "value", value);
}

// What failed, all of it in one element: Jenkins shows only one of a test case.
void AddFailure(pugi::xml_node node, const ReportScenario& scenario) {
  std::string text, type;
  for (const ReportCheck& check : scenario.checks) {
    if (check.pass) continue;
    if (type.empty()) type = check.expect;
    text += fmt::format("{}: {}: {}\n", check.where.empty() ? scenario.file : check.where, check.expect,
                        check.message);
  }
  pugi::xml_node failure = node.append_child("failure");
  Set(failure, "type", type.empty() ? "check" : type);
  Set(failure, "message", scenario.reason);
  failure.text().set((text.empty() ? scenario.Place() + "\n" : text).c_str());
}

void AddError(pugi::xml_node node, const ReportScenario& scenario) {
  pugi::xml_node error = node.append_child("error");
  Set(error, "type", "error");
  Set(error, "message", scenario.reason.substr(0, scenario.reason.find('\n')));
  error.text().set(fmt::format("{}: {}\n", scenario.Place(), scenario.reason).c_str());
}

std::string OutputOf(const ReportScenario& scenario) {
  std::string text;
  for (const ReportCheck& check : scenario.checks)
    text += fmt::format("check    {}  {}\n", check.pass ? "pass" : "FAIL", check.expect);
  for (const ReportEntry& entry : scenario.ledger) {
    text += fmt::format("ledger   {} {} at {}{}\n", entry.count, entry.fate, entry.place,
                        entry.reason.empty() ? "" : fmt::format(" ({})", entry.reason));
  }
  for (const std::string& missing : scenario.missing) text += fmt::format("missing  {}\n", missing);
  for (const ReportLatency& latency : scenario.latency) {
    text += fmt::format("latency  {}", latency.place);
    for (const auto& [name, ns] : latency.quantiles) text += fmt::format("  {} {} ns", name, ns);
    text += "\n";
  }
  for (const ReportCost& cost : scenario.cost)
    text += fmt::format("cost     {}  {}\n", cost.program, CostText(cost));
  for (const std::string& note : scenario.notes) text += fmt::format("lab      {}\n", note);
  return text;
}

void AddCase(pugi::xml_node node, const ReportScenario& scenario, const std::string& suite) {
  pugi::xml_node testcase = node.append_child("testcase");
  Set(testcase, "name", scenario.Title());
  Set(testcase, "classname", suite);
  SetTime(testcase, scenario.duration_s);
  if (scenario.outcome == "skip") Set(testcase.append_child("skipped"), "message", scenario.reason);
  if (scenario.outcome == "fail") AddFailure(testcase, scenario);
  if (scenario.outcome == "error") AddError(testcase, scenario);
  if (const std::string output = OutputOf(scenario); !output.empty()) AddText(testcase, "system-out", output);
}

void AddProperties(pugi::xml_node node, const ReportRun& run, const JunitSuite& suite) {
  pugi::xml_node properties = node.append_child("properties");
  AddProperty(properties, "run", run.id);
  AddProperty(properties, "rig", suite.rig);
  AddProperty(properties, "seed", std::to_string(run.seed));
  if (run.interrupted)
    AddProperty(properties, "interrupted", fmt::format("{} of {} ran", run.scenarios.size(), run.planned));
  for (const auto& [name, value] : run.environment) AddProperty(properties, "environment." + name, value);
  for (const ReportScenario* scenario : suite.scenarios) {
    if (scenario->sent > 0) {
      AddProperty(properties, scenario->Title() + " ledger",
                  fmt::format("{} sent = {}", scenario->sent, scenario->Fates()));
    }
    for (const ReportCost& cost : scenario->cost)
      AddProperty(properties, fmt::format("{} cost {}", scenario->Title(), cost.program), CostText(cost));
  }
}

std::size_t Count(const JunitSuite& suite, std::string_view outcome) {
  return static_cast<std::size_t>(std::count_if(suite.scenarios.begin(), suite.scenarios.end(),
                                                [&](const auto* one) { return one->outcome == outcome; }));
}

double Duration(const JunitSuite& suite) {
  double sum = 0;
  for (const ReportScenario* scenario : suite.scenarios) sum += scenario->duration_s;
  return sum;
}

}  // namespace

std::string JunitReport(const ReportRun& run) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  Set(declaration, "version", "1.0");
  Set(declaration, "encoding", "UTF-8");
  pugi::xml_node root = document.append_child("testsuites");
  Set(root, "name", "knetlab");
  SetTime(root, run.duration_s);
  Set(root, "tests", run.scenarios.size());
  Set(root, "failures", run.Count("fail"));
  Set(root, "errors", run.Count("error"));
  const std::vector<JunitSuite> suites = SuitesOf(run);
  for (const JunitSuite& suite : suites) {
    pugi::xml_node node = root.append_child("testsuite");
    const std::string name = NameOf(suite, suites);
    Set(node, "name", name);
    Set(node, "tests", suite.scenarios.size());
    Set(node, "failures", Count(suite, "fail"));
    Set(node, "errors", Count(suite, "error"));
    Set(node, "skipped", Count(suite, "skip"));
    SetTime(node, Duration(suite));
    // Readers want the time without its zone.
    if (!run.started.empty()) Set(node, "timestamp", run.started.substr(0, run.started.find('Z')));
    AddProperties(node, run, suite);
    for (const ReportScenario* scenario : suite.scenarios) AddCase(node, *scenario, name);
  }
  std::ostringstream text;
  document.save(text, "  ", pugi::format_default, pugi::encoding_utf8);
  return std::move(text).str();
}

}  // namespace knetlab
