// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/bounds.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace knetlab::filter {
namespace {

constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

// Blocks from which no way leads to a match do nothing that can be seen.
void CutDeadEnds(Graph& graph) {
  std::vector<bool> reaches(At(graph.blocks()));
  reaches[kAccept] = true;
  std::vector<BlockId> work{kAccept};
  while (!work.empty()) {
    const BlockId id = work.back();
    work.pop_back();
    for (BlockId pred : graph.block(id).preds) {
      if (reaches[At(pred)]) continue;
      reaches[At(pred)] = true;
      work.push_back(pred);
    }
  }
  for (BlockId id : graph.Order()) {
    Block& block = graph.block(id);
    if (!reaches[At(id)]) {
      // Only the entry stays: it rejects.
      block.checks.clear();
    }
    for (BlockId* target : {&block.yes, &block.no}) {
      if (*target == kReject || reaches[At(*target)]) continue;
      const BlockId cut = *target;
      const bool was_branch = block.branches();
      *target = kReject;
      std::vector<BlockId>& rejected = graph.block(kReject).preds;
      if (std::find(rejected.begin(), rejected.end(), id) == rejected.end()) rejected.push_back(id);
      const bool still = block.yes == cut || block.no == cut;
      if (!still || !was_branch) {
        Block& dead = graph.block(cut);
        const auto place = std::find(dead.preds.begin(), dead.preds.end(), id);
        if (place == dead.preds.end()) continue;
        for (ValueId phi : dead.phis) {
          std::vector<ValueId>& inputs = graph.value(phi).inputs;
          inputs.erase(inputs.begin() + (place - dead.preds.begin()));
        }
        dead.preds.erase(place);
      }
    }
  }
  graph.Clean();
}

class BoundsPlanner {
 public:
  BoundsPlanner(const Graph& graph, const std::vector<BlockId>& dominators)
      : graph_(graph), dominators_(dominators), order_(graph.Order()) {}

  BoundsPlan Plan() {
    plan_.checks.resize(At(graph_.blocks()));
    std::map<ValueId, std::vector<std::uint64_t>> own;
    own[kNone].resize(At(graph_.blocks()));
    for (BlockId id : order_) {
      for (const Check& check : graph_.block(id).checks) {
        std::vector<std::uint64_t>& ends = own[check.index];
        ends.resize(At(graph_.blocks()));
        ends[At(id)] = std::max(ends[At(id)], check.end);
      }
    }
    plan_.bases.push_back({});
    PlanBase(0, own[kNone], Needed(own[kNone]));
    for (const auto& [index, ends] : own) {
      if (index != kNone) PlanIndex(index, ends);
    }
    return std::move(plan_);
  }

 private:
  // Of each block, what each way from its beginning to a match needs at least.
  std::vector<std::uint64_t> Needed(const std::vector<std::uint64_t>& own) const {
    std::vector<std::uint64_t> needed(own.size(), kEndless);
    needed[kAccept] = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
        const Block& block = graph_.block(*id);
        const std::uint64_t least = std::min(needed[At(block.yes)], needed[At(block.no)]);
        const std::uint64_t all = least == kEndless ? kEndless : std::max(own[At(*id)], least);
        if (needed[At(*id)] == all) continue;
        needed[At(*id)] = all;
        changed = true;
      }
    }
    return needed;
  }

  void PlanIndex(ValueId index, const std::vector<std::uint64_t>& own) {
    const std::vector<std::uint64_t> needed = Needed(own);
    std::vector<int> created;
    for (BlockId id : order_) {
      if (own[At(id)] == 0) continue;
      const bool covered = std::any_of(created.begin(), created.end(), [&](int base) {
        return Dominates(dominators_, plan_.bases[static_cast<std::size_t>(base)].block, id);
      });
      if (covered) continue;
      created.push_back(static_cast<int>(plan_.bases.size()));
      plan_.bases.push_back({.index = index, .block = id});
    }
    for (int base : created) PlanBase(base, own, needed);
    if (plan_.bases_of.size() <= At(index)) plan_.bases_of.resize(At(index) + 1);
    plan_.bases_of[At(index)] = std::move(created);
  }

  void PlanBase(int base, const std::vector<std::uint64_t>& own, const std::vector<std::uint64_t>& needed) {
    const BlockId first = plan_.bases[static_cast<std::size_t>(base)].block;
    // How far each block knows the packet to reach at its end; more than anything until it is visited.
    std::vector<std::uint64_t> reached(own.size(), kEndless);
    const auto known_before = [&](BlockId id) {
      if (id == first) return std::uint64_t{0};
      std::uint64_t known = kEndless;
      for (BlockId pred : graph_.block(id).preds) known = std::min(known, reached[At(pred)]);
      return known;
    };
    const auto checks_here = [&](BlockId id) { return own[At(id)] > known_before(id); };
    for (bool changed = true; changed;) {
      changed = false;
      for (BlockId id : order_) {
        if (!Dominates(dominators_, first, id)) continue;
        const std::uint64_t known = checks_here(id) ? needed[At(id)] : known_before(id);
        // Never more than in the round before: less is safe, and a loop cannot swing to and fro.
        if (reached[At(id)] <= known) continue;
        reached[At(id)] = known;
        changed = true;
      }
    }
    for (BlockId id : order_) {
      if (!Dominates(dominators_, first, id) || !checks_here(id)) continue;
      plan_.checks[At(id)].push_back({base, needed[At(id)]});
      // A check that no packet passes is none, and says nothing about the others.
      Base& planned = plan_.bases[static_cast<std::size_t>(base)];
      if (planned.CanPass(needed[At(id)]))
        planned.largest_end = std::max(planned.largest_end, needed[At(id)]);
    }
  }

  const Graph& graph_;
  const std::vector<BlockId>& dominators_;
  const std::vector<BlockId> order_;
  BoundsPlan plan_;
};

}  // namespace

int BoundsPlan::BaseOf(const std::vector<BlockId>& dominators, ValueId index, BlockId block) const {
  if (index == kNone) return 0;
  if (At(index) >= bases_of.size()) return -1;
  for (const int base : bases_of[At(index)]) {
    if (Dominates(dominators, bases[static_cast<std::size_t>(base)].block, block)) return base;
  }
  return -1;
}

BoundsPlan PlanBounds(Graph& graph, std::vector<BlockId>& dominators) {
  CutDeadEnds(graph);
  dominators = graph.Dominators();
  return BoundsPlanner(graph, dominators).Plan();
}

}  // namespace knetlab::filter
