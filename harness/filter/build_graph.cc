// SPDX-License-Identifier: Apache-2.0
// Classic instructions to a graph: the accumulator, the index register and the sixteen memory words become
// values. Each block begins with a phi for each of them; Graph::Clean() keeps those that are needed.
#include <array>
#include <cstddef>
#include <utility>

#include "harness/filter/graph.h"

namespace knetlab::filter {
namespace {

constexpr std::size_t kA = 0, kX = 1, kMemory = 2;
constexpr std::size_t kVariables = kMemory + BPF_MEMWORDS;
using State = std::array<ValueId, kVariables>;

// Offsets from here on are the kernel's names for what is no packet byte (SKF_AD_*), up to this many.
constexpr std::uint32_t kAncillaryBase = 0xfffff000U, kAncillaryCount = 64;

AluOp OpOf(std::uint16_t code) {
  switch (BPF_OP(code)) {
    case BPF_SUB:
      return AluOp::kSub;
    case BPF_MUL:
      return AluOp::kMul;
    case BPF_DIV:
      return AluOp::kDiv;
    case BPF_OR:
      return AluOp::kOr;
    case BPF_AND:
      return AluOp::kAnd;
    case BPF_LSH:
      return AluOp::kLeft;
    case BPF_RSH:
      return AluOp::kRight;
    case BPF_MOD:
      return AluOp::kMod;
    case BPF_XOR:
      return AluOp::kXor;
    default:
      return AluOp::kAdd;
  }
}

Cond ConditionOf(std::uint16_t code) {
  switch (BPF_OP(code)) {
    case BPF_JGT:
      return Cond::kGreater;
    case BPF_JGE:
      return Cond::kGreaterEqual;
    case BPF_JSET:
      return Cond::kBits;
    default:
      return Cond::kEqual;
  }
}

class Builder {
 public:
  explicit Builder(const ClassicProgram& program) : program_(program), block_of_(program.size(), kNone) {}

  Graph Build() {
    FindBlocks();
    const ValueId zero = graph_.Constant(0);
    State start;
    start.fill(zero);
    // The entry holds nothing, so that a jump back to the first instruction finds a block of its own.
    Goto(kEntry, start, block_of_[0]);
    for (std::size_t begin = 0; begin < program_.size();) {
      std::size_t end = begin + 1;
      while (end < program_.size() && block_of_[end] == kNone) ++end;
      Translate(begin, end);
      begin = end;
    }
    for (const auto& [from, to, state] : edges_) Connect(from, to, state);
    graph_.Clean();
    return std::move(graph_);
  }

 private:
  struct Edge {
    BlockId from, to;
    State state;
  };

  bool Leads(std::size_t at) { return block_of_[at] != kNone; }

  void FindBlocks() {
    const auto leader = [this](std::size_t at) {
      if (at < program_.size() && block_of_[at] == kNone) block_of_[at] = graph_.AddBlock();
    };
    leader(0);
    for (std::size_t at = 0; at < program_.size(); ++at) {
      const sock_filter& one = program_[at];
      if (BPF_CLASS(one.code) == BPF_RET) leader(at + 1);
      if (BPF_CLASS(one.code) != BPF_JMP) continue;
      leader(at + 1);
      if (BPF_OP(one.code) == BPF_JA) {
        leader(Target(at, static_cast<std::int32_t>(one.k)));
      } else {
        leader(Target(at, one.jt));
        leader(Target(at, one.jf));
      }
    }
    for (std::size_t at = 0; at < program_.size(); ++at) {
      if (block_of_[at] == kNone) continue;
      for (std::size_t i = 0; i < kVariables; ++i) {
        graph_.Add(block_of_[at], {.kind = Value::Kind::kPhi});
      }
    }
  }

  static std::size_t Target(std::size_t at, std::int32_t distance) {
    return static_cast<std::size_t>(static_cast<std::int64_t>(at) + 1 + distance);
  }

  void Goto(BlockId from, const State& state, BlockId to) {
    graph_.block(from).yes = graph_.block(from).no = to;
    edges_.push_back({from, to, state});
  }

  void Branch(BlockId from, const State& state, Cond condition, ValueId a, ValueId b, BlockId yes,
              BlockId no) {
    if (yes == no) return Goto(from, state, yes);
    Block& block = graph_.block(from);
    block.condition = condition;
    block.a = a;
    block.b = b;
    block.yes = yes;
    block.no = no;
    edges_.push_back({from, yes, state});
    edges_.push_back({from, no, state});
  }

  void Connect(BlockId from, BlockId to, const State& state) {
    Block& target = graph_.block(to);
    target.preds.push_back(from);
    for (std::size_t i = 0; i < target.phis.size(); ++i)
      graph_.value(target.phis[i]).inputs.push_back(state[i]);
  }

  ValueId Alu(BlockId block, AluOp op, ValueId a, ValueId b) {
    return graph_.Add(block, {.kind = Value::Kind::kAlu, .op = op, .a = a, .b = b});
  }

  ValueId Load(BlockId block, std::uint8_t size, std::uint32_t offset, ValueId index) {
    if (index == kNone && offset >= kAncillaryBase && offset < kAncillaryBase + kAncillaryCount) {
      return graph_.Add(block, {.kind = Value::Kind::kAncillary, .constant = offset});
    }
    graph_.block(block).checks.push_back({index, std::uint64_t{offset} + size});
    return graph_.Add(block, {.kind = Value::Kind::kLoad, .size = size, .constant = offset, .a = index});
  }

  ValueId LoadInstruction(BlockId block, const sock_filter& one, const State& state) {
    const std::uint8_t size = BPF_SIZE(one.code) == BPF_W ? 4 : BPF_SIZE(one.code) == BPF_H ? 2 : 1;
    switch (BPF_MODE(one.code)) {
      case BPF_ABS:
        return Load(block, size, one.k, kNone);
      case BPF_IND:
        return Load(block, size, one.k, state[kX]);
      case BPF_LEN:
        return graph_.Add(block, {.kind = Value::Kind::kLength});
      case BPF_MEM:
        return state[kMemory + one.k];
      case BPF_MSH: {
        graph_.block(block).checks.push_back({kNone, std::uint64_t{one.k} + 1});
        const ValueId byte = graph_.Add(block, {.kind = Value::Kind::kLoad, .size = 1, .constant = one.k});
        return Alu(block, AluOp::kLeft, Alu(block, AluOp::kAnd, byte, graph_.Constant(15)),
                   graph_.Constant(2));
      }
      default:
        return graph_.Constant(one.k);
    }
  }

  // The instructions [begin, end), which are one block, or several where a division needs a test before it.
  void Translate(std::size_t begin, std::size_t end) {
    BlockId block = block_of_[begin];
    State state;
    for (std::size_t i = 0; i < kVariables; ++i) state[i] = graph_.block(block).phis[i];
    for (std::size_t at = begin; at < end; ++at) {
      const sock_filter& one = program_[at];
      switch (BPF_CLASS(one.code)) {
        case BPF_LD:
          state[kA] = LoadInstruction(block, one, state);
          break;
        case BPF_LDX:
          state[kX] = LoadInstruction(block, one, state);
          break;
        case BPF_ST:
          state[kMemory + one.k] = state[kA];
          break;
        case BPF_STX:
          state[kMemory + one.k] = state[kX];
          break;
        case BPF_ALU:
          state[kA] = AluInstruction(block, one, state);
          break;
        case BPF_MISC:
          if (BPF_MISCOP(one.code) == BPF_TAX) {
            state[kX] = state[kA];
          } else {
            state[kA] = state[kX];
          }
          break;
        case BPF_JMP:
          return Jump(block, at, state);
        default:
          return Return(block, one, state);
      }
    }
    Goto(block, state, block_of_[end]);
  }

  ValueId AluInstruction(BlockId& block, const sock_filter& one, State& state) {
    if (BPF_OP(one.code) == BPF_NEG) return Alu(block, AluOp::kSub, graph_.Constant(0), state[kA]);
    const bool by_x = BPF_SRC(one.code) == BPF_X;
    const ValueId right = by_x ? state[kX] : graph_.Constant(one.k);
    const AluOp op = OpOf(one.code);
    if (by_x && (op == AluOp::kDiv || op == AluOp::kMod)) {
      const BlockId rest = graph_.AddBlock();
      Block& before = graph_.block(block);
      before.condition = Cond::kEqual;
      before.a = right;
      before.b = graph_.Constant(0);
      before.yes = kReject;
      before.no = rest;
      graph_.block(kReject).preds.push_back(block);
      graph_.block(rest).preds.push_back(block);
      block = rest;
    }
    return Alu(block, op, state[kA], right);
  }

  void Jump(BlockId block, std::size_t at, const State& state) {
    const sock_filter& one = program_[at];
    if (BPF_OP(one.code) == BPF_JA) {
      return Goto(block, state, block_of_[Target(at, static_cast<std::int32_t>(one.k))]);
    }
    Branch(block, state, ConditionOf(one.code), state[kA],
           BPF_SRC(one.code) == BPF_X ? state[kX] : graph_.Constant(one.k), block_of_[Target(at, one.jt)],
           block_of_[Target(at, one.jf)]);
  }

  void Return(BlockId block, const sock_filter& one, const State& state) {
    if (BPF_RVAL(one.code) == BPF_A) {
      return Branch(block, state, Cond::kEqual, state[kA], graph_.Constant(0), kReject, kAccept);
    }
    Goto(block, state, one.k == 0 ? kReject : kAccept);
  }

  const ClassicProgram& program_;
  std::vector<BlockId> block_of_;  // of an instruction that begins one
  std::vector<Edge> edges_;
  Graph graph_;
};

}  // namespace

Graph BuildGraph(const ClassicProgram& program) {
  return Builder(program).Build();
}

}  // namespace knetlab::filter
