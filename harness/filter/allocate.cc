// SPDX-License-Identifier: Apache-2.0
// Registers by colouring a graph: values that are needed at the same time interfere, those that a move joins
// are made one where they do not, and what no register is left for goes to the stack. After Chaitin
// ("Register allocation & spilling via graph coloring", 1982) and Briggs (optimistic colouring, 1994).
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <numeric>
#include <vector>

#include "harness/filter/machine.h"
#include "netns/error.h"

namespace knetlab::filter {
namespace {

using Kind = Instruction::Kind;

class BitSet {
 public:
  explicit BitSet(std::size_t size = 0) : words_((size + 63) / 64) {}
  bool Has(std::size_t bit) const { return (words_[bit / 64] >> (bit % 64) & 1) != 0; }
  void Put(std::size_t bit) { words_[bit / 64] |= std::uint64_t{1} << (bit % 64); }
  void Take(std::size_t bit) { words_[bit / 64] &= ~(std::uint64_t{1} << (bit % 64)); }
  bool Join(const BitSet& other) {
    bool grew = false;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const std::uint64_t all = words_[i] | other.words_[i];
      grew |= all != words_[i];
      words_[i] = all;
    }
    return grew;
  }
  template <typename Visit>
  void Each(Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(i * 64 + static_cast<std::size_t>(__builtin_ctzll(word)));
      }
    }
  }

 private:
  std::vector<std::uint64_t> words_;
};

bool IsMove(const Instruction& one) {
  // A pointer is made from its index in place where that is not needed any more.
  return (one.kind == Kind::kAlu && one.op == AluOp::kMov && one.from != kNoRegister) ||
         one.kind == Kind::kPointer;
}

class Allocator {
 public:
  Allocator(Machine& machine, int stack) : machine_(machine), max_slots_(stack / 8), slots_(machine.slots) {}

  void Run() {
    tiny_.assign(At(machine_.registers), false);
    while (!Round()) {
    }
    machine_.slots = slots_;
  }

 private:
  // One attempt. False where values had to go to the stack: again, with those.
  bool Round() {
    FindLive();
    FindInterference();
    Join();
    if (!Colour()) {
      Spill();
      return false;
    }
    Rename();
    return true;
  }

  void FindLive() {
    const std::size_t count = At(machine_.registers);
    live_in_.assign(machine_.blocks.size(), BitSet(count));
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = machine_.blocks.size(); i-- > 0;) {
        const MachineBlock& block = machine_.blocks[i];
        if (!block.live) continue;
        BitSet live = LiveOut(block);
        for (auto one = block.code.rbegin(); one != block.code.rend(); ++one) Step(EffectsOf(*one), live);
        changed |= live_in_[i].Join(live);
      }
    }
  }

  BitSet LiveOut(const MachineBlock& block) const {
    BitSet live(At(machine_.registers));
    for (BlockId next : {block.yes, block.no}) {
      if (next >= kEntry) live.Join(live_in_[At(next)]);
    }
    if (block.branches()) {
      if (block.a >= kFirstVirtual) live.Put(At(block.a));
      if (block.b >= kFirstVirtual) live.Put(At(block.b));
    }
    return live;
  }

  static void Step(const Effects& effects, BitSet& live) {
    if (effects.writes >= kFirstVirtual) live.Take(At(effects.writes));
    for (Register read : effects.reads) {
      if (read >= kFirstVirtual) live.Put(At(read));
    }
  }

  void Interfere(std::size_t a, std::size_t b) {
    if (a == b || adjacent_[a].Has(b)) return;
    adjacent_[a].Put(b);
    adjacent_[b].Put(a);
  }

  void FindInterference() {
    const std::size_t count = At(machine_.registers);
    adjacent_.assign(count, BitSet(count));
    uses_.assign(count, 0);
    for (const MachineBlock& block : machine_.blocks) {
      if (!block.live) continue;
      BitSet live = LiveOut(block);
      for (auto one = block.code.rbegin(); one != block.code.rend(); ++one) {
        const Effects effects = EffectsOf(*one);
        if (effects.writes >= kFirstVirtual) {
          const std::size_t to = At(effects.writes);
          ++uses_[to];
          // Compared with the index after it was written.
          if (one->kind == Kind::kCheckLength && one->from >= kFirstVirtual) Interfere(to, At(one->from));
          live.Each([&](std::size_t other) {
            if (IsMove(*one) && one->from >= kFirstVirtual && other == At(one->from) &&
                one->kind == Kind::kAlu)
              return;
            Interfere(to, other);
          });
        }
        if (effects.call) {
          BitSet across = live;
          if (effects.writes >= kFirstVirtual) across.Take(At(effects.writes));
          across.Each([&](std::size_t other) {
            for (std::size_t lost = 0; lost <= 5; ++lost) Interfere(other, lost);
          });
        }
        for (Register read : effects.reads) {
          if (read >= kFirstVirtual) ++uses_[At(read)];
        }
        Step(effects, live);
      }
      for (Register read : {block.a, block.b}) {
        if (read >= kFirstVirtual) ++uses_[At(read)];
      }
    }
  }

  std::size_t Leader(std::size_t one) const {
    while (leader_[one] != one) one = leader_[one];
    return one;
  }

  // Values that a move joins share a register where they can.
  void Join() {
    leader_.resize(At(machine_.registers));
    std::iota(leader_.begin(), leader_.end(), std::size_t{0});
    for (const MachineBlock& block : machine_.blocks) {
      if (!block.live) continue;
      for (const Instruction& one : block.code) {
        if (!IsMove(one) || one.to < kFirstVirtual || one.from < kFirstVirtual) continue;
        const std::size_t to = Leader(At(one.to)), from = Leader(At(one.from));
        if (to == from || adjacent_[to].Has(from)) continue;
        // What was brought from the stack for one instruction must stay short-lived.
        if (tiny_[to] != tiny_[from]) continue;
        leader_[from] = to;
        uses_[to] += uses_[from];
        const BitSet neighbours = adjacent_[from];
        neighbours.Each([&](std::size_t other) { Interfere(to, other); });
      }
    }
  }

  bool Colour() {
    const std::size_t count = At(machine_.registers);
    std::vector<std::size_t> nodes;
    std::vector<bool> present(count);
    for (std::size_t one = kFirstVirtual; one < count; ++one) {
      if (Leader(one) != one || uses_[one] == 0) continue;
      nodes.push_back(one);
      present[one] = true;
    }
    std::vector<std::size_t> degree(count);
    for (std::size_t one : nodes) {
      adjacent_[one].Each([&](std::size_t other) {
        if (other >= kFirstVirtual && present[other]) ++degree[one];
      });
    }
    // Those with few neighbours are coloured last: there is always a register left for them.
    std::vector<std::size_t> stack;
    while (stack.size() < nodes.size()) {
      std::size_t best = 0;
      double cost = 0;
      for (std::size_t one : nodes) {
        if (!present[one]) continue;
        // Else the one that is worth least in a register.
        const bool easy = degree[one] < machine_.fixed.free.size();
        const double price =
            easy ? -1 : (tiny_[one] ? 1e9 : uses_[one]) / static_cast<double>(degree[one] + 1);
        if (best == 0 || price < cost) {
          best = one;
          cost = price;
        }
        if (easy) break;
      }
      present[best] = false;
      stack.push_back(best);
      adjacent_[best].Each([&](std::size_t other) {
        if (other >= kFirstVirtual && present[other]) --degree[other];
      });
    }
    colour_.assign(count, kNoRegister);
    spilled_.clear();
    for (; !stack.empty(); stack.pop_back()) {
      const std::size_t one = stack.back();
      std::uint32_t taken = 0;
      adjacent_[one].Each([&](std::size_t other) {
        if (other < kFirstVirtual) {
          taken |= 1U << other;
        } else if (colour_[other] != kNoRegister) {
          taken |= 1U << colour_[other];
        }
      });
      for (Register free : machine_.fixed.free) {
        if ((taken >> free & 1) != 0) continue;
        colour_[one] = free;
        break;
      }
      if (colour_[one] == kNoRegister) spilled_.push_back(one);
    }
    return spilled_.empty();
  }

  // Each value that found no register lives on the stack: read before and written behind each instruction.
  void Spill() {
    std::vector<std::int32_t> slot(At(machine_.registers), -1);
    for (std::size_t one : spilled_) {
      if (tiny_[one] || slots_ >= max_slots_) {
        throw Error({.what = "compile filter",
                     .where = fmt::format("program with {} values", machine_.registers - kFirstVirtual),
                     .why = fmt::format(
                         "more values are needed at a time than {} registers and {} bytes of stack hold",
                         machine_.fixed.free.size(), 8 * max_slots_),
                     .hint = "make the filter simpler",
                     .detail = "",
                     .code = E2BIG});
      }
      slot[one] = slots_++;
    }
    const auto slot_of = [&](Register reg) {
      return reg >= kFirstVirtual && At(reg) < slot.size() ? slot[Leader(At(reg))] : -1;
    };
    const auto short_lived = [&] {
      tiny_.push_back(true);
      return machine_.New();
    };
    for (MachineBlock& block : machine_.blocks) {
      if (!block.live) continue;
      std::vector<Instruction> code;
      const auto fill = [&](Register& reg) {
        const Register from_stack = short_lived();
        code.push_back({.kind = Kind::kFill, .to = from_stack, .value = slot_of(reg)});
        reg = from_stack;
      };
      for (Instruction one : block.code) {
        const Effects effects = EffectsOf(one);
        const Register written = effects.writes;
        const bool reads_to = effects.reads[0] == one.to || effects.reads[1] == one.to;
        const std::int32_t to_slot = slot_of(written);
        if (one.from != kNoRegister && slot_of(one.from) >= 0) {
          const bool same = one.from == one.to;
          fill(one.from);
          // Old verifiers forget how large a number was when it comes back from the stack.
          if (one.kind == Kind::kPointer) one.limited = true;
          if (same) one.to = one.from;
        }
        if (to_slot >= 0 && one.to == written) {
          if (reads_to) {
            fill(one.to);
          } else {
            one.to = short_lived();
          }
        }
        code.push_back(one);
        if (to_slot >= 0) code.push_back({.kind = Kind::kSpill, .from = one.to, .value = to_slot});
      }
      if (block.branches()) {
        if (slot_of(block.a) >= 0) fill(block.a);
        if (block.b != kNoRegister && slot_of(block.b) >= 0) fill(block.b);
      }
      block.code = std::move(code);
    }
    tiny_.resize(At(machine_.registers), true);
  }

  void Rename() {
    const auto rename = [this](Register& reg) {
      if (reg >= kFirstVirtual) reg = colour_[Leader(At(reg))];
    };
    for (MachineBlock& block : machine_.blocks) {
      if (!block.live) continue;
      for (Instruction& one : block.code) {
        rename(one.to);
        rename(one.from);
      }
      if (block.branches()) {
        rename(block.a);
        rename(block.b);
      }
    }
  }

  Machine& machine_;
  const int max_slots_;
  int slots_;
  std::vector<BitSet> live_in_, adjacent_;
  std::vector<int> uses_;
  std::vector<std::size_t> leader_;
  std::vector<Register> colour_;
  std::vector<std::size_t> spilled_;
  std::vector<bool> tiny_;  // brought from the stack for one instruction
};

}  // namespace

Effects EffectsOf(const Instruction& one) {
  switch (one.kind) {
    case Kind::kAlu:
      if (one.op == AluOp::kMov) return {.reads = {one.from, kNoRegister}, .writes = one.to};
      return {.reads = {one.from, one.to}, .writes = one.to};
    case Kind::kShift:
      return {.reads = {one.from, one.to}, .writes = one.to};
    case Kind::kSwap:
    case Kind::kCheck:
      return {.reads = {one.to, kNoRegister}, .writes = one.to};
    case Kind::kLoad:
    case Kind::kPointer:
    case Kind::kCheckCopy:
      return {.reads = {one.from, kNoRegister}, .writes = one.to};
    case Kind::kContext:
    case Kind::kLength:
    case Kind::kWireLength:
    case Kind::kFill:
      return {.writes = one.to};
    case Kind::kHelper:
      return {.writes = one.to, .call = true};
    case Kind::kReadHelper:
      return {.reads = {one.from, kNoRegister}, .writes = one.to, .call = true};
    case Kind::kCheckLength:
      return {.reads = {one.from, kNoRegister}, .writes = one.to};
    case Kind::kSpill:
      return {.reads = {one.from, kNoRegister}};
    case Kind::kFail:
    case Kind::kCount:
      break;
  }
  return {};
}

void Allocate(Machine& machine, int stack) {
  Allocator(machine, stack).Run();
}

}  // namespace knetlab::filter
