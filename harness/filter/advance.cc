// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/advance.h"

#include <algorithm>
#include <optional>

namespace knetlab::filter {
namespace {

class AdvancePlanner {
 public:
  AdvancePlanner(const Graph& graph, const std::vector<BlockId>& dominators, const BoundsPlan& bounds)
      : graph_(graph), dominators_(dominators), bounds_(bounds), order_(graph.Order()) {}

  AdvancePlan Plan() {
    plan_.moves.resize(At(graph_.blocks()));
    for (BlockId id : order_) plan_.moves[At(id)].assign(bounds_.checks[At(id)].size(), true);
    FindLive();
    while (const std::optional<Conflict> conflict = Spread()) Resolve(*conflict);
    return std::move(plan_);
  }

 private:
  struct Conflict {
    BlockId block;
    int base;
  };

  bool Uses(BlockId id, int base) const {
    const Block& block = graph_.block(id);
    for (const PlannedCheck& check : bounds_.checks[At(id)]) {
      if (check.base == base) return true;
    }
    for (ValueId value : block.values) {
      const Value& one = graph_.value(value);
      if (base == 0 && one.kind == Value::Kind::kLength) return true;
      if (one.kind == Value::Kind::kLoad && bounds_.BaseOf(dominators_, one.a, id) == base) return true;
    }
    // Pointers of indices are made from the packet's.
    return base == 0 && std::any_of(bounds_.bases.begin() + 1, bounds_.bases.end(),
                                    [id](const Base& other) { return other.block == id; });
  }

  void FindLive() {
    live_.assign(bounds_.bases.size(), std::vector<bool>(At(graph_.blocks())));
    for (std::size_t base = 0; base < bounds_.bases.size(); ++base) {
      std::vector<bool>& live = live_[base];
      for (bool changed = true; changed;) {
        changed = false;
        for (auto id = order_.rbegin(); id != order_.rend(); ++id) {
          if (live[At(*id)]) continue;
          const Block& block = graph_.block(*id);
          if (!Uses(*id, static_cast<int>(base)) && !live[At(block.yes)] && !live[At(block.no)]) continue;
          live[At(*id)] = true;
          changed = true;
        }
      }
    }
  }

  // Follows the pointers through all blocks. The first block where ways disagree, if any.
  std::optional<Conflict> Spread() {
    const std::size_t bases = bounds_.bases.size();
    std::vector<std::vector<std::optional<std::int64_t>>> at_end(At(graph_.blocks()));
    plan_.at_entry.assign(At(graph_.blocks()), std::vector<std::int64_t>(bases));
    for (auto& ends : at_end) ends.resize(bases);
    for (BlockId id : order_) {
      std::vector<std::int64_t>& entry = plan_.at_entry[At(id)];
      for (std::size_t base = 0; base < bases; ++base) {
        if (!live_[base][At(id)] || bounds_.bases[base].block == id) continue;
        std::optional<std::int64_t> agreed;
        for (BlockId pred : graph_.block(id).preds) {
          const std::optional<std::int64_t> one = at_end[At(pred)][base];
          if (!one) continue;  // comes back from below: compared when that is known
          if (agreed && *agreed != *one) return Conflict{id, static_cast<int>(base)};
          agreed = one;
        }
        entry[base] = agreed.value_or(0);
      }
      std::vector<std::int64_t> now = entry;
      Walk(id, now);
      for (std::size_t base = 0; base < bases; ++base) at_end[At(id)][base] = now[base];
      for (BlockId next : {graph_.block(id).yes, graph_.block(id).no}) {
        for (std::size_t base = 0; base < bases && next >= kEntry; ++base) {
          // A jump back, to a block that has been seen.
          if (at_end[At(next)][base] && live_[base][At(next)] && bounds_.bases[base].block != next &&
              plan_.at_entry[At(next)][base] != now[base]) {
            return Conflict{next, static_cast<int>(base)};
          }
        }
      }
    }
    return std::nullopt;
  }

  void Walk(BlockId id, std::vector<std::int64_t>& now) const {
    const std::vector<PlannedCheck>& checks = bounds_.checks[At(id)];
    for (std::size_t i = 0; i < checks.size(); ++i) {
      const std::size_t base = static_cast<std::size_t>(checks[i].base);
      // The pointer of an index begins where the packet's points.
      if (base != 0 && bounds_.bases[base].block == id) now[base] = now[0];
      if (plan_.moves[At(id)][i]) now[base] = static_cast<std::int64_t>(checks[i].end);
    }
  }

  // Checks on some ways to the block, but not on all of them, compare copies.
  void Resolve(const Conflict& conflict) {
    std::vector<bool> leads(At(graph_.blocks()));
    std::vector<BlockId> work{conflict.block};
    while (!work.empty()) {
      const BlockId id = work.back();
      work.pop_back();
      for (BlockId pred : graph_.block(id).preds) {
        if (leads[At(pred)]) continue;
        leads[At(pred)] = true;
        work.push_back(pred);
      }
    }
    bool resolved = false;
    for (BlockId id : order_) {
      const bool on_all = id != conflict.block && Dominates(dominators_, id, conflict.block);
      if (!leads[At(id)] || on_all) continue;
      for (std::size_t i = 0; i < bounds_.checks[At(id)].size(); ++i) {
        if (bounds_.checks[At(id)][i].base != conflict.base || !plan_.moves[At(id)][i]) continue;
        plan_.moves[At(id)][i] = false;
        resolved = true;
      }
    }
    if (resolved) return;
    // Never seen; no pointer moves at all then.
    for (auto& moves : plan_.moves) std::fill(moves.begin(), moves.end(), false);
  }

  const Graph& graph_;
  const std::vector<BlockId>& dominators_;
  const BoundsPlan& bounds_;
  const std::vector<BlockId> order_;
  std::vector<std::vector<bool>> live_;
  AdvancePlan plan_;
};

}  // namespace

AdvancePlan PlanAdvances(const Graph& graph, const std::vector<BlockId>& dominators,
                         const BoundsPlan& bounds) {
  return AdvancePlanner(graph, dominators, bounds).Plan();
}

}  // namespace knetlab::filter
