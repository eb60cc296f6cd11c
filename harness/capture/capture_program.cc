// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/capture_program.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "harness/filter/compile.h"

namespace knetlab {
namespace {

// Of the frame.
constexpr std::int16_t kKey = -8, kRecord = -16, kFrame = 16;

constexpr std::int16_t At(std::size_t offset) {
  return static_cast<std::int16_t>(offset);
}

// A record's size must be a constant to the verifier: packets go into the smallest class that holds them.
std::vector<std::uint32_t> Classes(std::uint32_t snaplen) {
  std::vector<std::uint32_t> classes;
  for (const std::uint32_t size :
       {64U, 96U, 128U, 256U, 512U, 1024U, 1536U, 2048U, 4096U, 9216U, 16384U, 32768U, 65536U, 131072U}) {
    if (size >= snaplen) break;
    classes.push_back(size);
  }
  classes.push_back(snaplen);
  return classes;
}

// R6: the context, R7: the point's counters on this CPU, R8: the packet's length, R9: what of it is captured.
class Maker {
 public:
  explicit Maker(const CaptureProgramSpec& spec) : spec_(spec) {}

  Code Make() {
    const Label match = a_.NewLabel();
    FindCounters();
    Count(offsetof(CaptureCounters, received));
    if (spec_.filter != nullptr) {
      EmbedFilter(a_, *spec_.filter,
                  {.target = Target(),
                   .context = R6,
                   .stack = kFrame,
                   .free = 1U << 8 | 1U << 9,
                   .match = match,
                   .otherwise = out_});
    }
    a_.Bind(match);
    Count(offsetof(CaptureCounters, matched));
    if (spec_.sample > 1) Sample();
    FindLength();
    const std::vector<std::uint32_t> classes = Classes(spec_.snaplen);
    for (const std::uint32_t size : classes) {
      const Label larger = size == classes.back() ? lost_ : a_.NewLabel();
      a_.JumpIf(Cond::kGreater, R9, static_cast<std::int32_t>(size), larger);
      Copy(size);
      if (size != classes.back()) a_.Bind(larger);
    }
    a_.Bind(lost_);
    Count(offsetof(CaptureCounters, lost));
    a_.Bind(out_);
    a_.Mov(R0, spec_.result);
    a_.Exit();
    return a_.Finish();
  }

 private:
  bool xdp() const { return spec_.type == BPF_PROG_TYPE_XDP; }
  FilterTarget Target() const {
    if (!xdp()) return FilterTarget::kTc;
    return spec_.frags ? FilterTarget::kXdpFrags : FilterTarget::kXdp;
  }

  void FindCounters() {
    a_.Mov(R6, R1);
    a_.StoreValue(Size::kWord, R10, kKey, static_cast<std::int32_t>(spec_.point));
    a_.MapAddress(R1, kCaptureCounters);
    a_.Mov(R2, R10);
    a_.Add(R2, kKey);
    a_.Call(BPF_FUNC_map_lookup_elem);
    a_.JumpIf(Cond::kEqual, R0, 0, out_);
    a_.Mov(R7, R0);
  }

  void Count(std::size_t counter) {
    const bool alone = xdp() || spec_.type == BPF_PROG_TYPE_SCHED_CLS;
    if (alone) {
      a_.Load(Size::kDouble, R1, R7, At(counter));
      a_.Add(R1, 1);
      a_.Store(Size::kDouble, R7, At(counter), R1);
    } else {
      a_.Mov(R1, 1);
      a_.AtomicAdd(Size::kDouble, R7, At(counter), R1);
    }
  }

  void Sample() {
    const Label take = a_.NewLabel();
    a_.Load(Size::kDouble, R1, R7, offsetof(CaptureCounters, next));
    a_.JumpIf(Cond::kEqual, R1, 0, take);
    a_.Add(R1, -1);
    a_.Store(Size::kDouble, R7, offsetof(CaptureCounters, next), R1);
    Count(offsetof(CaptureCounters, left_out));
    a_.Jump(out_);
    a_.Bind(take);
    a_.Mov32(R1, static_cast<std::int32_t>(spec_.sample - 1));
    a_.Store(Size::kDouble, R7, offsetof(CaptureCounters, next), R1);
  }

  void FindLength() {
    if (!xdp()) {
      a_.Load(Size::kWord, R8, R6, offsetof(__sk_buff, len));
    } else if (spec_.frags) {
      a_.Mov(R1, R6);
      a_.Call(BPF_FUNC_xdp_get_buff_len);
      a_.Mov(R8, R0);
    } else {
      a_.Load(Size::kWord, R8, R6, offsetof(xdp_md, data_end));
      a_.Load(Size::kWord, R1, R6, offsetof(xdp_md, data));
      a_.Alu(AluOp::kSub, Width::k64, R8, R1);
    }
    const Label whole = a_.NewLabel();
    a_.Mov(R9, R8);
    a_.JumpIf(Cond::kLessEqual, R9, static_cast<std::int32_t>(spec_.snaplen), whole);
    a_.Mov(R9, static_cast<std::int32_t>(spec_.snaplen));
    a_.Bind(whole);
    a_.JumpIf(Cond::kLess, R9, 1, lost_);  // there is no such packet, but helpers want to see it
  }

  // At most `size` bytes, in a record of that class.
  void Copy(std::uint32_t size) {
    const Label quiet = a_.NewLabel();
    const Label failed = a_.NewLabel();
    a_.MapAddress(R1, kCaptureRing);
    a_.Mov(R2, static_cast<std::int32_t>(sizeof(CaptureRecord) + size));
    a_.Mov(R3, 0);
    a_.Call(BPF_FUNC_ringbuf_reserve);
    a_.JumpIf(Cond::kEqual, R0, 0, lost_);
    a_.Store(Size::kDouble, R10, kRecord, R0);
    a_.Call(BPF_FUNC_ktime_get_ns);
    a_.Load(Size::kDouble, R3, R10, kRecord);
    a_.Store(Size::kDouble, R3, offsetof(CaptureRecord, time_ns), R0);
    a_.Store(Size::kWord, R3, offsetof(CaptureRecord, wire_length), R8);
    a_.Store(Size::kWord, R3, offsetof(CaptureRecord, captured), R9);
    a_.StoreValue(Size::kWord, R3, offsetof(CaptureRecord, point), static_cast<std::int32_t>(spec_.point));
    StoreVlan();
    a_.Mov(R1, R6);
    a_.Mov(R2, 0);
    a_.Add(R3, sizeof(CaptureRecord));
    a_.Mov(R4, R9);
    a_.Call(xdp() ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_skb_load_bytes);
    a_.JumpIf(Cond::kNotEqual, R0, 0, failed);
    // Waking the reader costs as much as capturing a hundred packets.
    a_.Load(Size::kDouble, R3, R7, offsetof(CaptureCounters, unsignalled));
    a_.Add(R3, static_cast<std::int32_t>(sizeof(CaptureRecord) + size));
    a_.Mov(R2, BPF_RB_NO_WAKEUP);
    a_.JumpIf(Cond::kLess, R3, static_cast<std::int32_t>(spec_.watermark), quiet);
    a_.Mov(R2, BPF_RB_FORCE_WAKEUP);
    a_.Mov(R3, 0);
    a_.Bind(quiet);
    a_.Store(Size::kDouble, R7, offsetof(CaptureCounters, unsignalled), R3);
    a_.Load(Size::kDouble, R1, R10, kRecord);
    a_.Call(BPF_FUNC_ringbuf_submit);
    a_.Jump(out_);
    a_.Bind(failed);
    a_.Load(Size::kDouble, R1, R10, kRecord);
    a_.Mov(R2, BPF_RB_NO_WAKEUP);
    a_.Call(BPF_FUNC_ringbuf_discard);
    a_.Jump(lost_);
  }

  void StoreVlan() {
    if (xdp()) {
      a_.StoreValue(Size::kWord, R3, offsetof(CaptureRecord, vlan_type), 0);
      return;
    }
    const Label none = a_.NewLabel();
    a_.Mov(R2, 0);
    a_.Load(Size::kWord, R1, R6, offsetof(__sk_buff, vlan_present));
    a_.JumpIf(Cond::kEqual, R1, 0, none);
    a_.Load(Size::kWord, R2, R6, offsetof(__sk_buff, vlan_proto));
    a_.Load(Size::kWord, R1, R6, offsetof(__sk_buff, vlan_tci));
    a_.Store(Size::kHalf, R3, offsetof(CaptureRecord, vlan_tag), R1);
    a_.Bind(none);
    a_.Store(Size::kHalf, R3, offsetof(CaptureRecord, vlan_type), R2);
  }

  const CaptureProgramSpec& spec_;
  Assembler a_;
  const Label out_ = a_.NewLabel(), lost_ = a_.NewLabel();
};

}  // namespace

Code MakeCaptureProgram(const CaptureProgramSpec& spec) {
  return Maker(spec).Make();
}

}  // namespace knetlab
