// SPDX-License-Identifier: Apache-2.0
// The store and processes: those that are killed in the middle of a write, and many at once. KNETLAB_KILLS
// says how often (100 for a long form).
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>
#include <set>

#include "netns/fd.h"
#include "results/store.h"
#include "results/test_support.h"

namespace knetlab {
namespace {

using testing_results::Folder;
using testing_results::MakeRun;
using testing_results::MakeScenario;

// A child process that runs `body` and ends with status 0 where it returns.
template <typename Body>
pid_t Fork(Body body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  try {
    body();
    ::_exit(0);
  } catch (...) {
    ::_exit(1);
  }
}

bool EndedWell(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A record large enough that its transaction takes several pages.
ScenarioRecord LargeScenario(const std::string& run, int ordinal) {
  ScenarioRecord scenario = MakeScenario(run, ordinal);
  scenario.document = "\"" + std::string(20000, 'x') + "\"";
  return scenario;
}

int Kills() {
  const char* text = std::getenv("KNETLAB_KILLS");
  constexpr int kShortForm = 15;
  return text == nullptr ? kShortForm : std::atoi(text);
}

TEST(Killed, LosesNoRecordThatWasFinished) {
  const Folder folder;
  const std::string path = folder.Path("s.db");
  std::mt19937 random(4);
  std::set<std::string> finished;
  for (int kill = 0; kill < Kills(); kill++) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd told(ends[0]);
    UniqueFd tells(ends[1]);
    const std::string run = fmt::format("run{}", kill);
    const pid_t writer = Fork([&] {
      Store store(path, Store::Mode::kWrite);
      store.Append(MakeRun(run));
      for (int i = 0;; i++) {
        store.Append(LargeScenario(run, i));
        if (::write(tells.get(), &i, sizeof i) != sizeof i) return;
      }
    });
    tells.reset();
    // It dies after some records, at a moment of the next one that is different each time.
    int done = -1;
    for (unsigned records = random() % 5; records > 0; records--) {
      ASSERT_EQ(::read(told.get(), &done, sizeof done), static_cast<ssize_t>(sizeof done));
    }
    const timespec moment = {.tv_sec = 0, .tv_nsec = static_cast<long>(random() % 6'000'000)};
    pollfd nothing = {.fd = -1, .events = 0, .revents = 0};
    ::ppoll(&nothing, 1, &moment, nullptr);
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    while (::read(told.get(), &done, sizeof done) == static_cast<ssize_t>(sizeof done)) {
    }
    for (int i = 0; i <= done; i++) finished.insert(fmt::format("{}/{}", run, i));
  }
  Store store(path, Store::Mode::kWrite);  // checks the file
  std::set<std::string> there;
  for (const StoredRun& run : store.Runs()) {
    for (const ScenarioRecord& scenario : store.Scenarios(run)) {
      EXPECT_EQ(scenario.samples.size(), 5U) << scenario.id << " is there in part";
      EXPECT_EQ(scenario.document.size(), 20002U);
      there.insert(scenario.id);
    }
  }
  for (const std::string& id : finished) EXPECT_TRUE(there.contains(id)) << id << " is lost";
}

TEST(Writers, EightAtOnceLoseNone) {
  const Folder folder;
  const std::string path = folder.Path("s.db");
  constexpr int kWriters = 8, kRecords = 25;
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; writer++) {
    writers.push_back(Fork([&] {
      Store store(path, Store::Mode::kWrite);  // they race for making it, too
      const std::string run = fmt::format("writer{}", writer);
      store.Append(MakeRun(run));
      for (int i = 0; i < kRecords; i++) store.Append(LargeScenario(run, i));
      store.Append(RunEnd{.run = run, .duration_s = 1});
    }));
  }
  for (const pid_t writer : writers) EXPECT_TRUE(EndedWell(writer));
  Store store(path, Store::Mode::kRead);
  const std::vector<StoredRun> runs = store.Runs();
  EXPECT_EQ(runs.size(), static_cast<std::size_t>(kWriters));
  for (const StoredRun& run : runs) {
    EXPECT_EQ(store.Scenarios(run).size(), static_cast<std::size_t>(kRecords)) << run.run.id;
    EXPECT_TRUE(run.duration_s) << run.run.id;
  }
}

}  // namespace
}  // namespace knetlab
