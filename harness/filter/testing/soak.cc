// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/soak.h"

#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "harness/filter/reference.h"
#include "harness/filter/testing/corpus.h"
#include "harness/filter/testing/directed.h"
#include "harness/filter/testing/random_classic.h"
#include "harness/filter/testing/shrink.h"

namespace knetlab::filter_testing {
namespace {

constexpr std::size_t kRandomPackets = 5;
constexpr std::size_t kDirectedRuns = 40, kDirectedPackets = 24;
constexpr std::size_t kProgressEvery = 1000;

std::optional<Difference> Checked(const SoakCheck& check, const ClassicProgram& program,
                                  const std::vector<PacketBytes>& packets) {
  try {
    return check(program, packets);
  } catch (const std::exception& error) {
    return Difference{program, {}, "check", "no exception", error.what()};
  }
}

Difference Smaller(const SoakCheck& check, const Difference& found, const std::vector<PacketBytes>& packets) {
  // Where no packet is to blame all of them are tried.
  const bool by_packet = !found.packet.empty();
  std::optional<Difference> last = found;
  const auto shows = [&](const Case& one) {
    std::optional<Difference> difference =
        Checked(check, one.program, by_packet ? std::vector<PacketBytes>{one.packet} : packets);
    if (!difference || difference->packet.empty() == by_packet) return false;
    last = std::move(difference);
    return true;
  };
  Shrink({found.program, found.packet}, shows, by_packet ? 14 : 0, by_packet ? 4000 : 1000);
  return *last;
}

}  // namespace

SoakCase MakeSoakCase(const SoakOptions& options, std::uint64_t number) {
  Random random(options.seed * 0x9e3779b97f4a7c15ULL + number * 0xd1342543de82ef95ULL);
  random.Next();
  SoakCase made;
  if (!options.models.empty() && random.Chance(33)) {
    made.program = Mutate(random.Of(options.models), random);
    if (!EndsSurely(made.program)) made.program = RandomClassic(random, {.max_instructions = 20});
  } else {
    made.program = RandomClassic(random, {.max_instructions = options.max_instructions});
  }
  for (std::size_t i = 0; i < kRandomPackets; ++i) made.packets.push_back(RandomPacket(made.program, random));
  DirectedPackets directed =
      MakeDirected(made.program, {made.packets.front()},
                   {.seed = random.Next(), .runs = kDirectedRuns, .max_packets = kDirectedPackets});
  for (PacketBytes& packet : directed.packets) made.packets.push_back(std::move(packet));
  return made;
}

SoakResult Soak(const SoakOptions& options, const SoakCheck& check) {
  SoakResult result;
  std::mutex mutex;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> found{false};
  const auto work = [&] {
    SoakResult mine;
    for (std::size_t number = next++; number < options.programs && !found; number = next++) {
      const SoakCase made = MakeSoakCase(options, number);
      ++mine.programs;
      mine.packets += made.packets.size();
      for (const PacketBytes& packet : made.packets)
        mine.matches += ClassicMatches(made.program, packet) ? 1 : 0;
      std::optional<Difference> difference = Checked(check, made.program, made.packets);
      if (difference && !found.exchange(true)) {
        Difference smaller = Smaller(check, *difference, made.packets);
        const std::scoped_lock lock(mutex);
        result.difference = std::move(smaller);
        result.number = number;
      }
      if (options.progress && number % kProgressEvery == 0) options.progress(number);
    }
    const std::scoped_lock lock(mutex);
    result.programs += mine.programs;
    result.packets += mine.packets;
    result.matches += mine.matches;
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < options.threads; ++i) threads.emplace_back(work);
    work();
  }
  return result;
}

std::vector<ClassicProgram> CorpusModels(const std::string& path) {
  std::vector<ClassicProgram> models;
  for (const std::string& expression : ReadExpressions(path)) {
    for (const bool optimise : {true, false}) {
      ClassicProgram program = CompileExpression(expression, {.optimise = optimise, .netmask = 0xffffff00U});
      if (EndsSurely(program) && !ReadsAncillary(program)) models.push_back(std::move(program));
    }
  }
  return models;
}

}  // namespace knetlab::filter_testing
