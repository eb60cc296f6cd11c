// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/ebpf_interpreter.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cerrno>

#include "harness/filter/testing/ebpf_memory.h"

namespace knetlab::filter_testing {
namespace {

using Kind = EbpfValue::Kind;

std::size_t SizeOf(std::uint8_t code) {
  switch (BPF_SIZE(code)) {
    case BPF_W:
      return 4;
    case BPF_H:
      return 2;
    case BPF_B:
      return 1;
    default:
      return 8;
  }
}

template <typename T, typename Signed>
T Calculate(std::uint8_t op, T left, T right) {
  constexpr T kShiftMask = sizeof(T) * 8 - 1;
  switch (op) {
    case BPF_ADD:
      return left + right;
    case BPF_SUB:
      return left - right;
    case BPF_MUL:
      return left * right;
    case BPF_DIV:
      return right == 0 ? 0 : left / right;
    case BPF_OR:
      return left | right;
    case BPF_AND:
      return left & right;
    case BPF_LSH:
      return left << (right & kShiftMask);
    case BPF_RSH:
      return left >> (right & kShiftMask);
    case BPF_MOD:
      return right == 0 ? left : left % right;
    case BPF_XOR:
      return left ^ right;
    case BPF_ARSH:
      return static_cast<T>(static_cast<Signed>(left) >> (right & kShiftMask));
    default:
      throw EbpfFault(fmt::format("arithmetic {:#x} is unknown", op));
  }
}

template <typename T, typename Signed>
bool Holds(std::uint8_t op, T left, T right) {
  switch (op) {
    case BPF_JEQ:
      return left == right;
    case BPF_JNE:
      return left != right;
    case BPF_JGT:
      return left > right;
    case BPF_JGE:
      return left >= right;
    case BPF_JLT:
      return left < right;
    case BPF_JLE:
      return left <= right;
    case BPF_JSET:
      return (left & right) != 0;
    case BPF_JSGT:
      return static_cast<Signed>(left) > static_cast<Signed>(right);
    case BPF_JSGE:
      return static_cast<Signed>(left) >= static_cast<Signed>(right);
    case BPF_JSLT:
      return static_cast<Signed>(left) < static_cast<Signed>(right);
    case BPF_JSLE:
      return static_cast<Signed>(left) <= static_cast<Signed>(right);
    default:
      throw EbpfFault(fmt::format("condition {:#x} is unknown", op));
  }
}

class Machine {
 public:
  Machine(std::span<const bpf_insn> program, const EbpfInput& input)
      : program_(program), input_(input), memory_(input) {
    registers_[1] = {Kind::kContext, 0, 0};
    registers_[10] = {Kind::kStack, 0, 0};
  }

  EbpfRun Run(std::size_t max_steps) {
    EbpfRun run;
    try {
      while (!done_) {
        if (++run.steps > max_steps) throw EbpfFault("too many instructions");
        if (pc_ >= program_.size()) throw EbpfFault("control leaves the program");
        at_ = pc_++;
        Step(program_[at_]);
      }
      run.result = static_cast<std::uint32_t>(registers_[0].bits);
    } catch (const EbpfFault& fault) {
      run.failure = fmt::format("instruction {}: {}", at_, fault.what());
    }
    return run;
  }

 private:
  struct Caller {
    std::array<EbpfValue, 4> kept;  // R6 to R9
    std::size_t next;
  };

  EbpfValue& To(std::uint8_t number) {
    if (number > 9) throw EbpfFault(fmt::format("R{} is written", number));
    return registers_[number];
  }
  const EbpfValue& From(std::uint8_t number) const {
    if (number > 10) throw EbpfFault(fmt::format("R{} is read", number));
    if (registers_[number].kind == Kind::kNothing)
      throw EbpfFault(fmt::format("R{} is read and holds nothing", number));
    return registers_[number];
  }
  std::uint64_t Scalar(std::uint8_t number) const {
    if (From(number).pointer())
      throw EbpfFault(fmt::format("R{} is a pointer, and a number is wanted", number));
    return registers_[number].bits;
  }

  void Step(const bpf_insn& one) {
    switch (BPF_CLASS(one.code)) {
      case BPF_ALU:
      case BPF_ALU64:
        return Arithmetic(one);
      case BPF_LDX:
        if (BPF_MODE(one.code) != BPF_MEM) throw EbpfFault("a load of unknown mode");
        To(one.dst_reg) = memory_.Load(From(one.src_reg), one.off, SizeOf(one.code));
        return;
      case BPF_ST:
        return memory_.Store(From(one.dst_reg), one.off, SizeOf(one.code),
                             {Kind::kScalar, 0, Extended(one.imm)});
      case BPF_STX:
        return StoreRegister(one);
      case BPF_LD:
        return LoadWide(one);
      default:
        return Jump(one);
    }
  }

  static std::uint64_t Extended(std::int32_t value) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  }

  void StoreRegister(const bpf_insn& one) {
    const std::size_t size = SizeOf(one.code);
    if (BPF_MODE(one.code) == BPF_MEM)
      return memory_.Store(From(one.dst_reg), one.off, size, From(one.src_reg));
    if (BPF_MODE(one.code) != BPF_ATOMIC || one.imm != BPF_ADD || size < 4)
      throw EbpfFault("a store of unknown mode");
    EbpfValue value = memory_.Load(From(one.dst_reg), one.off, size);
    if (value.pointer()) throw EbpfFault("an atomic addition to a pointer");
    value.bits += Scalar(one.src_reg);
    memory_.Store(From(one.dst_reg), one.off, size, value);
  }

  void LoadWide(const bpf_insn& one) {
    if (one.code != (BPF_LD | BPF_IMM | BPF_DW)) throw EbpfFault("a load of unknown mode");
    if (one.src_reg != 0) throw EbpfFault("a map, which this interpreter has none of");
    if (pc_ >= program_.size() || program_[pc_].code != 0) throw EbpfFault("half of a wide load");
    To(one.dst_reg) = {Kind::kScalar, 0,
                       static_cast<std::uint32_t>(one.imm) |
                           std::uint64_t{static_cast<std::uint32_t>(program_[pc_].imm)} << 32};
    ++pc_;
  }

  void Arithmetic(const bpf_insn& one) {
    const bool wide = BPF_CLASS(one.code) == BPF_ALU64;
    const std::uint8_t op = BPF_OP(one.code);
    EbpfValue& to = To(one.dst_reg);
    if (op == BPF_END) return Swap(one, to);
    if (op == BPF_NEG) {
      const std::uint64_t value = Scalar(one.dst_reg);
      to.bits = wide ? 0 - value : static_cast<std::uint32_t>(0 - value);
      return;
    }
    const EbpfValue right =
        BPF_SRC(one.code) == BPF_X ? From(one.src_reg) : EbpfValue{Kind::kScalar, 0, Extended(one.imm)};
    if (op == BPF_MOV) {
      if (!wide && right.pointer()) throw EbpfFault("half of a pointer is copied");
      to = right;
      if (!wide) to.bits = static_cast<std::uint32_t>(to.bits);
      return;
    }
    if (From(one.dst_reg).pointer() || right.pointer()) return PointerArithmetic(op, wide, to, right);
    to.bits = wide ? Calculate<std::uint64_t, std::int64_t>(op, to.bits, right.bits)
                   : Calculate<std::uint32_t, std::int32_t>(op, static_cast<std::uint32_t>(to.bits),
                                                            static_cast<std::uint32_t>(right.bits));
  }

  static void Swap(const bpf_insn& one, EbpfValue& to) {
    if (to.kind != Kind::kScalar) throw EbpfFault("bytes are swapped of what is no number");
    if (BPF_CLASS(one.code) != BPF_ALU) throw EbpfFault("an unknown swap of bytes");
    const bool big = BPF_SRC(one.code) == BPF_TO_BE;
    switch (one.imm) {
      case 16:
        to.bits = static_cast<std::uint16_t>(big ? __builtin_bswap16(static_cast<std::uint16_t>(to.bits))
                                                 : to.bits);
        return;
      case 32:
        to.bits = static_cast<std::uint32_t>(big ? __builtin_bswap32(static_cast<std::uint32_t>(to.bits))
                                                 : to.bits);
        return;
      case 64:
        to.bits = big ? __builtin_bswap64(to.bits) : to.bits;
        return;
      default:
        throw EbpfFault("an unknown swap of bytes");
    }
  }

  static void PointerArithmetic(std::uint8_t op, bool wide, EbpfValue& to, const EbpfValue& right) {
    if (!wide) throw EbpfFault("32-bit arithmetic on a pointer");
    const auto packet = [](const EbpfValue& value) {
      return value.kind == Kind::kPacket || value.kind == Kind::kPacketEnd;
    };
    if (op == BPF_SUB && packet(to) && packet(right)) {
      to = {Kind::kScalar, 0, to.bits - right.bits};
    } else if (to.kind == Kind::kPacketEnd || right.kind == Kind::kPacketEnd) {
      throw EbpfFault("arithmetic on the packet's end");
    } else if (op == BPF_ADD && !(to.pointer() && right.pointer())) {
      const std::uint64_t sum = to.bits + right.bits;
      if (right.pointer()) to = right;
      to.bits = sum;
    } else if (op == BPF_SUB && to.pointer() && !right.pointer()) {
      to.bits -= right.bits;
    } else {
      throw EbpfFault("arithmetic on a pointer that is neither an addition nor a subtraction");
    }
  }

  void Jump(const bpf_insn& one) {
    const std::uint8_t op = BPF_OP(one.code);
    const bool wide = BPF_CLASS(one.code) == BPF_JMP;
    if (wide && op == BPF_EXIT) return Leave();
    if (wide && op == BPF_CALL) {
      if (one.src_reg == BPF_PSEUDO_CALL) return Enter(one.imm);
      if (one.src_reg != 0) throw EbpfFault("a call of an unknown kind");
      return Helper(one.imm);
    }
    bool taken = true;
    if (op != BPF_JA) {
      const EbpfValue& left = From(one.dst_reg);
      const EbpfValue right =
          BPF_SRC(one.code) == BPF_X ? From(one.src_reg) : EbpfValue{Kind::kScalar, 0, Extended(one.imm)};
      taken = left.pointer() || right.pointer() ? ComparePointers(op, wide, left, right)
              : wide ? Holds<std::uint64_t, std::int64_t>(op, left.bits, right.bits)
                     : Holds<std::uint32_t, std::int32_t>(op, static_cast<std::uint32_t>(left.bits),
                                                          static_cast<std::uint32_t>(right.bits));
    } else if (!wide) {
      throw EbpfFault("a wide jump, which Linux 5.10 has not");
    }
    if (taken) pc_ += static_cast<std::size_t>(static_cast<std::int64_t>(one.off));
  }

  static bool ComparePointers(std::uint8_t op, bool wide, const EbpfValue& left, const EbpfValue& right) {
    const bool one_each = (left.kind == Kind::kPacket && right.kind == Kind::kPacketEnd) ||
                          (left.kind == Kind::kPacketEnd && right.kind == Kind::kPacket);
    if (!wide || !one_each) throw EbpfFault("a comparison of pointers that the verifier makes nothing of");
    // Distances can be negative; addresses are not.
    constexpr std::uint64_t kBase = std::uint64_t{1} << 40;
    return Holds<std::uint64_t, std::int64_t>(op, left.bits + kBase, right.bits + kBase);
  }

  void Enter(std::int32_t distance) {
    if (callers_ + 1 >= EbpfMemory::kFrames) throw EbpfFault("calls are nested too deeply");
    stack_[callers_++] = {{registers_[6], registers_[7], registers_[8], registers_[9]}, pc_};
    for (std::size_t i = 6; i < 10; ++i) registers_[i] = {};
    registers_[0] = {};
    memory_.EnterFrame(callers_);
    registers_[10] = {Kind::kStack, static_cast<std::uint8_t>(callers_), 0};
    pc_ += static_cast<std::size_t>(static_cast<std::int64_t>(distance));
  }

  void Leave() {
    Scalar(0);
    if (callers_ == 0) {
      done_ = true;
      return;
    }
    const Caller& caller = stack_[--callers_];
    for (std::size_t i = 0; i < 4; ++i) registers_[6 + i] = caller.kept[i];
    for (std::size_t i = 1; i < 6; ++i) registers_[i] = {};
    registers_[10] = {Kind::kStack, static_cast<std::uint8_t>(callers_), 0};
    pc_ = caller.next;
  }

  void Helper(std::int32_t id) {
    std::uint64_t result = 0;
    switch (id) {
      case BPF_FUNC_skb_load_bytes:
      case BPF_FUNC_xdp_load_bytes:
        result = LoadBytes(id == BPF_FUNC_xdp_load_bytes);
        break;
      case BPF_FUNC_xdp_get_buff_len:
        WantContext(EbpfContext::kXdp);
        result = input_.packet.size();
        break;
      case BPF_FUNC_get_prandom_u32:
        result = input_.random;
        break;
      case BPF_FUNC_get_smp_processor_id:
        result = input_.cpu;
        break;
      default:
        throw EbpfFault(fmt::format("helper {} is unknown", id));
    }
    registers_[0] = {Kind::kScalar, 0, result};
    for (std::size_t i = 1; i < 6; ++i) registers_[i] = {};
  }

  void WantContext(EbpfContext context) const {
    if (input_.context != context) throw EbpfFault("a helper that this kind of program has not");
    if (From(1).kind != Kind::kContext || From(1).bits != 0) throw EbpfFault("R1 is not the context");
  }

  // Both helpers: the context, an offset, a buffer, its size.
  std::uint64_t LoadBytes(bool xdp) {
    WantContext(xdp ? EbpfContext::kXdp : EbpfContext::kSkb);
    const auto offset = static_cast<std::uint32_t>(Scalar(2));
    const std::uint64_t size = Scalar(4);
    if (size == 0 || size > EbpfMemory::kStack)
      throw EbpfFault(fmt::format("a helper's buffer of {} bytes", size));
    const std::uint32_t limit = xdp ? 0xffff : input_.max_skb_offset;
    const bool there = offset <= limit && offset + size <= input_.packet.size();
    // Only bpf_skb_load_bytes clears the buffer when it fails.
    memory_.Fill(From(3), size, there ? input_.packet.data() + offset : nullptr, !xdp);
    return there ? 0 : Extended(xdp && offset <= limit ? -EINVAL : -EFAULT);
  }

  std::span<const bpf_insn> program_;
  const EbpfInput& input_;
  EbpfMemory memory_;
  std::array<EbpfValue, 11> registers_{};
  std::array<Caller, EbpfMemory::kFrames> stack_{};
  std::size_t callers_ = 0;
  std::size_t pc_ = 0;
  std::size_t at_ = 0;
  bool done_ = false;
};

}  // namespace

EbpfRun RunEbpf(std::span<const bpf_insn> program, const EbpfInput& input, std::size_t max_steps) {
  return Machine(program, input).Run(max_steps);
}

}  // namespace knetlab::filter_testing
