// SPDX-License-Identifier: Apache-2.0
// The verbs of the command, one file each (verb_NAME.cc). Adding one is that file, its declaration here and
// its line in command_line.cc.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <string>
#include <vector>

#include "harness/cli/interrupt.h"
#include "harness/cli/options.h"
#include "harness/cli/output.h"

namespace knetlab {

inline constexpr int kExitDone = 0;     // and every check held
inline constexpr int kExitNotHeld = 1;  // a check failed
inline constexpr int kExitRefused = 2;  // usage or environment

// What a verb works with.
struct Session {
  const Options& options;
  Interrupt& interrupt;
  Output& output;
  std::vector<std::string> after_dashes;  // what stood behind "--", where the verb takes a command
};

struct Verb {
  const CLI::App* app = nullptr;
  std::function<int(Session&)> run;  // returns the exit status, throws Error
};

std::vector<Verb> AddDoctor(CLI::App& command, Options& options);
std::vector<Verb> AddTry(CLI::App& command, Options& options);
std::vector<Verb> AddFilter(CLI::App& command, Options& options);
std::vector<Verb> AddList(CLI::App& command, Options& options);
std::vector<Verb> AddValidate(CLI::App& command, Options& options);
std::vector<Verb> AddSchema(CLI::App& command, Options& options);
std::vector<Verb> AddCapture(CLI::App& command, Options& options);
std::vector<Verb> AddRun(CLI::App& command, Options& options);
std::vector<Verb> AddFlood(CLI::App& command, Options& options);
std::vector<Verb> AddReplay(CLI::App& command, Options& options);
std::vector<Verb> AddResults(CLI::App& command, Options& options);
std::vector<Verb> AddTopology(CLI::App& command, Options& options);
std::vector<Verb> AddClean(CLI::App& command, Options& options);
std::vector<Verb> AddCompletion(CLI::App& command, Options& options);
std::vector<Verb> AddMan(CLI::App& command, Options& options);

// The whole command: all of these, its name and version.
std::vector<Verb> BuildCommand(CLI::App& command, Options& options);

}  // namespace knetlab
