// SPDX-License-Identifier: Apache-2.0
#include "netns/kept.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "netns/fd.h"
#include "netns/test_support.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using testing::HasSubstr;

// A prefix of this process's own, whose names are gone when the test ends.
class Kept : public testing::Test {
 protected:
  ~Kept() override { RemoveKept(prefix_); }

  std::vector<KeptNamespace> Mine() const {
    auto kept = ListKept();
    std::erase_if(kept, [&](const KeptNamespace& k) { return k.topology != prefix_; });
    return kept;
  }
  // Keeps a topology in a child process, which then ends without cleaning up.
  void KeepInAChild(bool on_purpose) const {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        auto topology = Topology::Build(test::ClientAndServer());
        topology.Keep(prefix_, on_purpose);
        ::_exit(Mine().size() == 2U ? 0 : 1);
      } catch (...) {
        ::_exit(1);
      }
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  const std::string prefix_ =
      "kept" + std::to_string(::getpid()) + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(Kept, OutliveTheirTopologyUnderTheirNames) {
  {
    auto topology = Topology::Build(test::ClientAndServer());
    topology.Keep(prefix_);
  }
  ASSERT_EQ(Mine().size(), 2U);
  EXPECT_EQ(Mine()[0].name, prefix_ + "-client");
  EXPECT_TRUE(Mine()[0].owner_alive);
  EXPECT_TRUE(Mine()[0].on_purpose);
  EXPECT_EQ(Mine()[0].owner_pid, ::getpid());
  const auto server = Namespace::Open(prefix_ + "-server");
  EXPECT_THAT(test::Output(server, "ip -o addr show eth0"), HasSubstr("10.0.0.2/24"));
  EXPECT_EQ(RemoveKept(prefix_), 2);
  EXPECT_TRUE(Mine().empty());
  EXPECT_FALSE(std::filesystem::exists("/run/netns/" + prefix_ + "-server"));
  EXPECT_EQ(RemoveKept(prefix_), 0);
}

TEST_F(Kept, AreReachableWithIproute2) {
  auto topology = Topology::Build(test::ClientAndServer());
  topology.Keep(prefix_);
  const auto here = Namespace::Open("/proc/self/ns/net");
  EXPECT_THAT(test::Output(here, "ip netns exec " + prefix_ + "-client ip -o addr show eth0"),
              HasSubstr("10.0.0.1/24"));
}

TEST_F(Kept, RefuseANameThatIsTaken) {
  auto topology = Topology::Build(test::ClientAndServer());
  topology.Keep(prefix_);
  const ErrorParts error = test::ErrorOf([&] { topology.Keep(prefix_); });
  EXPECT_EQ(error.code, EEXIST);
  EXPECT_EQ(error.where, prefix_ + "-client");
  EXPECT_EQ(error.hint, "remove it: knetlab topology down " + prefix_);
  EXPECT_EQ(Mine().size(), 2U) << "the first ones are untouched";
}

TEST_F(Kept, RefusePrefixesThatLeaveTheFolder) {
  auto topology = Topology::Build(test::ClientAndServer());
  for (const char* bad : {"", "..", "a/b", ".hidden", "a b", "a\nb"})
    EXPECT_THROW(topology.Keep(bad), Error) << bad;
}

TEST_F(Kept, AreSweptWhenTheirOwnerIsDeadUnlessKeptOnPurpose) {
  KeepInAChild(true);
  ASSERT_EQ(Mine().size(), 2U);
  EXPECT_FALSE(Mine()[0].owner_alive);
  SweepKept(false);
  EXPECT_EQ(Mine().size(), 2U);
  RemoveKept(prefix_);

  // Any knetlab that begins a run meanwhile sweeps them, too, so that they may be gone already.
  KeepInAChild(false);
  SweepKept(false);
  EXPECT_TRUE(Mine().empty());
}

TEST_F(Kept, AreNotSweptWhileTheirOwnerLives) {
  auto topology = Topology::Build(test::ClientAndServer());
  topology.Keep(prefix_, false);
  SweepKept(false);
  EXPECT_EQ(Mine().size(), 2U);
}

// The other end of a pipe tells whether anybody holds this one.
TEST_F(Kept, HoldDescriptorsUntilTheyAreRemoved) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd held(ends[1]);
  {
    auto topology = Topology::Build(test::ClientAndServer());
    topology.Keep(prefix_, true, {held.get()});
  }
  held.reset();
  pollfd end = {.fd = read_end.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&end, 1, 0), 0) << "still held";
  ASSERT_EQ(Mine().size(), 2U);
  EXPECT_TRUE(Mine()[0].owner_alive);
  EXPECT_NE(Mine()[0].owner_pid, ::getpid());
  EXPECT_EQ(RemoveKept(prefix_), 2);
  EXPECT_EQ(::poll(&end, 1, 0), 1);
  EXPECT_NE(end.revents & POLLHUP, 0);
}

TEST_F(Kept, LeaveNoHolderWhereANameIsTaken) {
  auto topology = Topology::Build(test::ClientAndServer());
  topology.Keep(prefix_);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd held(ends[1]);
  EXPECT_THROW(topology.Keep(prefix_, true, {held.get()}), Error);
  held.reset();
  pollfd end = {.fd = read_end.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&end, 1, 0), 1) << "the holder is gone";
}

TEST_F(Kept, AreRecordedInPrivateFiles) {
  auto topology = Topology::Build(test::ClientAndServer());
  topology.Keep(prefix_);
  struct stat folder = {};
  struct stat file = {};
  ASSERT_EQ(::stat("/run/knetlab", &folder), 0);
  ASSERT_EQ(::stat(("/run/knetlab/namespaces/" + prefix_ + "-client").c_str(), &file), 0);
  EXPECT_EQ(folder.st_mode & 07777, 0700U);
  EXPECT_EQ(file.st_mode & 07777, 0600U);
}

}  // namespace
}  // namespace knetlab
