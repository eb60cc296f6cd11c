// SPDX-License-Identifier: Apache-2.0
// Every XDP, TC, socket filter and cgroup program of other people's objects on this machine, and of our own,
// beside itself instrumented: on packets of the captures that the scenarios send, and on some made for our
// own programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "harness/program/instrument.h"
#include "harness/program/test_instrument_support.h"
#include "harness/program/test_support.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using testing::IsEmpty;

struct Folder {
  const char* name;
  const char* path;
  const char* suffix;
  std::size_t least;  // programs that load and are instrumented
  const char* package;
};

class ObjectsOf : public testing::TestWithParam<Folder> {};

std::vector<std::string> FilesIn(const Folder& folder) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& file : std::filesystem::directory_iterator(folder.path, none)) {
    if (file.path().string().ends_with(folder.suffix)) files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The first packets of each capture: what sets programs apart are the headers.
const std::vector<std::vector<std::byte>>& Packets() {
  static constexpr std::size_t kOfEach = 8;
  static const std::vector<std::vector<std::byte>> packets = [] {
    std::vector<std::vector<std::byte>> all = ChoicePackets();
    for (const std::string& file : FilesIn({"captures", KNETLAB_CAPTURES, ".pcap", 0, ""})) {
      std::vector<std::vector<std::byte>> some = PacketsOf(file);
      some.resize(std::min(some.size(), kOfEach));
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return packets;
}

const std::set<bpf_prog_type> kTypes = {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SCHED_ACT,
                                        BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_CGROUP_SKB};

TEST_P(ObjectsOf, AreAllInstrumentedAndDecideTheSame) {
  const std::vector<std::string> files = FilesIn(GetParam());
  if (files.empty()) GTEST_SKIP() << GetParam().path << " is empty: install " << GetParam().package;
  ASSERT_GT(Packets().size(), 300U);
  std::size_t instrumented = 0;
  std::size_t tried = 0;
  for (const std::string& file : files) {
    std::vector<ProgramInfo> programs;
    try {
      programs = InspectObject(file);
    } catch (const Error&) {
      continue;  // some are there to be refused
    }
    for (const ProgramInfo& info : programs) {
      if (!kTypes.contains(info.type)) continue;
      const std::string where = file + ":" + info.name;
      LoadOptions options;
      options.programs = {info.name};
      const Comparison comparison = Compare(file, info.name, options, Packets());
      if (!comparison.refused.empty()) continue;
      const bool no_stack_left = comparison.why.find("stack") != std::string::npos;  // stated, and it holds
      EXPECT_TRUE(comparison.method != InstrumentMethod::kNone || no_stack_left)
          << where << ": " << comparison.why;
      EXPECT_EQ(comparison.unsteady, 0U) << where;
      EXPECT_EQ(comparison.same, comparison.packets) << where;
      if (comparison.unseen.empty()) {
        EXPECT_EQ(comparison.watched, comparison.packets) << where;
        EXPECT_THAT(comparison.differences, IsEmpty()) << where;
      }
      ++instrumented;
      if (comparison.packets > 300) ++tried;  // programs for devmap and cpumap entries cannot be tried alone
    }
  }
  EXPECT_GE(instrumented, GetParam().least);
  EXPECT_GE(tried + 5, instrumented);
}

INSTANTIATE_TEST_SUITE_P(
    All, ObjectsOf,
    testing::Values(Folder{"ours", KNETLAB_TEST_OBJECTS, ".bpf.o", 45, "nothing: it is the build folder"},
                    Folder{"libxdp", "/usr/lib/x86_64-linux-gnu/bpf", ".o", 14, "libxdp1"},
                    Folder{"cilium", "/usr/share/gocode/src/github.com/cilium/ebpf/testdata", "-el.elf", 2,
                           "golang-github-cilium-ebpf-dev"}),
    [](const auto& folder) { return std::string(folder.param.name); });

}  // namespace
}  // namespace knetlab
