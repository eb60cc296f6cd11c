// SPDX-License-Identifier: Apache-2.0
// Where a scenario runs. `unit`: each packet through the programs by BPF_PROG_TEST_RUN, no device, no
// namespace. `wire`: real veth pairs in namespaces of this kernel. The same scenario gives the same verdicts
// on both; a step that a rig cannot do is an Error that says so.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "harness/measure/ledger.h"
#include "harness/measure/tracer.h"
#include "harness/scenario/model.h"

namespace knetlab {

struct CheckResult {
  std::string expect;  // "ledger.drop", "verdicts.filter.XDP_DROP", "map.filter.counters[3]", "exec"
  bool pass = false;
  std::string message;  // empty where it passed: "expected 12, found 9"
  Mark mark;
};

// What one packet met at the first program on its way.
struct PacketResult {
  std::uint64_t index = 0;           // from 1
  std::optional<std::int64_t> code;  // what the program returned; none where the packet never got to it
  std::string
      verdict;  // "XDP_DROP"; "REFUSED" where the rig would not take it, "LOST" where it was lost before
  Fate fate = Fate::kLost;
  std::string place, reason;
  std::optional<std::vector<std::byte>> out;  // the packet that came out, where the rig sees it
};

struct CostResult {
  std::string program;  // label
  std::string kind = "wall";
  double value = 0;  // ns a packet
  std::string unit = "ns/packet";
  std::uint64_t runs = 0;         // that it is the mean of
  std::vector<double> samples{};  // of one measurement each, in their order; empty where there was only one
};

// How long packets took from being handed to the sender's device until a place was through with them: a
// program had decided, a socket had been told. Within 1 %.
struct LatencyResult {
  std::string place;  // "server:eth0 xdp filter", "server:socket 10.0.0.2:53"; "rig floor xdp",
                      // "rig floor socket": of the lab itself (latency_floor.h)
  std::uint64_t count = 0;
  std::uint64_t p50_ns = 0, p90_ns = 0, p99_ns = 0, p999_ns = 0, max_ns = 0;
};

struct RigResult {
  Ledger ledger;
  std::map<std::string, std::map<std::string, std::uint64_t>> verdicts;  // label -> verdict -> packets
  std::vector<CheckResult> checks;
  std::vector<PacketResult> packets;  // where RigOptions::per_packet
  std::vector<CostResult> cost;
  std::vector<LatencyResult> latency;  // wire, where packets are followed
  std::vector<std::string>
      modes;  // Attachment::Mode() of each attachment, in order of declaration; wire only
  std::vector<std::string>
      notes;  // what the lab did so that nothing is lost silently; what a person should know
};

// What of a lab stays where the scenario fails: its namespaces under names, and a process that holds its
// programs and sockets, until `knetlab topology down NAME`.
struct KeptLab {
  std::string name;                     // empty: nothing is kept
  std::vector<std::string> namespaces;  // for `ip netns exec`
  std::string problem;                  // why it could not be kept
};

struct RigOptions {
  std::shared_ptr<Tracer> tracer;              // wire; may be null on the unit rig
  std::vector<LatencyResult> latency_floor{};  // of this tracer: goes into the result beside what it adds to
  std::uint32_t seed = 0;                      // KNETLAB_SEED of commands
  KeptLab* keep = nullptr;                     // wire: what to keep it under, and what came of it
  bool per_packet = false;
  bool cost = true;              // measure the cost of each program after the steps
  std::string capture_output{};  // wire: a pcapng file of what the scenario captures; empty: none
  bool update_golden = false;    // write the golden captures of `expect: packets:` where they differ
};

class Rig {
 public:
  virtual ~Rig() = default;
  // Throws Error where the scenario cannot be carried out. A check that fails is a result, not an error.
  // `stop` ends the run early with an Error.
  virtual RigResult Run(const Scenario& scenario, const RigOptions& options, std::stop_token stop) = 0;
};

// "unit" or "wire"; throws Error for others.
std::unique_ptr<Rig> MakeRig(std::string_view name);

}  // namespace knetlab
