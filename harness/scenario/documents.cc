// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/documents.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "harness/scenario/send.h"
#include "harness/scenario/suitable_rigs.h"

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

Json EntriesOf(const std::vector<LedgerEntry>& entries) {
  Json list = Json::array();
  for (const LedgerEntry& entry : entries) {
    list.push_back({{"fate", FateName(entry.fate)},
                    {"place", entry.place},
                    {"reason", entry.reason},
                    {"count", entry.count}});
  }
  return list;
}

Json LedgerOf(const Ledger& ledger) {
  return {{"sent", ledger.sent},
          {"entries", EntriesOf(ledger.entries)},
          {"background", EntriesOf(ledger.background)},
          {"unaccounted", ledger.unaccounted},
          {"balanced", ledger.balanced()},
          {"missing", ledger.missing}};
}

Json EnvironmentOf(const Environment& environment) {
  return {{"kernel", environment.kernel},  {"machine", environment.machine},
          {"cpu", environment.cpu},        {"cpus", environment.cpus},
          {"jit", environment.jit},        {"mitigations", environment.mitigations},
          {"clock", environment.clock},    {"governor", environment.governor},
          {"version", environment.version}};
}

Json PacketOf(const TriedPacket& packet) {
  const PacketResult& result = packet.result;
  Json json = {{"index", result.index},     {"length", packet.length}, {"padded", packet.padded},
               {"verdict", result.verdict}, {"code", nullptr},         {"fate", FateName(result.fate)}};
  if (result.code) json["code"] = *result.code;
  if (result.fate == Fate::kLost) {
    json["place"] = result.place;
    json["reason"] = result.reason;
  }
  if (result.out) {
    json["out_length"] = result.out->size();
    json["out_sha256"] = packet.out_sha256;
  }
  return json;
}

Json ErrorPartsOf(const Error& error) {
  const ErrorParts& parts = error.parts();
  Json json = {{"what", parts.what}, {"where", parts.where}, {"why", parts.why}, {"hint", parts.hint}};
  if (!parts.detail.empty()) json["detail"] = parts.detail;
  return json;
}

Json ChecksOf(const std::vector<CheckResult>& checks) {
  Json list = Json::array();
  for (const CheckResult& check : checks) {
    list.push_back({{"expect", check.expect},
                    {"outcome", check.pass ? "pass" : "fail"},
                    {"message", check.message},
                    {"where", check.mark.line > 0 ? check.mark.ToString() : ""}});
  }
  return list;
}

Json CostsOf(const std::vector<CostResult>& costs) {
  Json list = Json::array();
  for (const CostResult& cost : costs) {
    list.push_back({{"program", cost.program},
                    {"kind", cost.kind},
                    {"value", cost.value},
                    {"unit", cost.unit},
                    {"runs", cost.runs},
                    {"samples", cost.samples}});
  }
  return list;
}

Json LatenciesOf(const std::vector<LatencyResult>& latencies) {
  Json list = Json::array();
  for (const LatencyResult& latency : latencies) {
    list.push_back({{"place", latency.place},
                    {"count", latency.count},
                    {"p50_ns", latency.p50_ns},
                    {"p90_ns", latency.p90_ns},
                    {"p99_ns", latency.p99_ns},
                    {"p999_ns", latency.p999_ns},
                    {"max_ns", latency.max_ns}});
  }
  return list;
}

// Null where nothing was to be kept.
Json KeptOf(const KeptLab& kept) {
  if (kept.name.empty()) return nullptr;
  return {{"name", kept.name}, {"namespaces", kept.namespaces}, {"problem", kept.problem}};
}

}  // namespace

Json TryDocument(const TryResult& result) {
  Json document = {{"schema", "knetlab.try/1"},
                   {"object", result.object},
                   {"program", result.program},
                   {"type", result.type},
                   {"hook", result.hook},
                   {"mode", result.mode},
                   {"rig", result.rig},
                   {"capture", result.capture},
                   {"object_sha256", result.object_sha256},
                   {"capture_sha256", result.capture_sha256},
                   {"instructions", result.instructions},
                   {"verified_ns", result.verified_ns},
                   {"environment", EnvironmentOf(result.environment)},
                   {"packets", Json::array()},
                   {"verdicts", Json(result.verdicts)},
                   {"ledger", LedgerOf(result.ledger)},
                   {"cost", nullptr},
                   {"notes", result.notes}};
  Json& packets = document["packets"];
  for (const TriedPacket& packet : result.packets) packets.push_back(PacketOf(packet));
  if (result.cost) {
    document["cost"] = {{"ns_per_packet", result.cost->ns_per_packet},
                        {"repeat", result.cost->repeat},
                        {"samples", result.cost->samples},
                        {"low", result.cost->low},
                        {"high", result.cost->high}};
  }
  return document;
}

Json ScenarioDocument(const ScenarioResult& result) {
  return {{"name", result.name},
          {"file", result.file},
          {"rig", result.rig},
          {"kernel", result.kernel},
          {"repetition", result.repetition},
          {"seed", result.seed},
          {"outcome", OutcomeName(result.outcome)},
          {"reason", result.reason},
          {"where", result.mark.line > 0 ? result.mark.ToString() : ""},
          {"duration_s", result.duration_s},
          {"ledger", LedgerOf(result.result.ledger)},
          {"verdicts", result.result.verdicts},
          {"checks", ChecksOf(result.result.checks)},
          {"latency", LatenciesOf(result.result.latency)},
          {"cost", CostsOf(result.result.cost)},
          {"notes", result.result.notes},
          {"kept", KeptOf(result.kept)}};
}

Json RunDocument(const RunReport& report) {
  Json document = {{"schema", "knetlab.run/1"},
                   {"run",
                    {{"id", report.id},
                     {"started", report.started},
                     {"seed", report.seed},
                     {"planned", report.planned},
                     {"interrupted", report.interrupted},
                     {"environment", EnvironmentOf(report.environment)},
                     {"duration_s", report.duration_s}}},
                   {"scenarios", Json::array()},
                   {"summary", Json::object()}};
  if (report.recorded) {
    document["run"]["store"] = report.recorded->store;
    document["run"]["number"] = report.recorded->number;
    document["run"]["store_error"] = nullptr;
    if (report.recorded->failure) document["run"]["store_error"] = ErrorPartsOf(*report.recorded->failure);
  }
  for (const ScenarioResult& result : report.scenarios)
    document["scenarios"].push_back(ScenarioDocument(result));
  for (const ScenarioOutcome outcome :
       {ScenarioOutcome::kPass, ScenarioOutcome::kFail, ScenarioOutcome::kSkip, ScenarioOutcome::kError}) {
    document["summary"][std::string(OutcomeName(outcome))] = report.Count(outcome);
  }
  return document;
}

Json DoctorDocument(const std::vector<Facility>& facilities) {
  Json document = {{"schema", "knetlab.doctor/1"},
                   {"environment", EnvironmentOf(ReadEnvironment())},
                   {"facilities", Json::array()}};
  for (const Facility& facility : facilities) {
    document["facilities"].push_back({{"name", facility.name},
                                      {"works", facility.works},
                                      {"detail", facility.detail},
                                      {"hint", facility.hint},
                                      {"essential", facility.essential}});
  }
  return document;
}

Json ListDocument(const std::vector<Scenario>& scenarios) {
  Json document = {{"schema", "knetlab.list/1"}, {"scenarios", Json::array()}};
  for (const Scenario& scenario : scenarios) {
    Json programs = Json::array();
    for (const ProgramSpec& program : scenario.programs) {
      programs.push_back({{"name", program.label}, {"object", program.object}, {"program", program.program}});
      if (!program.filter.empty()) programs.back()["filter"] = program.filter;
    }
    document["scenarios"].push_back({{"name", scenario.name},
                                     {"file", scenario.file},
                                     {"summary", scenario.summary},
                                     {"tags", scenario.tags},
                                     {"rigs", SuitableRigs(scenario)},
                                     {"requires", scenario.requires_features},
                                     {"programs", std::move(programs)},
                                     {"timeout_s", scenario.timeout_s}});
  }
  return document;
}

Json ValidateDocument(std::size_t scenarios, const std::vector<Error>& errors) {
  Json document = {{"schema", "knetlab.validate/1"}, {"scenarios", scenarios}, {"errors", Json::array()}};
  for (const Error& error : errors) document["errors"].push_back(ErrorPartsOf(error));
  return document;
}

Json SendDocument(const std::string& verb, const SendResult& result) {
  const TrafficReport& report = result.report;
  const double pps = report.duration_ns == 0 ? 0
                                             : static_cast<double>(report.packets) * 1e9 /
                                                   static_cast<double>(report.duration_ns);
  Json lost = Json::array();
  for (const FrameLoss& loss : report.lost) lost.push_back({{"reason", loss.reason}, {"count", loss.count}});
  return {{"schema", fmt::format("knetlab.{}/1", verb)},
          {"method", report.method},
          {"why", result.choice.why},
          {"packets", report.packets},
          {"bytes", report.bytes},
          {"failed", report.failed()},
          {"lost", std::move(lost)},
          {"duration_ns", report.duration_ns},
          {"pps", pps},
          {"padded", result.summary.padded}};
}

Json ErrorDocument(const Error& error) {
  return {{"schema", "knetlab.error/1"}, {"error", ErrorPartsOf(error)}};
}

std::string DumpDocument(const Json& document) {
  constexpr int kOneLine = -1;
  return document.dump(kOneLine, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace knetlab
