// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/frame_view.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <initializer_list>

namespace knetlab {
namespace {

// Of its bytes on the stack. The Ethernet header is read as two words where the stack cannot be indexed.
constexpr std::int16_t kEthernet = 0, kType = 12, kSecondWord = 8;
constexpr std::int16_t kShift = 16;   // 64 bits: of the frame in front of the data
constexpr std::int16_t kLength = 24;  // 64 bits: of the frame
constexpr std::int16_t kScratch = 32;

constexpr std::int32_t kEthernetBytes = 14;
constexpr std::int32_t kLeastType = 0x600;  // below it is an 802.3 length
constexpr std::int32_t kNoNetworkType = 0x88b5;
constexpr std::int32_t kMostOffset = 0x3fffffff;
constexpr int kMostLoaded = 4;

}  // namespace

FrameView::FrameView(Assembler& assembler, bpf_prog_type type, std::int16_t base)
    : a_(assembler), type_(type), base_(base), load_(assembler.NewLabel()) {}

// From the begin of a header on, to the stack. R0 is 0 where that worked.
void FrameView::LoadRelative(std::int16_t to, std::int32_t size, std::int32_t header) {
  a_.Mov(R1, R6);
  a_.Mov(R2, 0);
  a_.Mov(R3, R10);
  a_.Add(R3, At(to));
  a_.Mov(R4, size);
  a_.Mov(R5, header);
  a_.Call(BPF_FUNC_skb_load_bytes_relative);
}

void FrameView::MakeUpEthernet() {
  a_.StoreValue(Size::kDouble, R10, At(kEthernet), 0);
  a_.StoreValue(Size::kDouble, R10, At(kSecondWord), 0);
  a_.Load(Size::kWord, R1, R6, offsetof(__sk_buff, protocol));
  a_.Store(Size::kHalf, R10, At(kType), R1);
}

// What is in front of the network header is an Ethernet header where its type is the packet's: a tunnel
// without one has its "MAC header" in the same place.
void FrameView::FindEthernet() {
  const Label found = a_.NewLabel();
  const Label made_up = a_.NewLabel();
  a_.StoreValue(Size::kDouble, R10, At(kSecondWord), 0);
  LoadRelative(kEthernet, kEthernetBytes, BPF_HDR_START_MAC);
  a_.JumpIf(Cond::kNotEqual, R0, 0, made_up);
  a_.Load(Size::kHalf, R2, R10, At(kType));
  a_.Load(Size::kWord, R1, R6, offsetof(__sk_buff, protocol));
  a_.JumpIf(Cond::kEqual, R1, R2, found);
  a_.SwapBigEndian(R1, 16);
  a_.SwapBigEndian(R2, 16);
  a_.JumpIf(Cond::kGreaterEqual, R1, kLeastType, made_up);
  a_.JumpIf(Cond::kLess, R2, kLeastType, found);
  a_.Bind(made_up);
  MakeUpEthernet();
  a_.Bind(found);
}

// Where the data begins, by the socket's family and the IP header. R8 is free.
void FrameView::FindShift() {
  const Label done = a_.NewLabel();
  a_.StoreValue(Size::kDouble, R10, At(kShift), kEthernetBytes);
  if (type_ == BPF_PROG_TYPE_CGROUP_SKB) return;  // at the IP header
  const Label packet = a_.NewLabel();
  const Label internet = a_.NewLabel();
  const Label version_6 = a_.NewLabel();
  const Label whole = a_.NewLabel();
  // While its filter runs, a packet belongs to the socket.
  a_.Load(Size::kDouble, R1, R6, offsetof(__sk_buff, sk));
  a_.JumpIf(Cond::kEqual, R1, 0, done);
  a_.Load(Size::kWord, R1, R1, offsetof(bpf_sock, family));
  a_.JumpIf(Cond::kEqual, R1, AF_UNSPEC, done);
  a_.JumpIf(Cond::kEqual, R1, AF_INET, internet);
  a_.JumpIf(Cond::kEqual, R1, AF_INET6, internet);
  a_.JumpIf(Cond::kEqual, R1, AF_PACKET, packet);
  a_.StoreValue(Size::kDouble, R10, At(kEthernet), 0);
  a_.StoreValue(Size::kWord, R10, At(kSecondWord), 0);
  a_.Mov(R1, kNoNetworkType);
  a_.SwapBigEndian(R1, 16);
  a_.Store(Size::kHalf, R10, At(kType), R1);
  a_.Jump(done);

  // The Ethernet header, unless it is a SOCK_DGRAM.
  a_.Bind(packet);
  a_.Mov(R1, R6);
  a_.Mov(R2, 0);
  a_.Mov(R3, R10);
  a_.Add(R3, At(kScratch));
  a_.Mov(R4, Bytes(Size::kDouble));
  a_.Call(BPF_FUNC_skb_load_bytes);
  a_.JumpIf(Cond::kNotEqual, R0, 0, done);
  a_.Load(Size::kDouble, R1, R10, At(kScratch));
  a_.Load(Size::kDouble, R2, R10, At(kEthernet));
  a_.JumpIf(Cond::kNotEqual, R1, R2, done);
  a_.StoreValue(Size::kDouble, R10, At(kShift), 0);
  a_.Jump(done);

  // The transport header; at a raw IPv4 socket the IP header, which shows by all of the packet being there.
  a_.Bind(internet);
  LoadRelative(kScratch, Bytes(Size::kDouble), BPF_HDR_START_NET);
  a_.JumpIf(Cond::kNotEqual, R0, 0, done);
  a_.Load(Size::kWord, R3, R6, offsetof(__sk_buff, len));
  a_.Load(Size::kByte, R1, R10, At(kScratch));
  a_.Mov(R2, R1);
  a_.Alu(AluOp::kRight, Width::k64, R2, 4);
  a_.JumpIf(Cond::kEqual, R2, 6, version_6);
  a_.JumpIf(Cond::kNotEqual, R2, 4, done);
  a_.Alu(AluOp::kAnd, Width::k64, R1, 0xf);
  a_.Alu(AluOp::kLeft, Width::k64, R1, 2);
  a_.Load(Size::kHalf, R2, R10, At(kScratch + 2));
  a_.SwapBigEndian(R2, 16);
  a_.JumpIf(Cond::kEqual, R2, 0, whole);  // more than 64 KiB, put together by the kernel
  a_.Add(R3, R1);
  a_.JumpIf(Cond::kGreater, R3, R2, done);
  a_.Jump(whole);

  a_.Bind(version_6);
  a_.Mov(R1, 40);
  a_.Load(Size::kHalf, R2, R10, At(kScratch + 4));
  a_.SwapBigEndian(R2, 16);
  a_.JumpIf(Cond::kEqual, R2, 0, whole);
  a_.Add(R2, R1);
  a_.Alu(AluOp::kSub, Width::k64, R2, R3);  // extension headers included
  a_.JumpIf(Cond::kSignedLess, R2, R1, done);
  // Where there are none it needs no sum, which is wrong where UDP ends before IPv6 does.
  a_.Load(Size::kByte, R3, R10, At(kScratch + 6));
  for (const int protocol : std::initializer_list<int>{IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6})
    a_.JumpIf(Cond::kEqual, R3, protocol, whole);
  a_.Mov(R1, R2);

  a_.Bind(whole);
  a_.Add(R1, kEthernetBytes);
  a_.Store(Size::kDouble, R10, At(kShift), R1);
  a_.Bind(done);
}

void FrameView::Find() {
  FindEthernet();
  FindShift();
  a_.Load(Size::kWord, R1, R6, offsetof(__sk_buff, len));
  a_.Load(Size::kDouble, R2, R10, At(kShift));
  a_.Add(R1, R2);
  a_.Store(Size::kDouble, R10, At(kLength), R1);
}

PacketReader FrameView::Reader() const {
  return {.load = load_, .argument = base_, .length = At(kLength)};
}

void FrameView::LoadLength(Reg to) {
  a_.Load(Size::kDouble, to, R10, At(kLength));
}

void FrameView::LoadDataLength(Reg to) {
  a_.Load(Size::kWord, to, R6, offsetof(__sk_buff, len));
}

// One byte, of a read that is neither in the network headers nor in the data as a whole. R6 to R9 are the
// function's first four arguments.
void FrameView::ReadByte(std::int16_t index, Label failed) {
  const Label behind = a_.NewLabel();
  const Label second = a_.NewLabel();
  const Label put = a_.NewLabel();
  const Label data = a_.NewLabel();
  const Label done = a_.NewLabel();
  const auto byte = [&](bpf_func_id helper) {
    a_.Mov(R1, R6);
    a_.Mov(R3, R8);
    a_.Add(R3, index);
    a_.Mov(R4, 1);
    if (helper == BPF_FUNC_skb_load_bytes_relative) a_.Mov(R5, BPF_HDR_START_NET);
    a_.Call(helper);
    a_.JumpIf(Cond::kNotEqual, R0, 0, failed);
  };
  a_.Load(Size::kDouble, R5, R10, -8);
  a_.Mov(R2, R7);
  a_.Add(R2, index);
  a_.Load(Size::kDouble, R3, R5, kShift);
  a_.JumpIf(Cond::kGreaterEqual, R2, R3, data);
  a_.JumpIf(Cond::kGreaterEqual, R2, kEthernetBytes, behind);
  a_.JumpIf(Cond::kGreaterEqual, R2, kSecondWord, second);
  a_.Load(Size::kDouble, R1, R5, kEthernet);
  a_.Jump(put);
  a_.Bind(second);
  a_.Add(R2, -kSecondWord);
  a_.Load(Size::kDouble, R1, R5, kSecondWord);
  a_.Bind(put);
  a_.Alu(AluOp::kLeft, Width::k64, R2, 3);
  a_.Alu(AluOp::kRight, Width::k64, R1, R2);
  a_.Store(Size::kByte, R8, index, R1);
  a_.Jump(done);
  a_.Bind(behind);
  a_.Add(R2, -kEthernetBytes);
  byte(BPF_FUNC_skb_load_bytes_relative);
  a_.Jump(done);
  a_.Bind(data);
  a_.Alu(AluOp::kSub, Width::k64, R2, R3);
  byte(BPF_FUNC_skb_load_bytes);
  a_.Bind(done);
}

void FrameView::DefineReader() {
  if (!a_.IsTarget(load_)) return;  // the verifier refuses what is never reached
  const Label front = a_.NewLabel();
  const Label bytes = a_.NewLabel();
  const Label done = a_.NewLabel();
  const Label failed = a_.NewLabel();
  const auto arguments = [&] {
    a_.Mov(R1, R6);
    a_.Mov(R2, R7);
    a_.Mov(R3, R8);
    a_.Mov(R4, R9);
  };
  a_.Bind(load_);
  a_.Mov(R6, R1);
  a_.Mov(R7, R2);
  a_.Mov(R8, R3);
  a_.Mov(R9, R4);
  a_.Store(Size::kDouble, R10, -8, R5);
  a_.JumpIf(Cond::kGreater, R7, kMostOffset, failed);
  a_.Load(Size::kDouble, R0, R5, kShift);
  a_.JumpIf(Cond::kLess, R7, R0, front);
  arguments();
  a_.Alu(AluOp::kSub, Width::k64, R2, R0);
  a_.Call(BPF_FUNC_skb_load_bytes);
  a_.Exit();

  a_.Bind(front);
  a_.JumpIf(Cond::kLess, R7, kEthernetBytes, bytes);
  a_.Mov(R1, R7);
  a_.Add(R1, R9);
  a_.JumpIf(Cond::kGreater, R1, R0, bytes);
  arguments();
  a_.Add(R2, -kEthernetBytes);
  a_.Mov(R5, BPF_HDR_START_NET);
  a_.Call(BPF_FUNC_skb_load_bytes_relative);
  a_.Exit();

  a_.Bind(bytes);
  for (std::int16_t i = 0; i < kMostLoaded; ++i) {
    if (i > 0) a_.JumpIf(Cond::kLessEqual, R9, i, done);
    ReadByte(i, failed);
  }
  a_.Bind(done);
  a_.Mov(R0, 0);
  a_.Exit();
  a_.Bind(failed);
  a_.Mov(R0, -1);
  a_.Exit();
}

void FrameView::CopyHead(const std::function<void(Reg)>& address, Label failed) {
  constexpr auto kBytesAt = static_cast<std::int16_t>(offsetof(CaptureHead, bytes));
  const Label done = a_.NewLabel();
  address(R3);
  a_.Load(Size::kDouble, R4, R10, At(kShift));
  a_.Store(Size::kDouble, R3, offsetof(CaptureHead, length), R4);
  a_.JumpIf(Cond::kEqual, R4, 0, done);
  a_.Load(Size::kDouble, R1, R10, At(kEthernet));
  a_.Store(Size::kDouble, R3, kBytesAt + kEthernet, R1);
  a_.Load(Size::kDouble, R1, R10, At(kSecondWord));
  a_.Store(Size::kDouble, R3, kBytesAt + kSecondWord, R1);
  a_.Add(R4, -kEthernetBytes);
  a_.JumpIf(Cond::kSignedLessEqual, R4, 0, done);
  a_.JumpIf(Cond::kGreater, R4, static_cast<std::int32_t>(CaptureHead::kMost) - kEthernetBytes, failed);
  a_.Add(R3, kBytesAt + kEthernetBytes);
  a_.Mov(R1, R6);
  a_.Mov(R2, 0);
  a_.Mov(R5, BPF_HDR_START_NET);
  a_.Call(BPF_FUNC_skb_load_bytes_relative);
  a_.JumpIf(Cond::kNotEqual, R0, 0, failed);
  a_.Bind(done);
}

}  // namespace knetlab
