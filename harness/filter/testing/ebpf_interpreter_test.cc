// SPDX-License-Identifier: Apache-2.0
// What the interpreter computes is compared with the kernel in harness/scenario/filter_kernel_test.cc; here
// is what it refuses.
#include "harness/filter/testing/ebpf_interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "harness/filter/assembler.h"
#include "harness/filter/testing/classic_interpreter.h"

namespace knetlab::filter_testing {
namespace {

using testing::HasSubstr;

EbpfRun Execute(const std::function<void(Assembler&)>& write, EbpfInput input = {}) {
  Assembler assembler;
  write(assembler);
  static const PacketBytes packet(64, 0x11);
  if (input.packet.empty()) input.packet = packet;
  return RunEbpf(assembler.Finish().instructions, input, 10'000);
}

void LoadPacket(Assembler& a) {  // R2: data, R3: data_end
  a.Load(Size::kWord, R2, R1, offsetof(xdp_md, data));
  a.Load(Size::kWord, R3, R1, offsetof(xdp_md, data_end));
}

TEST(EbpfInterpreter, ReadsThePacketUpToItsEnd) {
  const auto load = [](std::int16_t offset) {
    return [offset](Assembler& a) {
      LoadPacket(a);
      a.Load(Size::kWord, R0, R2, offset);
      a.Exit();
    };
  };
  EXPECT_EQ(Execute(load(60)).result, 0x11111111U);
  EXPECT_THAT(Execute(load(61)).failure, HasSubstr("instruction 2: 4 bytes at packet +61"));
  EXPECT_THAT(Execute(load(-1)).failure, HasSubstr("packet -1"));
  EXPECT_THAT(Execute(load(20), {.linear = 23}).failure, HasSubstr("of which 23 bytes"));
}

TEST(EbpfInterpreter, BoundsAreComparedAsAddresses) {
  const auto reach = [](std::int32_t distance) {
    return [distance](Assembler& a) {
      const Label beyond = a.NewLabel();
      LoadPacket(a);
      a.Add(R2, distance);
      a.Mov(R0, 1);
      a.JumpIf(Cond::kGreater, R2, R3, beyond);
      a.Mov(R0, 2);
      a.Bind(beyond);
      a.Exit();
    };
  };
  EXPECT_EQ(Execute(reach(64)).result, 2U);
  EXPECT_EQ(Execute(reach(65)).result, 1U);
  EXPECT_EQ(Execute(reach(-5)).result, 2U);
}

TEST(EbpfInterpreter, WhatWasNeverWrittenIsNotRead) {
  EXPECT_THAT(Execute([](Assembler& a) { a.Exit(); }).failure, HasSubstr("R0 is read and holds nothing"));
  EXPECT_THAT(Execute([](Assembler& a) {
                a.StoreValue(Size::kHalf, R10, -8, 1);
                a.Load(Size::kWord, R0, R10, -8);
                a.Exit();
              }).failure,
              HasSubstr("stack -6 is read and was never written"));
  EXPECT_THAT(Execute([](Assembler& a) {
                a.Call(BPF_FUNC_get_prandom_u32);
                a.Mov(R0, R1);
                a.Exit();
              }).failure,
              HasSubstr("R1 is read and holds nothing"));
}

TEST(EbpfInterpreter, TheStackHas512Bytes) {
  const auto store = [](std::int16_t offset) {
    return [offset](Assembler& a) {
      a.StoreValue(Size::kDouble, R10, offset, 7);
      a.Load(Size::kByte, R0, R10, offset);
      a.Exit();
    };
  };
  EXPECT_EQ(Execute(store(-512)).result, 7U);
  EXPECT_THAT(Execute(store(-520)).failure, HasSubstr("not in the frame"));
  EXPECT_THAT(Execute(store(0)).failure, HasSubstr("not in the frame"));
}

TEST(EbpfInterpreter, PointersKeepWhatTheyAre) {
  EXPECT_EQ(Execute([](Assembler& a) {  // spilled and filled
              LoadPacket(a);
              a.Store(Size::kDouble, R10, -8, R2);
              a.Load(Size::kDouble, R4, R10, -8);
              a.Load(Size::kByte, R0, R4, 3);
              a.Exit();
            })
                .result,
            0x11U);
  EXPECT_EQ(Execute([](Assembler& a) {
              LoadPacket(a);
              a.Alu(AluOp::kSub, Width::k64, R3, R2);
              a.Mov(R0, R3);
              a.Exit();
            }).result,
            64U);
  for (const auto& [write, why] : std::vector<std::pair<std::function<void(Assembler&)>, const char*>>{
           {[](Assembler& a) { a.Mov(R0, R1); }, "R0 is a pointer"},
           {[](Assembler& a) { a.Mov32(R0, R1); }, "half of a pointer"},
           {[](Assembler& a) { a.Alu(AluOp::kAnd, Width::k64, R1, 3); }, "arithmetic on a pointer"},
           {[](Assembler& a) { a.Alu(AluOp::kAdd, Width::k32, R1, 3); }, "32-bit arithmetic on a pointer"},
           {[](Assembler& a) { LoadPacket(a), a.Add(R3, 1); }, "arithmetic on the packet's end"},
           {[](Assembler& a) { LoadPacket(a), a.StoreValue(Size::kByte, R2, 0, 1); },
            "a store to the packet"},
           {[](Assembler& a) { a.Store(Size::kWord, R10, -8, R1); }, "part of a pointer"},
           {[](Assembler& a) { a.Mov(R10, 0); }, "R10 is written"},
           {[](Assembler& a) { a.Load(Size::kHalf, R0, R1, 0); }, "another size"},
           {[](Assembler& a) { a.Load(Size::kWord, R0, R1, 12); }, "no field"},
           {[](Assembler& a) { a.MapAddress(R0, "m"); }, "a map"},
           {[](Assembler& a) { a.Call(BPF_FUNC_map_lookup_elem); }, "helper 1 is unknown"},
           {[](Assembler& a) { a.Call(BPF_FUNC_skb_load_bytes); }, "this kind of program"},
       }) {
    EXPECT_THAT(Execute([&write = write](Assembler& a) {
                  write(a);
                  a.Exit();
                }).failure,
                HasSubstr(why));
  }
}

TEST(EbpfInterpreter, StoresWhereThePacketMayBeWritten) {
  PacketBytes packet(14);
  EXPECT_TRUE(Execute(
                  [](Assembler& a) {
                    LoadPacket(a);
                    a.StoreValue(Size::kHalf, R2, 12, 0x0102);
                    a.Mov(R0, 0);
                    a.Exit();
                  },
                  {.packet = packet, .writable = packet})
                  .ok());
  EXPECT_EQ(packet[12], 2);
  EXPECT_EQ(packet[13], 1);
}

TEST(EbpfInterpreter, HelpersReachBeyondTheLinearPart) {
  const auto load = [](bpf_func_id helper, std::int32_t offset) {
    return [=](Assembler& a) {
      a.Mov(R2, offset);
      a.Mov(R3, R10);
      a.Add(R3, -8);
      a.Mov(R4, 4);
      a.Call(helper);
      a.Load(Size::kWord, R6, R10, -8);
      const Label failed = a.NewLabel();
      a.JumpIf(Cond::kNotEqual, R0, 0, failed);
      a.Mov(R0, R6);
      a.Bind(failed);
      a.Exit();
    };
  };
  const EbpfInput skb{.context = EbpfContext::kSkb, .linear = 20};
  const EbpfInput xdp{.context = EbpfContext::kXdp, .linear = 20};
  EXPECT_EQ(Execute(load(BPF_FUNC_skb_load_bytes, 60), skb).result, 0x11111111U);
  EXPECT_EQ(Execute(load(BPF_FUNC_skb_load_bytes, 61), skb).result, static_cast<std::uint32_t>(-EFAULT));
  EXPECT_EQ(Execute(load(BPF_FUNC_xdp_load_bytes, 60), xdp).result, 0x11111111U);
  EXPECT_EQ(Execute(load(BPF_FUNC_xdp_load_bytes, 61), xdp).result, static_cast<std::uint32_t>(-EINVAL));
  EXPECT_EQ(Execute(
                [](Assembler& a) {
                  a.Call(BPF_FUNC_xdp_get_buff_len);
                  a.Exit();
                },
                xdp)
                .result,
            64U);
}

TEST(EbpfInterpreter, FunctionsHaveTheirOwnFramesAndKeepTheCallersRegisters) {
  EXPECT_EQ(Execute([](Assembler& a) {
              const Label function = a.NewLabel();
              a.Mov(R6, 40);
              a.StoreValue(Size::kDouble, R10, -8, 1);
              a.CallFunction(function);
              a.Add(R0, R6);
              a.Load(Size::kDouble, R7, R10, -8);
              a.Add(R0, R7);
              a.Exit();
              a.Bind(function);
              a.Mov(R6, 9);
              a.StoreValue(Size::kDouble, R10, -8, 100);
              a.Mov(R0, 1);
              a.Exit();
            }).result,
            42U);
}

TEST(EbpfInterpreter, EndsWhatDoesNotEnd) {
  EXPECT_THAT(Execute([](Assembler& a) {
                const Label again = a.NewLabel();
                a.Bind(again);
                a.Jump(again);
              }).failure,
              HasSubstr("too many instructions"));
  EXPECT_THAT(Execute([](Assembler& a) { a.Mov(R0, 0); }).failure, HasSubstr("control leaves the program"));
}

}  // namespace
}  // namespace knetlab::filter_testing
