// SPDX-License-Identifier: Apache-2.0
#include "netns/namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "netns/test_support.h"
#include "netns/visit.h"

namespace knetlab {
namespace {

std::uint64_t CurrentInode() {
  struct stat status = {};
  return ::stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

std::size_t Threads() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

TEST(Namespace, IsNewAndEmpty) {
  const auto ns = Namespace::Create("server");
  EXPECT_EQ(ns.label(), "server");
  EXPECT_NE(ns.inode(), CurrentInode());
  EXPECT_THAT(test::Output(ns, "ip -o link | grep -v LOOPBACK"), "");
}

TEST(Namespace, RunsWorkInsideAndLeavesTheCallerOutside) {
  const auto ns = Namespace::Create("server");
  const std::uint64_t outside = CurrentInode();
  EXPECT_EQ(ns.Run([] { return CurrentInode(); }), ns.inode());
  EXPECT_EQ(CurrentInode(), outside);
}

TEST(Namespace, RunsOnOneThreadOfItsOwnWithSignalsBlocked) {
  const auto ns = Namespace::Create("server");
  const auto first = ns.Run([] { return std::this_thread::get_id(); });
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_EQ(ns.Run([] { return std::this_thread::get_id(); }), first);
  EXPECT_TRUE(ns.Run([] {
    sigset_t blocked;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return ::sigismember(&blocked, SIGINT) == 1;
  }));
}

TEST(Namespace, HasNoThreadUntilItRunsSomething) {
  std::thread([] {}).join();  // a sanitizer's own thread begins with the first one
  const std::size_t before = Threads();
  const auto ns = Namespace::Create("server");
  EXPECT_EQ(Threads(), before);
  ns.Run([] {});
  EXPECT_EQ(Threads(), before + 1);
}

TEST(Namespace, HandsOverResultsAndExceptions) {
  const auto ns = Namespace::Create("server");
  EXPECT_EQ(*ns.Run([] { return std::make_unique<int>(7); }), 7);
  EXPECT_THROW(ns.Run([] { throw std::runtime_error("inside"); }), std::runtime_error);
  EXPECT_THROW(ns.Run([]() -> std::string { throw std::runtime_error("inside"); }), std::runtime_error);
  EXPECT_EQ(ns.Run([] { return std::string("still works"); }), "still works");
}

TEST(Namespace, RunsNestedWorkInPlace) {
  const auto one = Namespace::Create("one");
  const auto two = Namespace::Create("two");
  const auto inodes = one.Run([&] {
    const auto inner = two.Run([] { return CurrentInode(); });
    return std::vector{one.Run([] { return CurrentInode(); }), inner};
  });
  EXPECT_THAT(inodes, testing::ElementsAre(one.inode(), two.inode()));
}

TEST(Namespace, TakesWorkFromManyThreadsOneAfterAnother) {
  const auto ns = Namespace::Create("server");
  int unguarded = 0;
  std::vector<std::thread> callers;
  callers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 500; ++k) ns.Run([&] { ++unguarded; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(unguarded, 8 * 500);
}

TEST(Namespace, OpensByPathAndKnowsWhatIsNone) {
  const auto ns = Namespace::Create("server");
  const auto again = Namespace::Open("/proc/self/fd/" + std::to_string(ns.fd()));
  EXPECT_EQ(again.inode(), ns.inode());
  EXPECT_EQ(again.Run([] { return CurrentInode(); }), ns.inode());
  EXPECT_EQ(test::ErrorOf([] { Namespace::Open("/proc/self/ns/mnt"); }).why, "not a network namespace");
  EXPECT_EQ(test::ErrorOf([] { Namespace::Open("/dev/null"); }).why, "not a network namespace");
  const ErrorParts missing = test::ErrorOf([] { Namespace::Open("no-such-namespace-here"); });
  EXPECT_EQ(missing.what, "open namespace");
  EXPECT_EQ(missing.code, ENOENT);
}

TEST(Namespace, IsGoneWithItsLastDescriptor) {
  std::uint64_t inode = 0;
  {
    const auto ns = Namespace::Create("server");
    ns.Run([] {});
    inode = ns.inode();
  }
  // Nothing of this process refers to it any more.
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    struct stat status = {};
    if (::stat(entry.path().c_str(), &status) != 0) continue;
    EXPECT_NE(status.st_ino, inode);
  }
}

TEST(Namespace, ManyAreCreatedInOrderAndVisited) {
  std::vector<std::string> labels;
  labels.reserve(40);
  for (int i = 0; i < 40; ++i) labels.push_back(fmt::format("n{}", i));
  std::vector<std::uint64_t> inside(labels.size());
  const auto many = Namespace::CreateMany(labels, [&](std::size_t i, int) { inside[i] = CurrentInode(); });
  std::vector<const Namespace*> visited;
  for (std::size_t i = 0; i < many.size(); ++i) {
    EXPECT_EQ(many[i].label(), labels[i]);
    EXPECT_EQ(many[i].inode(), inside[i]);
    visited.push_back(&many[i]);
  }
  std::vector<std::uint64_t> seen;
  VisitNamespaces(visited, [&](std::size_t) { seen.push_back(CurrentInode()); });
  EXPECT_EQ(seen, inside);
  EXPECT_THROW(VisitNamespaces(visited, [](std::size_t) { throw std::runtime_error("stop"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace knetlab
