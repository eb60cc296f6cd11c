// SPDX-License-Identifier: Apache-2.0
// What a filter is while it is compiled: a control-flow graph of values in static single assignment form.
//
// Values are 32-bit and unsigned, as in classic BPF. A packet never changes, so a load is a pure function of
// its offset; that it may lie beyond the packet is said apart, by the block's checks: a block is left for
// kReject where one does not hold. Control ends in kAccept or kReject, which hold nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "harness/filter/assembler.h"
#include "harness/filter/classic.h"

namespace knetlab::filter {

using ValueId = std::int32_t;
using BlockId = std::int32_t;
inline constexpr ValueId kNone = -1;
inline constexpr BlockId kAccept = 0, kReject = 1, kEntry = 2;

// Where a value or a block stands in a vector with one element for each.
inline std::size_t At(std::int32_t id) {
  return static_cast<std::size_t>(id);
}

struct Value {
  enum class Kind : std::uint8_t {
    kConstant,   // constant
    kLoad,       // size bytes, big-endian, at constant + a (a: kNone or a value; no wrap-around)
    kLength,     // of the packet on the wire
    kAncillary,  // constant: SKF_AD_...
    kAlu,        // a op b; a shift by 32 and more gives 0; b of a division is not 0
    kPhi         // inputs[i] where control comes from the block's preds[i]
  };
  Kind kind = Kind::kConstant;
  AluOp op = AluOp::kAdd;
  std::uint8_t size = 0;
  std::uint32_t constant = 0;
  ValueId a = kNone, b = kNone;
  BlockId block = kEntry;
  std::vector<ValueId> inputs{};
};

// The packet must reach to `end`, counted from its beginning plus the value `index`, or kReject.
struct Check {
  ValueId index = kNone;
  std::uint64_t end = 0;
};

struct Block {
  std::vector<BlockId> preds;
  std::vector<ValueId> phis;
  std::vector<ValueId> values;  // each behind those it is made of
  std::vector<Check> checks;    // all must hold, in any order: nothing else that the block does can be seen
  // if (a condition b) yes else no; b may be a constant; yes == no: always
  Cond condition = Cond::kEqual;  // kEqual, kGreater, kGreaterEqual, kBits
  ValueId a = kNone, b = kNone;
  BlockId yes = kReject, no = kReject;
  bool live = true;

  bool branches() const { return yes != no; }
};

class Graph {
 public:
  Graph();

  Value& value(ValueId id) { return values_[At(id)]; }
  const Value& value(ValueId id) const { return values_[At(id)]; }
  Block& block(BlockId id) { return blocks_[At(id)]; }
  const Block& block(BlockId id) const { return blocks_[At(id)]; }
  BlockId blocks() const { return static_cast<BlockId>(blocks_.size()); }
  ValueId values() const { return static_cast<ValueId>(values_.size()); }

  BlockId AddBlock();
  ValueId Constant(std::uint32_t value);    // the same id for the same constant; in no block's list
  ValueId Add(BlockId block, Value value);  // at the end of the block's values, or phis
  ValueId Insert(BlockId block, ValueId before, Value value);  // into the block's values; kNone: at the end
  bool IsConstant(ValueId id) const { return id != kNone && value(id).kind == Value::Kind::kConstant; }
  bool IsConstant(ValueId id, std::uint32_t constant) const {
    return IsConstant(id) && value(id).constant == constant;
  }

  // All uses of `from` become uses of `to`. Carried out by Clean().
  void Replace(ValueId from, ValueId to);
  ValueId Resolve(ValueId id) const;  // what stands for it now

  // Carries out replacements, removes what is unreachable or unused, phis of one value, and empty blocks;
  // joins blocks in a row. True where anything changed.
  bool Clean();

  // Reverse postorder from the entry, without the two ends; loops: kept in an order where only their own
  // jumps back point backwards.
  std::vector<BlockId> Order() const;
  // Of each block its immediate dominator (the entry: itself; unreachable: kNone).
  std::vector<BlockId> Dominators() const;

 private:
  void RemoveUnreachable();
  void RemovePred(BlockId block, BlockId pred);
  bool RemoveTrivialPhis();
  bool JoinBlocks();
  bool RemoveUnused();
  void ApplyReplacements();

  std::vector<Value> values_;
  std::vector<Block> blocks_;
  std::map<std::uint32_t, ValueId> constants_;
  std::vector<ValueId> replaced_;
};

// `dominators`: Graph::Dominators(). Whether a is on every way to b.
bool Dominates(const std::vector<BlockId>& dominators, BlockId a, BlockId b);

// From a valid classic program (ValidateClassic).
Graph BuildGraph(const ClassicProgram& program);

}  // namespace knetlab::filter
