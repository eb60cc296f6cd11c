// SPDX-License-Identifier: Apache-2.0
#include "netns/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "netns/error.h"

namespace knetlab {
namespace {

bool Exists(const std::string& path) {
  return std::filesystem::is_directory(path);
}

class Cgroups : public testing::Test {
 protected:
  void SetUp() override {
    if (Cgroup2Mount().empty()) GTEST_SKIP() << "cgroup2 is not mounted";
  }
};

TEST_F(Cgroups, AreGoneWithTheirObject) {
  std::string path;
  {
    const Cgroup cgroup("one");
    path = cgroup.path();
    EXPECT_TRUE(Exists(path));
    EXPECT_GE(cgroup.fd(), 0);
  }
  EXPECT_FALSE(Exists(path));
}

// That programs of the cgroup meet the socket is what scenarios/sockets/cgroup-ingress.yaml shows.
TEST_F(Cgroups, SocketsOutliveThem) {
  std::optional<Cgroup> cgroup(std::in_place, "one");
  const UniqueFd socket = cgroup->OpenSocket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  cgroup.reset();
  int type = 0;
  socklen_t size = sizeof type;
  EXPECT_EQ(::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size), 0);
  EXPECT_EQ(type, SOCK_DGRAM);
}

TEST_F(Cgroups, ARefusedSocketSaysWhy) {
  const Cgroup cgroup("one");
  try {
    cgroup.OpenSocket(-1, SOCK_DGRAM, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.parts().code, EAFNOSUPPORT);
  }
}

TEST_F(Cgroups, WhoIsStillInThemIsKilled) {
  std::optional<Cgroup> cgroup(std::in_place, "one");
  const std::string path = cgroup->path();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    [[maybe_unused]] const ssize_t entered = ::write(cgroup->procs_fd(), "0", 1);
    ::kill(::getpid(), SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  cgroup.reset();
  EXPECT_FALSE(Exists(path));
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F(Cgroups, OfADeadOwnerAreSweptAndThoseOfALivingOneStay) {
  const Cgroup mine("one");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Cgroup theirs("two");
    [[maybe_unused]] const ssize_t told = ::write(ends[1], theirs.path().data(), theirs.path().size());
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  std::string path(4096, '\0');
  path.resize(static_cast<std::size_t>(::read(ends[0], path.data(), path.size())));
  ::close(ends[0]);
  ::close(ends[1]);
  // Another test's run may sweep it first.
  SweepCgroups();
  EXPECT_FALSE(Exists(path)) << path;
  EXPECT_TRUE(Exists(mine.path()));
}

}  // namespace
}  // namespace knetlab
