// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_documents.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "harness/filter/disassembler.h"

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "knetlab.filter/1";

Json CountOf(const std::optional<std::size_t>& count) {
  return count ? Json(*count) : Json(nullptr);
}

Json StatsJson(const FilterStats& stats) {
  return {{"expression", stats.expression},
          {"cbpf", stats.classic},
          {"ebpf", {{"xdp", CountOf(stats.xdp)}, {"tc", CountOf(stats.tc)}}},
          {"error", stats.error.empty() ? Json(nullptr) : Json(stats.error)}};
}

const char* Word(bool matches) {
  return matches ? "match" : "no match";
}

}  // namespace

Json FilterStatsDocument(const std::vector<FilterStats>& filters) {
  Json document = {{"schema", kSchema}, {"filters", Json::array()}};
  for (const FilterStats& stats : filters) document["filters"].push_back(StatsJson(stats));
  return document;
}

Json FilterDocument(const Filter& filter, const FilterOutput& output) {
  Json one = StatsJson(StatsOf(filter));
  one["listing"] = {{"cbpf", FormatClassic(filter.program, ClassicFormat::kReadable)}};
  if (output.hook != FilterHook::kXtBpf) one["listing"]["ebpf"] = Listing(CompileFor(filter, output));
  return {{"schema", kSchema}, {"filters", Json::array({std::move(one)})}};
}

Json FilterCheckDocument(const FilterCheckResult& result) {
  Json document = {{"schema", kSchema},
                   {"expressions", result.expressions},
                   {"captures", result.packets.captures.size()},
                   {"packets", result.packets.total},
                   {"distinct_packets", result.distinct},
                   {"padded", result.packets.padded},
                   {"comparisons", result.comparisons},
                   {"matches", result.matches},
                   {"difference_count", result.difference_count},
                   {"differences", Json::array()},
                   {"refused", Json::array()},
                   {"cut", Json::array()},
                   {"not_run", Json::array()},
                   {"notices", result.packets.notices},
                   {"kernel", result.environment.kernel},
                   {"duration_s", result.duration_s}};
  for (const FilterDifference& one : result.differences) {
    document["differences"].push_back({{"expression", one.expression},
                                       {"capture", one.capture},
                                       {"packet", one.packet},
                                       {"target", one.target},
                                       {"expected", Word(one.expected)},
                                       {"got", Word(one.got)},
                                       {"times", one.times}});
  }
  for (const FilterRefusal& one : result.refused) {
    document["refused"].push_back({{"expression", one.expression},
                                   {"target", one.target.empty() ? Json(nullptr) : Json(one.target)},
                                   {"why", one.why},
                                   {"by_kernel", one.by_kernel}});
  }
  for (const CutPacket& one : result.packets.cut)
    document["cut"].push_back({{"capture", one.capture}, {"packet", one.number}, {"length", one.length}});
  for (const NotRun& one : result.not_run)
    document["not_run"].push_back({{"capture", one.capture}, {"packet", one.packet}, {"target", one.target}});
  return document;
}

}  // namespace knetlab
