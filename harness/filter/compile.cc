// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/compile.h"

#include <cerrno>
#include <cstddef>
#include <optional>
#include <vector>

#include "harness/filter/bounds.h"
#include "harness/filter/emit.h"
#include "harness/filter/needs.h"
#include "harness/filter/select.h"
#include "harness/filter/simplify.h"
#include "netns/error.h"

namespace knetlab {
namespace filter {
namespace {

constexpr int kStack = 512;

bool IsXdp(FilterTarget target) {
  return !IsSkb(target);
}

// Whether the packet may have bytes beyond its linear part, to be read by helpers.
bool HasRest(FilterTarget target) {
  return target != FilterTarget::kXdp;
}

// A filter that is planned: what is left is to choose registers, for each way to read the packet.
struct Planned {
  explicit Planned(const ClassicProgram& program) {
    ValidateClassic(program);
    graph = BuildGraph(program);
    Simplify(graph);
    bounds = PlanBounds(graph, dominators);
  }
  Graph graph;
  std::vector<BlockId> dominators;
  BoundsPlan bounds;
};

// R6 to R9 that may be used, as bits.
std::vector<Register> Kept(unsigned bits) {
  std::vector<Register> kept;
  for (Register reg = 6; reg <= 9; ++reg) {
    if ((bits >> reg & 1) != 0) kept.push_back(reg);
  }
  return kept;
}

Register Take(std::vector<Register>& registers) {
  const Register last = registers.empty() ? kNoRegister : registers.back();
  if (!registers.empty()) registers.pop_back();
  return last;
}

Register TakeForCounter(std::vector<Register>& kept) {
  if (!kept.empty()) return Take(kept);
  throw Error({.what = "compile filter",
               .where = "a filter with a loop, inside another program",
               .why = "its rounds are counted in one of R6 to R9, and none of them is free",
               .hint = "free one in the embedding",
               .detail = "",
               .code = EINVAL});
}

// With the packet in registers and its loads between both; nothing where calls leave too few registers for
// that. `keeps_result`: R0 is no register for values.
std::optional<Machine> Direct(const Planned& planned, const Embedding& embedding, bool keeps_result) {
  std::vector<Register> kept = Kept(embedding.free);
  SelectOptions options{.target = embedding.target, .access = Access::kDirect, .registers = {}};
  Registers& registers = options.registers;
  registers.context = embedding.context.number;
  const bool calls = NeedsCalls(planned.graph, embedding.target);
  if (calls) {
    registers.packet = Take(kept);
    registers.end = Take(kept);
    if (registers.end == kNoRegister) return std::nullopt;
  }
  if (HasLoops(planned.graph)) {
    registers.counter = Take(kept);
    if (registers.counter == kNoRegister) return std::nullopt;
  }
  registers.free = {3, 4, 5};
  if (calls) registers.free.insert(registers.free.end(), {1, 2});
  if (!keeps_result) registers.free.push_back(0);
  registers.free.insert(registers.free.end(), kept.begin(), kept.end());
  Machine machine = Select(planned.graph, planned.dominators, planned.bounds, options);
  Allocate(machine, kStack - embedding.stack);
  return machine;
}

Machine ByHelper(const Planned& planned, const Embedding& embedding) {
  std::vector<Register> kept = Kept(embedding.free);
  SelectOptions options{.target = embedding.target, .access = Access::kHelper, .registers = {}};
  Registers& registers = options.registers;
  registers.context = embedding.context.number;
  if (HasLoops(planned.graph)) registers.counter = TakeForCounter(kept);
  registers.free = {0, 1, 2, 3, 4, 5};
  registers.free.insert(registers.free.end(), kept.begin(), kept.end());
  Machine machine = Select(planned.graph, planned.dominators, planned.bounds, options);
  Allocate(machine, kStack - embedding.stack - 8);  // and the buffer
  return machine;
}

void LoadPacket(Assembler& a, const Machine& machine, const Embedding& embedding, Reg context) {
  const bool xdp = IsXdp(embedding.target);
  const Reg packet{static_cast<std::uint8_t>(machine.fixed.packet)},
      end{static_cast<std::uint8_t>(machine.fixed.end)};
  a.Load(Size::kWord, end, context,
         static_cast<std::int16_t>(xdp ? offsetof(xdp_md, data_end) : offsetof(__sk_buff, data_end)));
  a.Load(Size::kWord, packet, context,
         static_cast<std::int16_t>(xdp ? offsetof(xdp_md, data) : offsetof(__sk_buff, data)));
}

void ClearCounter(Assembler& a, const Machine& machine) {
  if (machine.fixed.counter != kNoRegister) a.Mov(Reg{static_cast<std::uint8_t>(machine.fixed.counter)}, 0);
}

// The linear part was too short: of a packet that has no more, that is the end; any other is read by helpers.
void RestOrReject(Assembler& a, const Embedding& embedding, Label reject) {
  const bool xdp = IsXdp(embedding.target);
  if (xdp) {
    a.Mov(R1, embedding.context);
    a.Call(BPF_FUNC_xdp_get_buff_len);
  } else {
    a.Load(Size::kWord, R0, embedding.context, offsetof(__sk_buff, len));
  }
  a.Load(Size::kWord, R1, embedding.context,
         static_cast<std::int16_t>(xdp ? offsetof(xdp_md, data) : offsetof(__sk_buff, data)));
  a.Load(Size::kWord, R2, embedding.context,
         static_cast<std::int16_t>(xdp ? offsetof(xdp_md, data_end) : offsetof(__sk_buff, data_end)));
  a.Alu(AluOp::kSub, Width::k64, R2, R1);
  a.JumpIf(Cond::kLessEqual, R0, R2, reject);
}

bool ReadsPacket(const Machine& machine) {
  using Kind = Instruction::Kind;
  for (const MachineBlock& block : machine.blocks) {
    if (!block.live) continue;
    for (const Instruction& one : block.code) {
      if (one.kind == Kind::kCheck || one.kind == Kind::kCheckCopy || one.kind == Kind::kPointer ||
          one.kind == Kind::kLength)
        return true;
    }
  }
  return false;
}

// Without direct access, or with loops: the verifier follows every round of one, and is not given two forms
// of it.
bool ByHelperAlone(const Planned& planned, FilterTarget target) {
  return target == FilterTarget::kSocket || (HasRest(target) && HasLoops(planned.graph));
}

// The value that a whole program returns where control reaches one of its two ends.
std::int32_t ResultOf(const FilterOptions& options, BlockId end) {
  return end == kAccept ? options.match : options.otherwise;
}

struct Ends {
  Label accept, reject;
  Label Of(BlockId end) const { return end == kAccept ? accept : reject; }
};

Ends NewEnds(Assembler& a) {
  return {a.NewLabel(), a.NewLabel()};
}

BlockId OtherEnd(BlockId end) {
  return end == kAccept ? kReject : kAccept;
}

// Both ends, each with its own result; `falls`: control comes to the first without a jump.
void Finish(Assembler& a, const FilterOptions& options, const Ends& ends, BlockId first, bool falls) {
  for (BlockId end : {first, OtherEnd(first)}) {
    const bool reached = a.IsTarget(ends.Of(end)) || (falls && end == first);
    if (!reached) continue;
    a.Bind(ends.Of(end));
    a.Mov(R0, ResultOf(options, end));
    a.Exit();
  }
}

// A whole program with its registers chosen, for each way to read the packet: what is left is to put it in a
// row, which can be done in two ways.
class Prepared {
 public:
  Prepared(const Planned& planned, const FilterOptions& options)
      : keeps_context(HasRest(options.target) || ReadsContext(planned.graph, options.target)),
        calls(NeedsCalls(planned.graph, options.target)),
        embedding{.target = options.target,
                  .context = R6,
                  .stack = 0,
                  .free = static_cast<std::uint16_t>(keeps_context ? 0x380 : 0x3c0),
                  .match = {},
                  .otherwise = {}},
        planned_(planned) {
    if (!ByHelperAlone(planned, options.target))
      direct = Direct(planned, embedding, !calls);  // always: enough registers are free
  }
  // Not before it is asked for: most programs need none.
  const Machine& Helper() {
    if (!helper_) helper_ = ByHelper(planned_, embedding);
    return *helper_;
  }

  const bool keeps_context, calls;
  const Embedding embedding;
  std::optional<Machine> direct;  // none: all is read by helpers

 private:
  const Planned& planned_;
  std::optional<Machine> helper_;
};

// A program whose blocks fall into the end `behind`. Where no call takes R0 away it holds the other end's
// result all along, and both leave by the same exit.
Code Whole(Prepared& prepared, const FilterOptions& options, BlockId behind) {
  Assembler a;
  const Embedding& embedding = prepared.embedding;
  const bool calls = prepared.calls;
  const std::optional<Machine>& direct = prepared.direct;
  if (prepared.keeps_context) a.Mov(R6, R1);
  Label too_short = a.NewLabel();
  if (direct) {
    const Ends ends = NewEnds(a);
    if (ReadsPacket(*direct)) LoadPacket(a, *direct, embedding, R1);
    ClearCounter(a, *direct);
    if (!calls) a.Mov(R0, ResultOf(options, OtherEnd(behind)));
    const bool falls = Emit(a, *direct,
                            {.target = options.target,
                             .stack = 0,
                             .accept = ends.accept,
                             .reject = ends.reject,
                             .too_short = too_short,
                             .behind = behind});
    if (calls) {
      Finish(a, options, ends, behind, falls);
    } else {
      const bool reached = falls || a.IsTarget(ends.Of(behind));
      if (reached) {
        a.Bind(ends.Of(behind));
        a.Mov(R0, ResultOf(options, behind));
      }
      // Neither where every packet is too short for the linear part: the verifier refuses what is never
      // reached.
      const bool other_reached = a.IsTarget(ends.Of(OtherEnd(behind)));
      if (other_reached) a.Bind(ends.Of(OtherEnd(behind)));
      if (reached || other_reached) a.Exit();
    }
    if (!a.IsTarget(too_short)) return a.Finish();
  }
  const Ends ends = NewEnds(a);
  if (a.IsTarget(too_short)) {
    a.Bind(too_short);
    RestOrReject(a, embedding, ends.reject);
  }
  const Machine& helper = prepared.Helper();
  ClearCounter(a, helper);
  const bool falls = Emit(a, helper,
                          {.target = options.target,
                           .stack = 0,
                           .accept = ends.accept,
                           .reject = ends.reject,
                           .too_short = ends.reject,
                           .behind = kAccept});
  Finish(a, options, ends, kAccept, falls);
  return a.Finish();
}

}  // namespace
}  // namespace filter

Code CompileFilter(const ClassicProgram& program, const FilterOptions& options) {
  const filter::Planned planned(program);
  filter::Prepared prepared(planned, options);
  Code best = filter::Whole(prepared, options, filter::kAccept);
  Code other = filter::Whole(prepared, options, filter::kReject);
  return other.instructions.size() < best.instructions.size() ? other : best;
}

void EmbedFilter(Assembler& a, const ClassicProgram& program, const Embedding& embedding) {
  const filter::Planned planned(program);
  const auto options = [&](Label too_short) {
    return filter::EmitOptions{.target = embedding.target,
                               .stack = embedding.stack,
                               .accept = embedding.match,
                               .reject = embedding.otherwise,
                               .too_short = too_short,
                               .behind = filter::kNone,
                               .reader = embedding.reader ? &*embedding.reader : nullptr};
  };
  const Label too_short = a.NewLabel();
  std::optional<filter::Machine> direct;
  if (!filter::ByHelperAlone(planned, embedding.target)) direct = filter::Direct(planned, embedding, false);
  if (direct) {
    if (filter::ReadsPacket(*direct)) filter::LoadPacket(a, *direct, embedding, embedding.context);
    filter::ClearCounter(a, *direct);
    filter::Emit(a, *direct, options(too_short));
    if (!a.IsTarget(too_short)) return;
    a.Bind(too_short);
    filter::RestOrReject(a, embedding, embedding.otherwise);
  }
  const filter::Machine helper = filter::ByHelper(planned, embedding);
  filter::ClearCounter(a, helper);
  filter::Emit(a, helper, options(embedding.otherwise));
}

}  // namespace knetlab
