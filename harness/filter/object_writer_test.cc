// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/object_writer.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "harness/filter/kernel_test_support.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::HasSubstr;

Code ReturnCode(std::int32_t code) {
  Assembler a;
  a.Mov(R0, code);
  a.Exit();
  return a.Finish();
}

// Counts packets in a map and returns XDP_DROP.
Code CountingCode() {
  Assembler a;
  const Label end = a.NewLabel();
  a.StoreValue(Size::kWord, R10, -4, 0);
  a.Mov(R2, R10);
  a.Add(R2, -4);
  a.MapAddress(R1, "counts");
  a.Call(BPF_FUNC_map_lookup_elem);
  a.JumpIf(Cond::kEqual, R0, 0, end);
  a.Mov(R1, 1);
  a.AtomicAdd(Size::kDouble, R0, 0, R1);
  a.Bind(end);
  a.Mov(R0, XDP_DROP);
  a.Exit();
  return a.Finish();
}

const ObjectMap kCounts{
    .name = "counts", .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

TEST(ObjectFile, IsLoadedByLibbpf) {
  for (const char* section : {"xdp", "tc", "socket"}) {
    const Code code = ReturnCode(1);
    const LoadedObject object(ObjectFile({.section = section, .code = code}));
    EXPECT_EQ(Verdict(object.program_fd("filter"), std::vector<std::byte>(64)), 1U) << section;
  }
}

TEST(ObjectFile, NamesItsProgramToTheKernel) {
  const Code code = ReturnCode(XDP_PASS);
  const LoadedObject object(ObjectFile({.section = "xdp", .code = code}));
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  ASSERT_EQ(bpf_obj_get_info_by_fd(object.program_fd("filter"), &info, &size), 0);
  EXPECT_STREQ(info.name, "filter");
  EXPECT_NE(info.btf_id, 0U);
  EXPECT_EQ(info.nr_func_info, 1U);
  EXPECT_EQ(info.nr_line_info, 1U);
}

TEST(ObjectFile, BringsItsMaps) {
  const Code code = CountingCode();
  const LoadedObject object(ObjectFile({.section = "xdp", .code = code, .maps = {kCounts}}));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Verdict(object.program_fd("filter"), std::vector<std::byte>(64)), XDP_DROP);
  const std::uint32_t key = 0;
  std::uint64_t count = 0;
  ASSERT_EQ(bpf_map_lookup_elem(object.map_fd("counts"), &key, &count), 0);
  EXPECT_EQ(count, 3U);
}

TEST(ObjectFile, RefusesAMapThatIsNotDefined) {
  const Code code = CountingCode();
  EXPECT_THROW(ObjectFile({.section = "xdp", .code = code}), Error);
}

TEST(ObjectFile, IsReadByLlvm) {
  const TestFolder folder;
  const Code code = CountingCode();
  WriteFile(folder.Path("f.o"), ObjectFile({.section = "xdp", .code = code, .maps = {kCounts}}));
  const std::string text = CommandOutput("llvm-objdump -dr " + folder.Path("f.o"));
  EXPECT_THAT(text, HasSubstr("<filter>:"));
  EXPECT_THAT(text, HasSubstr("R_BPF_64_64\tcounts"));
  EXPECT_THAT(text, HasSubstr("lock *(u64 *)(r0 + 0) += r1"));
  EXPECT_THAT(CommandOutput("bpftool btf dump file " + folder.Path("f.o")), HasSubstr("FUNC 'filter'"));
}

TEST(ObjectFile, IsTheSameEachTime) {
  const Code code = CountingCode();
  EXPECT_EQ(ObjectFile({.section = "tc", .code = code, .maps = {kCounts}}),
            ObjectFile({.section = "tc", .code = code, .maps = {kCounts}}));
}

}  // namespace
}  // namespace knetlab
