// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/capture_program.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "harness/capture/frame_view.h"
#include "harness/filter/compile.h"

namespace knetlab {
namespace {

// Of a packet without bpf_xdp_load_bytes: what a page holds.
constexpr std::uint32_t kMostByHand = 4096;
constexpr std::int32_t kCounterShift = 6;
// Of the frame: where the ring's record is, then the frame view, then a record for a perf buffer.
constexpr std::int16_t kRecordOffset = -8;

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
  explicit Maker(const CaptureProgramSpec& spec) : spec_(spec) {
    if (HasFrameView(spec.type))
      view_.emplace(a_, spec.type, bottom_ = At(kRecordOffset - FrameView::kBytes));
    if (!spec.ring) bottom_ = stack_record_ = At(bottom_ - HeadBytes());
  }

  Code Make() {
    const Label match = a_.NewLabel();
    FindCounters();
    Count(offsetof(CaptureCounters, received));
    if (view_) view_->Find();
    if (spec_.filter != nullptr) {
      EmbedFilter(a_, *spec_.filter,
                  {.target = Target(),
                   .context = R6,
                   .stack = static_cast<std::int16_t>(-bottom_),
                   .free = 1U << 8 | 1U << 9,
                   .match = match,
                   .otherwise = out_,
                   .reader = view_ ? std::optional(view_->Reader()) : std::nullopt});
    }
    a_.Bind(match);
    Count(offsetof(CaptureCounters, matched));
    if (spec_.sample > 1) Sample();
    FindLength();
    if (spec_.ring) {
      IntoRing();
    } else {
      IntoPerfBuffer();
    }
    a_.Bind(lost_);
    Count(offsetof(CaptureCounters, lost));
    a_.Bind(out_);
    a_.Mov(R0, spec_.result);
    a_.Exit();
    if (view_) view_->DefineReader();
    return a_.Finish();
  }

 private:
  bool xdp() const { return spec_.type == BPF_PROG_TYPE_XDP; }
  bool copies_itself() const { return xdp() && spec_.ring && !spec_.load_bytes; }
  std::uint32_t MostCaptured() const {
    const std::uint32_t most = copies_itself() ? kMostByHand : spec_.ring ? UINT32_MAX : kMostInPerfRecord;
    return std::min(spec_.snaplen, most);
  }
  // What stands in a record in front of the packet's data.
  std::int32_t HeadBytes() const {
    return static_cast<std::int32_t>(sizeof(CaptureRecord) + (view_ ? sizeof(CaptureHead) : 0));
  }
  FilterTarget Target() const {
    if (view_) return FilterTarget::kSocket;
    if (!xdp()) return FilterTarget::kTc;
    return spec_.frags ? FilterTarget::kXdpFrags : FilterTarget::kXdp;
  }

  void FindCounters() {
    a_.Mov(R6, R1);
    a_.Call(BPF_FUNC_get_smp_processor_id);
    a_.JumpIf(Cond::kGreaterEqual, R0, static_cast<std::int32_t>(spec_.cpus), out_);  // for the verifier
    static_assert(sizeof(CaptureCounters) == 1U << kCounterShift);
    a_.Alu(AluOp::kLeft, Width::k64, R0, kCounterShift);
    a_.MapValueAddress(R7, kCaptureCounters,
                       static_cast<std::uint32_t>(sizeof(CaptureCounters)) * spec_.cpus * spec_.point);
    a_.Add(R7, R0);
  }

  void Count(std::size_t counter) {
    const bool alone =
        xdp() || spec_.type == BPF_PROG_TYPE_SCHED_CLS || spec_.type == BPF_PROG_TYPE_SCHED_ACT;
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
    if (view_) {
      view_->LoadLength(R8);
      view_->LoadDataLength(R9);
    } else if (!xdp()) {
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
    if (!view_) a_.Mov(R9, R8);
    a_.JumpIf(Cond::kLessEqual, R9, static_cast<std::int32_t>(MostCaptured()), whole);
    a_.Mov(R9, static_cast<std::int32_t>(MostCaptured()));
    a_.Bind(whole);
    a_.JumpIf(Cond::kLess, R9, 1, lost_);  // there is no such packet, but helpers want to see it
  }

  // The record's fields, at R3; R0 is the time.
  void FillRecord() {
    a_.Store(Size::kDouble, R3, offsetof(CaptureRecord, time_ns), R0);
    a_.Store(Size::kWord, R3, offsetof(CaptureRecord, wire_length), R8);
    a_.Store(Size::kWord, R3, offsetof(CaptureRecord, captured), R9);
    a_.StoreValue(Size::kWord, R3, offsetof(CaptureRecord, point), static_cast<std::int32_t>(spec_.point));
    StoreVlan();
  }

  // The kernel copies the packet behind the record itself.
  void IntoPerfBuffer() {
    for (std::int32_t at = 0; at < HeadBytes(); at += 8)
      a_.StoreValue(Size::kDouble, R10, At(stack_record_ + at), 0);
    a_.Call(BPF_FUNC_ktime_get_ns);
    a_.Mov(R3, R10);
    a_.Add(R3, stack_record_);
    FillRecord();
    const auto head = [this](Reg to) {
      a_.Mov(to, R10);
      a_.Add(to, stack_record_ + static_cast<std::int32_t>(sizeof(CaptureRecord)));
    };
    if (view_) view_->CopyHead(head, lost_);
    a_.Mov(R1, R6);
    a_.MapAddress(R2, kCaptureRing);
    a_.Mov(R3, R9);
    a_.Alu(AluOp::kLeft, Width::k64, R3, 32);
    a_.Mov32(R4, -1);  // BPF_F_CURRENT_CPU
    a_.Alu(AluOp::kOr, Width::k64, R3, R4);
    a_.Mov(R4, R10);
    a_.Add(R4, stack_record_);
    a_.Mov(R5, HeadBytes());
    a_.Call(BPF_FUNC_perf_event_output);
    a_.JumpIf(Cond::kEqual, R0, 0, out_);
  }

  void IntoRing() {
    const std::vector<std::uint32_t> classes = Classes(MostCaptured());
    for (const std::uint32_t size : classes) {
      const Label larger = size == classes.back() ? lost_ : a_.NewLabel();
      a_.JumpIf(Cond::kGreater, R9, static_cast<std::int32_t>(size), larger);
      Copy(size);
      if (size != classes.back()) a_.Bind(larger);
    }
  }

  // At most `size` bytes, in a record of that class.
  void Copy(std::uint32_t size) {
    const Label quiet = a_.NewLabel();
    const Label failed = a_.NewLabel();
    a_.MapAddress(R1, kCaptureRing);
    a_.Mov(R2, HeadBytes() + static_cast<std::int32_t>(size));
    a_.Mov(R3, 0);
    a_.Call(BPF_FUNC_ringbuf_reserve);
    a_.JumpIf(Cond::kEqual, R0, 0, lost_);
    a_.Store(Size::kDouble, R10, kRecordOffset, R0);
    a_.Call(BPF_FUNC_ktime_get_ns);
    a_.Load(Size::kDouble, R3, R10, kRecordOffset);
    FillRecord();
    const auto head = [this](Reg to) {
      a_.Load(Size::kDouble, to, R10, kRecordOffset);
      a_.Add(to, sizeof(CaptureRecord));
    };
    if (view_) {
      view_->CopyHead(head, failed);
      a_.Load(Size::kDouble, R3, R10, kRecordOffset);
    }
    a_.Add(R3, HeadBytes());
    if (copies_itself()) {
      CopyByHand(size);
    } else {
      a_.Mov(R1, R6);
      a_.Mov(R2, 0);
      a_.Mov(R4, R9);
      a_.Call(xdp() ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_skb_load_bytes);
      a_.JumpIf(Cond::kNotEqual, R0, 0, failed);
    }
    // Waking the reader costs as much as capturing a hundred packets.
    a_.Load(Size::kDouble, R3, R7, offsetof(CaptureCounters, unsignalled));
    a_.Add(R3, HeadBytes() + static_cast<std::int32_t>(size));
    a_.Mov(R2, BPF_RB_NO_WAKEUP);
    a_.JumpIf(Cond::kLess, R3, static_cast<std::int32_t>(spec_.watermark), quiet);
    a_.Mov(R2, BPF_RB_FORCE_WAKEUP);
    a_.Mov(R3, 0);
    a_.Bind(quiet);
    a_.Store(Size::kDouble, R7, offsetof(CaptureCounters, unsignalled), R3);
    a_.Load(Size::kDouble, R1, R10, kRecordOffset);
    a_.Call(BPF_FUNC_ringbuf_submit);
    a_.Jump(out_);
    if (copies_itself()) return;  // nothing fails, and the verifier wants no code that is not reached
    a_.Bind(failed);
    a_.Load(Size::kDouble, R1, R10, kRecordOffset);
    a_.Mov(R2, BPF_RB_NO_WAKEUP);
    a_.Call(BPF_FUNC_ringbuf_discard);
    a_.Jump(lost_);
  }

  // R9 bytes to R3: eight at a time, then the rest one by one. The verifier goes through each round with R4
  // known, but it does not know that fewer than eight are left: so those are no loop.
  void CopyByHand(std::uint32_t size) {
    const Label again = a_.NewLabel();
    const Label rest = a_.NewLabel();
    const Label end = a_.NewLabel();
    a_.Load(Size::kWord, R1, R6, offsetof(xdp_md, data));
    a_.Load(Size::kWord, R2, R6, offsetof(xdp_md, data_end));
    a_.Mov(R4, 0);
    a_.Bind(again);
    CopyNext(Size::kDouble, size, rest);
    a_.Jump(again);
    a_.Bind(rest);
    for (int i = 1; i < Bytes(Size::kDouble); ++i) CopyNext(Size::kByte, size, end);
    a_.Bind(end);
  }

  // What R4 counts to, or to `end` where that is beyond the packet.
  void CopyNext(Size step, std::uint32_t size, Label end) {
    a_.JumpIf(Cond::kGreater, R4, static_cast<std::int32_t>(size) - Bytes(step), end);
    a_.Mov(R5, R4);
    a_.Add(R5, Bytes(step));
    a_.JumpIf(Cond::kGreater, R5, R9, end);
    a_.Mov(R0, R1);
    a_.Add(R0, R4);
    a_.Mov(R5, R0);
    a_.Add(R5, Bytes(step));
    a_.JumpIf(Cond::kGreater, R5, R2, end);
    a_.Load(step, R5, R0, 0);
    a_.Mov(R0, R3);
    a_.Add(R0, R4);
    a_.Store(step, R0, 0, R5);
    a_.Add(R4, Bytes(step));
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
  std::optional<FrameView> view_;
  std::int16_t bottom_ = kRecordOffset;  // of what is used of the frame
  std::int16_t stack_record_ = 0;        // for perf buffers
  const Label out_ = a_.NewLabel(), lost_ = a_.NewLabel();
};

}  // namespace

Code MakeCaptureProgram(const CaptureProgramSpec& spec) {
  return Maker(spec).Make();
}

}  // namespace knetlab
