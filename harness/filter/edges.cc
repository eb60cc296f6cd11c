// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/edges.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace knetlab::filter {
namespace {

using Kind = Instruction::Kind;

class Connector {
 public:
  Connector(const Graph& graph, const std::function<Register(ValueId)>& register_of, Machine& machine)
      : graph_(graph), register_of_(register_of), machine_(machine) {}

  void Run() {
    const std::vector<BlockId> order = graph_.Order();
    std::vector<std::size_t> rank(At(graph_.blocks()));
    for (std::size_t i = 0; i < order.size(); ++i) rank[At(order[i])] = i;
    for (BlockId from : order) {
      const Block& block = graph_.block(from);
      if (block.yes >= kEntry) Edge(from, block.yes, true, rank[At(block.yes)] <= rank[At(from)]);
      if (block.branches() && block.no >= kEntry)
        Edge(from, block.no, false, rank[At(block.no)] <= rank[At(from)]);
    }
  }

 private:
  // The code that is run on the way: the end of the block, or a block of its own.
  std::vector<Instruction>& CodeOf(BlockId from, BlockId to, bool yes) {
    MachineBlock& source = machine_.blocks[At(from)];
    if (!source.branches()) return source.code;
    (yes ? source.yes : source.no) = static_cast<BlockId>(machine_.blocks.size());
    machine_.blocks.push_back({.yes = to, .no = to, .live = true});
    return machine_.blocks.back().code;
  }

  void Edge(BlockId from, BlockId to, bool yes, bool back) {
    const Block& target = graph_.block(to);
    const MachineBlock& source = machine_.blocks[At(from)];
    if ((target.phis.empty() && !back) || (yes ? source.yes : source.no) != to) return;
    std::vector<Instruction>& code = CodeOf(from, to, yes);
    if (back) code.push_back({.kind = Kind::kCount, .to = machine_.fixed.counter, .value = kMaxJumpsBack});
    const auto pred = std::find(target.preds.begin(), target.preds.end(), from) - target.preds.begin();
    const auto input = [&](ValueId phi) { return graph_.value(phi).inputs[static_cast<std::size_t>(pred)]; };
    // All at once: what another move overwrites is saved first.
    std::vector<std::pair<ValueId, Register>> saved;
    for (ValueId phi : target.phis) {
      const ValueId value = input(phi);
      if (value == phi || graph_.IsConstant(value)) continue;
      const bool overwritten = std::any_of(target.phis.begin(), target.phis.end(), [&](ValueId other) {
        return other == value && input(other) != other;
      });
      if (!overwritten) continue;
      saved.emplace_back(value, machine_.New());
      code.push_back(MoveOf(saved.back().second, register_of_(value)));
    }
    for (ValueId phi : target.phis) {
      const ValueId value = input(phi);
      if (value == phi) continue;
      const Register reg = register_of_(phi);
      const auto copy =
          std::find_if(saved.begin(), saved.end(), [value](const auto& one) { return one.first == value; });
      if (graph_.IsConstant(value)) {
        code.push_back(MoveOf(reg, graph_.value(value).constant));
      } else {
        code.push_back(MoveOf(reg, copy != saved.end() ? copy->second : register_of_(value)));
      }
      // Changes nothing but what the verifier knows: were the smallest value of an offset higher in each
      // round, it would follow every round anew.
      if (back) code.push_back({.kind = Kind::kAlu, .op = AluOp::kXor, .to = reg, .value = 0});
    }
  }

  const Graph& graph_;
  const std::function<Register(ValueId)>& register_of_;
  Machine& machine_;
};

}  // namespace

Instruction MoveOf(Register to, std::uint32_t value) {
  // On 32 bits where the sign of a constant above 2^31 would extend it.
  return {.kind = Kind::kAlu,
          .op = AluOp::kMov,
          .width = value > 0x7fffffffU ? Width::k32 : Width::k64,
          .to = to,
          .value = static_cast<std::int32_t>(value)};
}

Instruction MoveOf(Register to, Register from) {
  return {.kind = Kind::kAlu, .op = AluOp::kMov, .to = to, .from = from};
}

void ConnectBlocks(const Graph& graph, const std::function<Register(ValueId)>& register_of,
                   Machine& machine) {
  Connector(graph, register_of, machine).Run();
}

}  // namespace knetlab::filter
