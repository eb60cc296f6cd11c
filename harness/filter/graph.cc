// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/graph.h"

#include <algorithm>
#include <utility>

namespace knetlab::filter {

Graph::Graph() {
  blocks_.resize(3);
}

BlockId Graph::AddBlock() {
  blocks_.emplace_back();
  return blocks() - 1;
}

ValueId Graph::Constant(std::uint32_t constant) {
  const auto [place, added] = constants_.try_emplace(constant, values());
  if (added) {
    values_.push_back({.kind = Value::Kind::kConstant, .constant = constant});
    replaced_.push_back(kNone);
  }
  return place->second;
}

ValueId Graph::Add(BlockId id, Value value) {
  return Insert(id, kNone, std::move(value));
}

ValueId Graph::Insert(BlockId id, ValueId before, Value value) {
  value.block = id;
  const ValueId added = values();
  std::vector<ValueId>& list = value.kind == Value::Kind::kPhi ? block(id).phis : block(id).values;
  list.insert(before == kNone ? list.end() : std::find(list.begin(), list.end(), before), added);
  values_.push_back(std::move(value));
  replaced_.push_back(kNone);
  return added;
}

void Graph::Replace(ValueId from, ValueId to) {
  from = Resolve(from);
  to = Resolve(to);
  if (from != to) replaced_[static_cast<std::size_t>(from)] = to;
}

ValueId Graph::Resolve(ValueId id) const {
  while (id != kNone && replaced_[static_cast<std::size_t>(id)] != kNone)
    id = replaced_[static_cast<std::size_t>(id)];
  return id;
}

void Graph::ApplyReplacements() {
  for (Value& value : values_) {
    value.a = Resolve(value.a);
    value.b = Resolve(value.b);
    for (ValueId& input : value.inputs) input = Resolve(input);
  }
  const auto is_replaced = [this](ValueId id) { return Resolve(id) != id; };
  for (Block& block : blocks_) {
    block.a = Resolve(block.a);
    block.b = Resolve(block.b);
    for (Check& check : block.checks) check.index = Resolve(check.index);
    std::erase_if(block.values, is_replaced);
    std::erase_if(block.phis, is_replaced);
  }
}

void Graph::RemovePred(BlockId id, BlockId pred) {
  Block& target = block(id);
  const auto place = std::find(target.preds.begin(), target.preds.end(), pred);
  if (place == target.preds.end()) return;
  const auto index = place - target.preds.begin();
  target.preds.erase(place);
  for (ValueId phi : target.phis) value(phi).inputs.erase(value(phi).inputs.begin() + index);
}

std::vector<BlockId> Graph::Order() const {
  std::vector<BlockId> order;
  std::vector<bool> seen(blocks_.size());
  seen[kAccept] = seen[kReject] = true;
  struct Visit {
    BlockId block;
    int next;
  };
  std::vector<Visit> stack{{kEntry, 0}};
  seen[kEntry] = true;
  while (!stack.empty()) {
    Visit& visit = stack.back();
    if (visit.next == 2) {
      order.push_back(visit.block);
      stack.pop_back();
      continue;
    }
    // yes first: in the reverse it comes last, as in what libpcap writes.
    const BlockId next = visit.next++ == 0 ? block(visit.block).yes : block(visit.block).no;
    if (seen[static_cast<std::size_t>(next)]) continue;
    seen[static_cast<std::size_t>(next)] = true;
    stack.push_back({next, 0});
  }
  std::reverse(order.begin(), order.end());
  return order;
}

std::vector<BlockId> Graph::Dominators() const {
  // Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001).
  const std::vector<BlockId> order = Order();
  std::vector<int> rank(blocks_.size(), -1);
  for (std::size_t i = 0; i < order.size(); ++i)
    rank[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  std::vector<BlockId> dominator(blocks_.size(), kNone);
  dominator[kEntry] = kEntry;
  const auto at = [](auto& list, BlockId id) -> auto& {
    return list[static_cast<std::size_t>(id)];
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (BlockId id : order) {
      if (id == kEntry) continue;
      BlockId meet = kNone;
      for (BlockId pred : block(id).preds) {
        if (at(dominator, pred) == kNone) continue;
        BlockId other = pred;
        while (meet != kNone && meet != other) {
          BlockId& deeper = at(rank, meet) > at(rank, other) ? meet : other;
          deeper = at(dominator, deeper);
        }
        meet = other;
      }
      if (at(dominator, id) != meet) {
        at(dominator, id) = meet;
        changed = true;
      }
    }
  }
  return dominator;
}

bool Dominates(const std::vector<BlockId>& dominators, BlockId a, BlockId b) {
  while (b != a) {
    const BlockId above = dominators[static_cast<std::size_t>(b)];
    if (above == b || above == kNone) return false;
    b = above;
  }
  return true;
}

void Graph::RemoveUnreachable() {
  std::vector<bool> reached(blocks_.size());
  for (BlockId id : Order()) reached[static_cast<std::size_t>(id)] = true;
  for (BlockId id = kEntry; id < blocks(); ++id) {
    Block& dead = block(id);
    if (reached[static_cast<std::size_t>(id)] || !dead.live) continue;
    dead.live = false;
    RemovePred(dead.yes, id);
    if (dead.branches()) RemovePred(dead.no, id);
    dead = Block{};
    dead.live = false;
  }
}

bool Graph::RemoveTrivialPhis() {
  bool changed = false;
  for (BlockId id = kEntry; id < blocks(); ++id) {
    for (ValueId phi : block(id).phis) {
      ValueId only = kNone;
      bool trivial = true;
      for (ValueId input : value(phi).inputs) {
        input = Resolve(input);
        if (input == phi || input == only) continue;
        trivial = only == kNone;
        only = input;
        if (!trivial) break;
      }
      if (trivial && only != kNone && Resolve(phi) == phi) {
        Replace(phi, only);
        changed = true;
      }
    }
  }
  if (changed) ApplyReplacements();
  return changed;
}

bool Graph::JoinBlocks() {
  bool changed = false;
  for (BlockId id = kEntry; id < blocks(); ++id) {
    // A block that goes to one whose only way in it is.
    while (block(id).live && !block(id).branches() && block(id).yes >= kEntry && block(id).yes != id &&
           block(block(id).yes).preds.size() == 1 && block(block(id).yes).phis.empty() &&
           block(id).yes != kEntry) {
      const BlockId next_id = block(id).yes;
      Block next = std::move(block(next_id));
      block(next_id) = Block{};
      block(next_id).live = false;
      Block& joined = block(id);
      for (ValueId moved : next.values) value(moved).block = id;
      joined.values.insert(joined.values.end(), next.values.begin(), next.values.end());
      joined.checks.insert(joined.checks.end(), next.checks.begin(), next.checks.end());
      joined.condition = next.condition;
      joined.a = next.a;
      joined.b = next.b;
      joined.yes = next.yes;
      joined.no = next.no;
      for (BlockId target : {next.yes, next.no})
        std::replace(block(target).preds.begin(), block(target).preds.end(), next_id, id);
      changed = true;
    }
  }
  // An empty block that goes on: those before it go there at once, where no phi tells them apart.
  for (BlockId id = kEntry + 1; id < blocks(); ++id) {
    Block& empty = block(id);
    if (!empty.live || empty.branches() || empty.yes == id || !empty.values.empty() ||
        !empty.checks.empty() || !empty.phis.empty() || !block(empty.yes).phis.empty()) {
      continue;
    }
    const BlockId target = empty.yes;
    for (BlockId pred : std::exchange(empty.preds, {})) {
      Block& before = block(pred);
      if (before.yes == id) before.yes = target;
      if (before.no == id) before.no = target;
      std::vector<BlockId>& preds = block(target).preds;
      if (std::find(preds.begin(), preds.end(), pred) == preds.end()) preds.push_back(pred);
    }
    RemovePred(target, id);
    empty = Block{};
    empty.live = false;
    changed = true;
  }
  return changed;
}

bool Graph::RemoveUnused() {
  std::vector<bool> used(values_.size());
  std::vector<ValueId> work;
  const auto use = [&](ValueId id) {
    if (id == kNone || used[static_cast<std::size_t>(id)]) return;
    used[static_cast<std::size_t>(id)] = true;
    work.push_back(id);
  };
  for (const Block& block : blocks_) {
    if (!block.live) continue;
    if (block.branches()) {
      use(block.a);
      use(block.b);
    }
    for (const Check& check : block.checks) use(check.index);
  }
  while (!work.empty()) {
    const Value& one = value(work.back());
    work.pop_back();
    use(one.a);
    use(one.b);
    for (ValueId input : one.inputs) use(input);
  }
  const auto unused = [&used](ValueId id) { return !used[static_cast<std::size_t>(id)]; };
  std::size_t erased = 0;
  for (Block& block : blocks_) {
    erased += std::erase_if(block.values, unused);
    erased += std::erase_if(block.phis, unused);
    if (!block.branches()) block.a = block.b = kNone;
  }
  return erased > 0;
}

bool Graph::Clean() {
  bool changed = false;
  ApplyReplacements();
  for (bool again = true; again; changed |= again) {
    RemoveUnreachable();
    again = RemoveTrivialPhis();
    again |= JoinBlocks();
    again |= RemoveUnused();
  }
  return changed;
}

}  // namespace knetlab::filter
