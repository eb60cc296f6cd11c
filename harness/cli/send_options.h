// SPDX-License-Identifier: Apache-2.0
// What `replay` and `flood` have in common: where to, how fast, how long, and how the result is told.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "harness/cli/verbs.h"
#include "harness/scenario/send.h"

namespace knetlab {

struct SendArguments {
  std::string interface, netns;
  std::string method = "auto";
  std::optional<double> pps, mbps, multiplier;
  bool topspeed = false, original = false;
  std::optional<std::uint64_t> loops;
  std::uint32_t threads = 1;
};

void AddTargetOptions(CLI::App& verb, SendArguments& arguments);
// At most one of them; a flood has no times of its own to keep.
void AddPaceOptions(CLI::App& verb, SendArguments& arguments, bool capture);
// `pace` where none was given. Throws Error: several paces, a value that is none.
SendRequest RequestOf(const SendArguments& arguments, const Options& options, const Pace& pace);

// Sends, and writes the result: the document of the verb, or a line for people.
int SendAndReport(Session& session, const std::string& verb, PacketFeed& feed, const SendRequest& request);

}  // namespace knetlab
