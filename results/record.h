// SPDX-License-Identifier: Apache-2.0
// What is kept of a run: append-only records with everything that is needed to judge them later, on another
// machine, by someone who was not there.
//
//   RunRecord       one call of the runner: when, where, of which source
//   ScenarioRecord  one execution of one scenario in it, with its samples and its JSON document
//   RunEnd          that the run came to its end; one that was killed has none
//
// Values are plain and own what they hold. Ids are unique anywhere, so that records of several machines can
// be put together (merge.h); a record is never changed once it is written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace knetlab {

// Exact metrics are counts: two runs of the same thing have the same, and any difference is one. Sampled
// metrics are measurements: only many of them together say something.
enum class MetricKind { kExact, kSampled };
std::string_view MetricKindName(MetricKind kind);  // "exact", "sampled"
MetricKind MetricKindOf(std::string_view name);    // throws Error

// One measured value. Metrics are named from the general to the particular:
//   outcome.pass                                 1 or 0
//   ledger.dropped.server:eth0 xdp filter        packets, by fate and place; ledger.sent, ledger.unaccounted
//   verdicts.filter.XDP_DROP                     packets, by program and verdict
//   cost.filter                                  by program
//   latency.server:socket 10.0.0.2:53.p99        by place and quantile
//   duration                                     of the scenario
struct Sample {
  std::string metric;
  std::string unit;  // "packets", "ns/packet", "ns", "s"
  MetricKind kind = MetricKind::kExact;
  double value = 0;
};

struct RunRecord {
  std::string id;               // time and random bits
  std::int64_t started_ns = 0;  // since 1970, UTC
  std::string version;          // of knetlab
  std::string revision;         // of the source that the scenarios belong to; empty where there is none
  std::string label;            // a person's own word for it; may be empty
  std::uint64_t seed = 0;       // that everything random came from
  std::uint64_t planned = 0;    // how many executions of scenarios it was to have
  std::map<std::string, std::string> environment;  // kernel, cpu, jit ...: what the results depend on
};

struct ScenarioRecord {
  std::string id;   // "RUN/3": the run's third
  std::string run;  // id
  std::string name, file, rig, kernel;
  int repetition = 1;
  std::int64_t seed = 0;        // that random choices came from; 0 where there are none
  std::string outcome, reason;  // "pass", "fail", "skip", "error"
  double duration_s = 0;
  std::string scenario_sha256;                  // of the scenario's file
  std::map<std::string, std::string> programs;  // label -> SHA-256 of its object
  std::map<std::string, std::string> captures;  // file -> SHA-256
  std::string document;                         // JSON, as `knetlab run --json` has it in "scenarios"
  std::vector<Sample> samples;
};

struct RunEnd {
  std::string run;  // id
  double duration_s = 0;
};

using Record = std::variant<RunRecord, ScenarioRecord, RunEnd>;

// A run with all its scenarios, as comparisons take it.
struct RunData {
  RunRecord run;
  std::vector<ScenarioRecord> scenarios;  // in the order in which they ended
};

}  // namespace knetlab
