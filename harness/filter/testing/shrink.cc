// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/shrink.h"

#include <algorithm>
#include <utility>

#include "harness/filter/testing/random_classic.h"

namespace knetlab::filter_testing {
namespace {

std::int64_t Moved(std::int64_t target, std::size_t begin, std::size_t end) {
  if (target <= static_cast<std::int64_t>(begin)) return target;
  if (target < static_cast<std::int64_t>(end)) return static_cast<std::int64_t>(begin);
  return target - static_cast<std::int64_t>(end - begin);
}

// The program without the instructions [begin, end): jumps to them go to what follows.
ClassicProgram Without(const ClassicProgram& program, std::size_t begin, std::size_t end) {
  ClassicProgram left;
  for (std::size_t at = 0; at < program.size(); ++at) {
    if (at >= begin && at < end) continue;
    sock_filter one = program[at];
    const auto next = static_cast<std::int64_t>(at) + 1;
    const std::int64_t here = static_cast<std::int64_t>(left.size()) + 1;
    if (BPF_CLASS(one.code) == BPF_JMP && BPF_OP(one.code) == BPF_JA) {
      one.k = static_cast<std::uint32_t>(Moved(next + static_cast<std::int32_t>(one.k), begin, end) - here);
    } else if (BPF_CLASS(one.code) == BPF_JMP) {
      one.jt = static_cast<std::uint8_t>(Moved(next + one.jt, begin, end) - here);
      one.jf = static_cast<std::uint8_t>(Moved(next + one.jf, begin, end) - here);
    }
    left.push_back(one);
  }
  return left;
}

class Shrinker {
 public:
  Shrinker(Case found, const std::function<bool(const Case&)>& shows, std::size_t shortest, std::size_t most)
      : best_(std::move(found)), shows_(shows), shortest_(shortest), left_(most) {}

  Case Run() {
    bool smaller = true;
    while (smaller && left_ > 0) {
      smaller = RemoveInstructions();
      smaller = SimplifyInstructions() || smaller;
      smaller = ShortenPacket() || smaller;
      smaller = ClearBytes() || smaller;
    }
    return std::move(best_);
  }

 private:
  bool Try(Case candidate) {
    if (left_ == 0 || !IsValidClassic(candidate.program) || candidate.packet.size() < shortest_) return false;
    --left_;
    if (!shows_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  bool RemoveInstructions() {
    bool smaller = false;
    for (std::size_t count = std::max<std::size_t>(best_.program.size() / 2, 1); count > 0; count /= 2) {
      for (std::size_t begin = 0; begin + count <= best_.program.size();) {
        if (Try({Without(best_.program, begin, begin + count), best_.packet})) {
          smaller = true;
        } else {
          ++begin;
        }
      }
    }
    return smaller;
  }

  bool Replace(std::size_t at, const sock_filter& by) {
    const sock_filter& old = best_.program[at];
    if (old.code == by.code && old.jt == by.jt && old.jf == by.jf && old.k == by.k) return false;
    Case candidate = best_;
    candidate.program[at] = by;
    return Try(std::move(candidate));
  }

  bool SimplifyInstructions() {
    bool simpler = false;
    for (std::size_t at = 0; at < best_.program.size(); ++at) {
      const sock_filter one = best_.program[at];
      if (BPF_CLASS(one.code) == BPF_JMP && BPF_OP(one.code) != BPF_JA) {
        simpler = Replace(at, {BPF_JMP | BPF_JA, 0, 0, one.jt}) ||
                  Replace(at, {BPF_JMP | BPF_JA, 0, 0, one.jf}) || simpler;
      }
      if (BPF_CLASS(one.code) == BPF_RET) {
        simpler = Replace(at, {BPF_RET | BPF_K, 0, 0, 0}) || simpler;
      }
      // Towards 0, and never back.
      for (const std::uint32_t k : {0U, one.k / 2, one.k - 1}) {
        if (k < best_.program[at].k) simpler = Replace(at, {one.code, one.jt, one.jf, k}) || simpler;
      }
    }
    return simpler;
  }

  bool ShortenPacket() {
    bool shorter = false;
    for (std::size_t count = std::max<std::size_t>(best_.packet.size() / 2, 1); count > 0; count /= 2) {
      while (best_.packet.size() >= shortest_ + count) {
        Case candidate = best_;
        candidate.packet.resize(candidate.packet.size() - count);
        if (!Try(std::move(candidate))) break;
        shorter = true;
      }
    }
    return shorter;
  }

  bool ClearBytes() {
    bool cleared = false;
    for (std::size_t count = std::max<std::size_t>(best_.packet.size() / 2, 1); count > 0; count /= 2) {
      for (std::size_t begin = 0; begin + count <= best_.packet.size(); begin += count) {
        Case candidate = best_;
        const auto first = candidate.packet.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto last = first + static_cast<std::ptrdiff_t>(count);
        if (std::all_of(first, last, [](std::uint8_t byte) { return byte == 0; })) continue;
        std::fill(first, last, std::uint8_t{0});
        cleared = Try(std::move(candidate)) || cleared;
      }
    }
    return cleared;
  }

  Case best_;
  const std::function<bool(const Case&)>& shows_;
  std::size_t shortest_, left_;
};

}  // namespace

Case Shrink(Case found, const std::function<bool(const Case&)>& shows, std::size_t shortest,
            std::size_t most) {
  return Shrinker(std::move(found), shows, shortest, most).Run();
}

}  // namespace knetlab::filter_testing
