// SPDX-License-Identifier: Apache-2.0
// Whether compiled filters decide as libpcap: every expression on every packet of captures, in the kernel
// through XDP and through TC, against libpcap's own interpreter.
//
//   FilterCheckResult result = CheckFilters({.expressions = {"tcp port 80"}, .captures = {"web.pcap"}});
//
// Nothing is left out silently: what is not compared is in `refused`, `cut` or `not_run`. Packets that stand
// in captures several times are run once and counted as often as they stand there. Longer packets than one
// page are run through XDP programs with fragments.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "harness/scenario/distinct_packets.h"
#include "harness/scenario/environment.h"

namespace knetlab {

struct FilterCheckOptions {
  std::vector<std::string> expressions;
  std::vector<std::string> captures;
  bool optimise = true;  // libpcap's optimiser
  int threads = 0;       // 0: one for each CPU
};

struct FilterRefusal {
  std::string expression;
  std::string target;  // "xdp", "tc"; empty: any
  std::string why;
  bool by_kernel = false;  // the verifier refused what we made: our defect
};

// The first packet of its content.
struct FilterDifference {
  std::string expression, capture;
  std::size_t packet = 0;
  std::string target;
  bool expected = false, got = false;  // whether it matches
  std::uint64_t times = 0;             // how often the packet stands in the captures
};

// A packet that the kernel did not run, or whose run ended in something else than a filter's verdict.
struct NotRun {
  std::string capture;
  std::size_t packet = 0;
  std::string target;
};

struct FilterCheckResult {
  Environment environment;
  std::size_t expressions = 0;
  DistinctPackets packets;        // without their bytes
  std::size_t distinct = 0;       // contents of packets
  std::uint64_t comparisons = 0;  // of verdicts, repetitions included
  std::uint64_t matches = 0;      // of those
  std::uint64_t difference_count = 0;
  std::vector<FilterDifference> differences;  // the first 1000
  std::vector<FilterRefusal> refused;
  std::vector<NotRun> not_run;
  double duration_s = 0;

  // Every filter that libpcap has an opinion on was compared on every packet, without a difference.
  bool holds() const;
};

// Needs root. Throws Error: a capture cannot be read, the kernel cannot run programs. Ends early, with what
// it has, when `stop` is requested.
FilterCheckResult CheckFilters(const FilterCheckOptions& options, const std::stop_token& stop = {});

}  // namespace knetlab
