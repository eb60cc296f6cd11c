// SPDX-License-Identifier: Apache-2.0
// Many random programs, each with packets of its own, through a check: in a test a few, in `filter_soak` a
// million.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "harness/filter/testing/compare.h"

namespace knetlab::filter_testing {

struct SoakOptions {
  std::uint64_t seed = 1;
  std::size_t programs = 1000;
  unsigned threads = 1;
  std::size_t max_instructions = 400;
  std::vector<ClassicProgram> models{};  // a third of the programs are mutants of these, where there are any
  std::function<void(std::size_t done)> progress{};  // from any of the threads, now and then
};

struct SoakResult {
  std::size_t programs = 0;  // that were checked
  std::size_t packets = 0;
  std::size_t matches = 0;                 // of the packets, by the interpreter
  std::optional<Difference> difference{};  // the first that was found, shrunken
  std::uint64_t number = 0;                // of the program that showed it
};

using SoakCheck =
    std::function<std::optional<Difference>(const ClassicProgram&, const std::vector<PacketBytes>&)>;

// Ends early at a difference. `check` is called from all threads at once; std::exception of it is a
// difference.
SoakResult Soak(const SoakOptions& options, const SoakCheck& check);

// What program `number` of a seed is tried with.
struct SoakCase {
  ClassicProgram program;
  std::vector<PacketBytes> packets;
};
SoakCase MakeSoakCase(const SoakOptions& options, std::uint64_t number);

// The corpus, compiled with and without libpcap's optimiser: models. Without those that jump back, which a
// mutation turns into loops without end.
std::vector<ClassicProgram> CorpusModels(const std::string& path);

}  // namespace knetlab::filter_testing
