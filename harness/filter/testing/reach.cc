// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/reach.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace knetlab::filter_testing {
namespace {

using Id = std::size_t;

// A value, the same one for the same calculation on the same bytes.
struct Term {
  enum class Kind : std::uint8_t { kConstant, kLoad, kLength, kAlu };
  Kind kind = Kind::kConstant;
  std::uint16_t code = 0;      // kAlu; of kLoad its size
  std::uint32_t constant = 0;  // of kLoad: what is added to the index, which is left
  Id left = 0, right = 0;
  friend auto operator<=>(const Term&, const Term&) = default;
};

// What conditions have said of a term.
struct Knowledge {
  std::uint32_t min = 0, max = 0xffffffffU;
  std::uint32_t ones = 0, zeros = 0;  // bits
  std::set<std::uint32_t> excluded{};
};

struct State {
  std::size_t pc = 0;
  Id a = 0, x = 0;
  std::array<Id, BPF_MEMWORDS> memory{};
  std::map<Id, Knowledge> known{};
};

class Explorer {
 public:
  Explorer(const ClassicProgram& program, std::size_t steps)
      : program_(program), reach_{Coverage(program)}, left_(steps) {}

  Reach Run() {
    const Id zero = Constant(0);
    State start{.pc = 0, .a = zero, .x = zero};
    start.memory.fill(zero);
    std::vector<State> waiting{start};
    while (!waiting.empty() && reach_.complete) {
      State state = std::move(waiting.back());
      waiting.pop_back();
      Follow(std::move(state), waiting);
    }
    if (!reach_.complete) {
      for (std::size_t at = 0; at < program_.size(); ++at) {
        reach_.possible.Add(at, Coverage::kYes);
        reach_.possible.Add(at, Coverage::kNo);
      }
    }
    return std::move(reach_);
  }

 private:
  Id Add(const Term& term) {
    const auto [place, fresh] = ids_.try_emplace(term, terms_.size());
    if (fresh) terms_.push_back(term);
    return place->second;
  }
  Id Constant(std::uint32_t value) { return Add({.constant = value}); }
  Id Alu(std::uint16_t code, Id left, Id right) {
    return Add({.kind = Term::Kind::kAlu, .code = code, .left = left, .right = right});
  }

  Knowledge Of(const State& state, Id id) const {
    Knowledge about;
    if (const auto found = state.known.find(id); found != state.known.end()) about = found->second;
    const Term& term = terms_[id];
    std::uint32_t most = 0xffffffffU;
    if (term.kind == Term::Kind::kConstant) {
      about.min = most = term.constant;
    } else if (term.kind == Term::Kind::kLoad) {
      most = term.code == 1 ? 0xff : term.code == 2 ? 0xffff : most;
    } else if (term.kind == Term::Kind::kAlu && BPF_OP(term.code) == BPF_AND) {
      most = std::min(Of(state, term.left).max, Of(state, term.right).max);
    } else if (term.kind == Term::Kind::kAlu && BPF_OP(term.code) == BPF_RSH) {
      const Knowledge by = Of(state, term.right);
      if (by.min == by.max) most = ClassicAlu(term.code, Of(state, term.left).max, by.min);
    }
    about.max = std::min(about.max, most);
    if (about.min == about.max || term.kind != Term::Kind::kAlu) return about;
    const Knowledge left = Of(state, term.left), right = Of(state, term.right);
    const std::uint16_t op = BPF_OP(term.code);
    const bool divides = op == BPF_DIV || op == BPF_MOD;
    if (left.min == left.max && right.min == right.max && !(divides && right.min == 0)) {
      about.min = about.max = ClassicAlu(term.code, left.min, right.min);
    }
    return about;
  }

  std::optional<bool> Decided(const State& state, std::uint16_t code, Id left, Id right) const {
    const std::uint16_t op = BPF_OP(code);
    if (left == right && op != BPF_JSET) return op != BPF_JGT;
    const Knowledge a = Of(state, left), b = Of(state, right);
    if (b.min != b.max) return std::nullopt;
    const std::uint32_t value = b.min;
    if (a.min == a.max) return ClassicCondition(code, a.min, value);
    switch (op) {
      case BPF_JEQ:
        if (value < a.min || value > a.max || a.excluded.contains(value) || (value & a.zeros) != 0 ||
            (a.ones & ~value) != 0)
          return false;
        return std::nullopt;
      case BPF_JGT:
        return a.min > value ? std::optional(true) : a.max <= value ? std::optional(false) : std::nullopt;
      case BPF_JGE:
        return a.min >= value ? std::optional(true) : a.max < value ? std::optional(false) : std::nullopt;
      default:
        if ((a.ones & value) != 0) return true;
        if ((value & ~a.zeros) == 0) return false;
        return std::nullopt;
    }
  }

  void Assume(State& state, std::uint16_t code, Id left, Id right, bool yes) const {
    const Knowledge b = Of(state, right);
    if (b.min != b.max) return;
    const std::uint32_t value = b.min;
    Knowledge& a = state.known[left];
    switch (BPF_OP(code)) {
      case BPF_JEQ:
        if (yes) {
          a.min = a.max = value;
        } else {
          a.excluded.insert(value);
        }
        return;
      case BPF_JGT:
        if (yes) {
          a.min = std::max(a.min, value + 1);
        } else {
          a.max = std::min(a.max, value);
        }
        return;
      case BPF_JGE:
        if (yes) {
          a.min = std::max(a.min, value);
        } else {
          a.max = std::min(a.max, value - 1);
        }
        return;
      default:
        if (!yes) {
          a.zeros |= value;
        } else if ((value & (value - 1)) == 0) {
          a.ones |= value;
        }
    }
  }

  Id Load(const sock_filter& one, const State& state) {
    switch (BPF_MODE(one.code)) {
      case BPF_IMM:
        return Constant(one.k);
      case BPF_LEN:
        return Add({.kind = Term::Kind::kLength});
      case BPF_MEM:
        return state.memory[one.k];
      default:
        break;
    }
    const Id index = BPF_MODE(one.code) == BPF_IND ? state.x : Constant(0);
    const Id loaded = Add({.kind = Term::Kind::kLoad,
                           .code = static_cast<std::uint16_t>(ClassicLoadSize(one.code)),
                           .constant = one.k,
                           .left = index});
    if (BPF_MODE(one.code) != BPF_MSH) return loaded;
    return Alu(BPF_ALU | BPF_LSH, Alu(BPF_ALU | BPF_AND, loaded, Constant(0xf)), Constant(2));
  }

  void Follow(State state, std::vector<State>& waiting) {
    while (true) {
      if (left_-- == 0) {
        reach_.complete = false;
        return;
      }
      const std::size_t at = state.pc++;
      const sock_filter& one = program_[at];
      const Id right = BPF_SRC(one.code) == BPF_X ? state.x : Constant(one.k);
      switch (BPF_CLASS(one.code)) {
        case BPF_LD:
          if (IsAncillaryLoad(one)) return;
          state.a = Load(one, state);
          break;
        case BPF_LDX:
          state.x = Load(one, state);
          break;
        case BPF_ST:
          state.memory[one.k] = state.a;
          break;
        case BPF_STX:
          state.memory[one.k] = state.x;
          break;
        case BPF_ALU:
          state.a = Alu(one.code & 0xf0, state.a, BPF_OP(one.code) == BPF_NEG ? Constant(0) : right);
          break;
        case BPF_JMP:
          if (BPF_OP(one.code) == BPF_JA) {
            state.pc = static_cast<std::size_t>(static_cast<std::int64_t>(state.pc) +
                                                static_cast<std::int32_t>(one.k));
          } else if (!Branch(one, at, right, state, waiting)) {
            return;
          }
          break;
        case BPF_RET:
          return;
        default:
          if (BPF_MISCOP(one.code) == BPF_TAX) {
            state.x = state.a;
          } else {
            state.a = state.x;
          }
      }
    }
  }

  // Goes on with one of the ways; the other waits.
  bool Branch(const sock_filter& one, std::size_t at, Id right, State& state, std::vector<State>& waiting) {
    const std::optional<bool> decided = Decided(state, one.code, state.a, right);
    const std::size_t next = state.pc;
    if (decided.value_or(true)) reach_.possible.Add(at, Coverage::kYes);
    if (!decided.value_or(false)) reach_.possible.Add(at, Coverage::kNo);
    if (decided) {
      state.pc = next + (*decided ? one.jt : one.jf);
      return true;
    }
    if (one.jt != one.jf) {
      State other = state;
      other.pc = next + one.jf;
      Assume(other, one.code, other.a, right, false);
      waiting.push_back(std::move(other));
      Assume(state, one.code, state.a, right, true);
    }
    state.pc = next + one.jt;
    return true;
  }

  const ClassicProgram& program_;
  Reach reach_;
  std::size_t left_;
  std::vector<Term> terms_;
  std::map<Term, Id> ids_;
};

}  // namespace

Reach FindReach(const ClassicProgram& program, std::size_t steps) {
  return Explorer(program, steps).Run();
}

}  // namespace knetlab::filter_testing
