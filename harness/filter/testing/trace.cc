// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/trace.h"

#include <array>

namespace knetlab::filter_testing {

namespace {

class Tracer {
 public:
  Tracer(const ClassicProgram& program, const PacketBytes& packet) : program_(program), packet_(packet) {
    zero_ = Constant(0);
    a_ = x_ = zero_;
    memory_.fill(zero_);
  }

  Trace Run(std::size_t max_steps) {
    trace_.run = {0, ClassicRun::End::kSteps};
    for (std::size_t step = 0; step < max_steps; ++step) {
      at_ = pc_++;
      if (!Step(program_[at_])) break;
    }
    return std::move(trace_);
  }

 private:
  std::uint32_t ValueOf(std::int32_t id) const { return trace_.values[static_cast<std::size_t>(id)].value; }
  std::int32_t Add(const TracedValue& value) {
    trace_.values.push_back(value);
    return static_cast<std::int32_t>(trace_.values.size() - 1);
  }
  std::int32_t Constant(std::uint32_t value) { return Add({.value = value}); }
  std::int32_t Alu(std::uint16_t code, std::int32_t left, std::int32_t right) {
    return Add({.kind = TracedValue::Kind::kAlu,
                .code = code,
                .value = ClassicAlu(code, ValueOf(left), ValueOf(right)),
                .left = left,
                .right = right});
  }
  std::int32_t RightOf(const sock_filter& one) { return BPF_SRC(one.code) == BPF_X ? x_ : Constant(one.k); }

  bool End(ClassicRun::End end, std::uint32_t result = 0) {
    trace_.run = {result, end};
    return false;
  }

  bool Load(const sock_filter& one, std::int32_t& to) {
    switch (BPF_MODE(one.code)) {
      case BPF_IMM:
        to = Constant(one.k);
        return true;
      case BPF_LEN:
        to = Add({.kind = TracedValue::Kind::kLength, .value = static_cast<std::uint32_t>(packet_.size())});
        return true;
      case BPF_MEM:
        to = memory_[one.k];
        return true;
      default:
        break;
    }
    const std::uint64_t offset = std::uint64_t{one.k} + (BPF_MODE(one.code) == BPF_IND ? ValueOf(x_) : 0);
    const std::size_t size = ClassicLoadSize(one.code);
    const bool inside = offset + size <= packet_.size();
    trace_.steps.push_back({.at = at_, .load = true, .yes = inside, .end = offset + size});
    if (!inside) return End(ClassicRun::End::kBeyond);
    to = Add({.kind = TracedValue::Kind::kLoad,
              .size = static_cast<std::uint8_t>(size),
              .value = ReadBigEndian(packet_, offset, size),
              .offset = static_cast<std::uint32_t>(offset),
              .left = BPF_MODE(one.code) == BPF_IND ? x_ : -1});
    if (BPF_MODE(one.code) == BPF_MSH) {
      to = Alu(BPF_ALU | BPF_LSH, Alu(BPF_ALU | BPF_AND, to, Constant(0xf)), Constant(2));
    }
    return true;
  }

  bool Step(const sock_filter& one) {
    switch (BPF_CLASS(one.code)) {
      case BPF_LD:
        return Load(one, a_);
      case BPF_LDX:
        return Load(one, x_);
      case BPF_ST:
        memory_[one.k] = a_;
        return true;
      case BPF_STX:
        memory_[one.k] = x_;
        return true;
      case BPF_ALU: {
        const std::int32_t right = RightOf(one);
        const std::uint16_t op = BPF_OP(one.code);
        if ((op == BPF_DIV || op == BPF_MOD) && ValueOf(right) == 0) return End(ClassicRun::End::kDivision);
        a_ = Alu(one.code, a_, right);
        return true;
      }
      case BPF_JMP: {
        if (BPF_OP(one.code) == BPF_JA) {
          pc_ = static_cast<std::size_t>(static_cast<std::int64_t>(pc_) + static_cast<std::int32_t>(one.k));
          return true;
        }
        const std::int32_t right = RightOf(one);
        const bool yes = ClassicCondition(one.code, ValueOf(a_), ValueOf(right));
        if (one.jt != one.jf) {
          trace_.steps.push_back({.at = at_, .load = false, .yes = yes, .left = a_, .right = right});
        }
        pc_ += yes ? one.jt : one.jf;
        return true;
      }
      case BPF_RET:
        return End(ClassicRun::End::kReturned, BPF_RVAL(one.code) == BPF_A ? ValueOf(a_) : one.k);
      default:
        if (BPF_MISCOP(one.code) == BPF_TAX) {
          x_ = a_;
        } else {
          a_ = x_;
        }
        return true;
    }
  }

  const ClassicProgram& program_;
  const PacketBytes& packet_;
  Trace trace_;
  std::int32_t zero_ = 0, a_ = 0, x_ = 0;
  std::array<std::int32_t, BPF_MEMWORDS> memory_{};
  std::size_t pc_ = 0, at_ = 0;
};

}  // namespace

Trace TraceClassic(const ClassicProgram& program, const PacketBytes& packet, std::size_t max_steps) {
  return Tracer(program, packet).Run(max_steps);
}

}  // namespace knetlab::filter_testing
