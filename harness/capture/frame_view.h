// SPDX-License-Identifier: Apache-2.0
// The whole frame around what a socket filter or a cgroup_skb program is given. Their data begins where the
// kernel has got to: behind the UDP or TCP header's begin at such a socket, at the IP header at a raw socket
// and in a cgroup, at the Ethernet header at a packet socket only. A capture that began there could neither
// be filtered nor read as the others are, so the headers in front are looked up in the kernel's buffer:
//
//   frame = Ethernet header, network headers, data           the first two: "head"
//
// The Ethernet header is the packet's own where it has one, which a packet that leaves a cgroup has not yet;
// else its addresses are 0. What is no network packet (unix sockets) has the type 0x88b5 (IEEE, local
// experiments). How long the network headers are the kernel does not tell: it follows from the IP header
// and how much data is left.
//
// Emits code for a program with its context in R6. Internal to captures.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "harness/filter/assembler.h"
#include "harness/filter/compile.h"

namespace knetlab {

// In a record, between CaptureRecord and the data.
struct CaptureHead {
  static constexpr std::size_t kMost = 168;
  std::uint64_t length;  // in front of the data; 0: a packet socket, which is given everything
  std::byte bytes[kMost];
};

// Whether packets of programs of this type need a head.
constexpr bool HasFrameView(bpf_prog_type type) {
  return type == BPF_PROG_TYPE_SOCKET_FILTER || type == BPF_PROG_TYPE_CGROUP_SKB;
}

class FrameView {
 public:
  static constexpr std::int16_t kBytes = 40;  // of the frame

  // `base`: where in R10's frame its bytes begin.
  FrameView(Assembler& assembler, bpf_prog_type type, std::int16_t base);

  // Looks it up; R0 to R5 are lost.
  void Find();
  // What reads the frame for a filter, once Find() is through.
  PacketReader Reader() const;
  // Its function, to stand behind the program; nothing where no filter calls it.
  void DefineReader();
  // The frame's length, or the data's.
  void LoadLength(Reg to);
  void LoadDataLength(Reg to);
  // Writes a CaptureHead to where `address` points its register; R0 to R5 are lost. `failed`: it is longer
  // than kMost.
  void CopyHead(const std::function<void(Reg)>& address, Label failed);

 private:
  std::int16_t At(std::int16_t offset) const { return static_cast<std::int16_t>(base_ + offset); }
  void LoadRelative(std::int16_t to, std::int32_t size, std::int32_t header);
  void FindEthernet();
  void MakeUpEthernet();
  void FindShift();
  void ReadByte(std::int16_t index, Label failed);

  Assembler& a_;
  bpf_prog_type type_;
  std::int16_t base_;
  Label load_;
};

}  // namespace knetlab
