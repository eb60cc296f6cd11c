// SPDX-License-Identifier: Apache-2.0
// "What does this program do to this capture?": the newcomer's first question, as one call.
//
//   TryResult result = Try({.object = "filter.o", .capture = "dns.pcap"});
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "harness/measure/ledger.h"
#include "harness/scenario/environment.h"
#include "harness/scenario/rig.h"

namespace knetlab {

struct TryOptions {
  std::string object;
  std::string program;  // empty: the one that fits
  std::string capture;
  std::string hook = "auto";         // auto, xdp, tc-ingress, tc-egress, socket
  std::string rig = "unit";          // unit, wire
  std::optional<std::size_t> limit;  // only the first packets
  bool cost = true;
  std::string
      capture_output{};  // a pcapng file of every packet with its verdict (try_capture.h); empty: none
};

struct TriedPacket {
  PacketResult result;
  std::size_t length = 0;  // as sent
  bool padded = false;
  std::string summary;     // SummarizePacket
  std::string out_sha256;  // of result.out
};

struct TryCost {
  double ns_per_packet = 0;  // median of the samples
  double low = 0, high = 0;  // smallest and largest sample
  std::uint32_t repeat = 0;  // runs in a sample
  int samples = 0;
};

struct TryResult {
  std::string object, program, type, hook, mode, rig, capture;
  std::string object_sha256, capture_sha256;
  std::size_t instructions = 0;
  std::uint64_t verified_ns = 0;
  std::uint64_t capture_bytes = 0;
  Environment environment;
  std::vector<TriedPacket> packets;
  std::map<std::string, std::uint64_t> verdicts;
  Ledger ledger;
  std::optional<TryCost> cost;
  std::vector<std::string> notes;
};

// Needs root. Throws Error.
TryResult Try(const TryOptions& options, std::stop_token stop = {});

}  // namespace knetlab
