// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine and library: what a seed makes can be made again
// (SplitMix64; Steele, Lea and Flood, 2014).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace knetlab::filter_testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint32_t Word() { return static_cast<std::uint32_t>(Next() >> 32); }
  // 0 to bound - 1; bound is not 0.
  std::uint32_t Below(std::uint64_t bound) { return static_cast<std::uint32_t>(Next() % bound); }
  std::uint32_t Between(std::uint32_t low, std::uint32_t high) {  // both included
    return low + Below(std::uint64_t{high} - low + 1);
  }
  bool Chance(std::uint32_t percent) { return Below(100) < percent; }

  template <typename T>
  const T& Of(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }
  std::uint32_t Of(std::initializer_list<std::uint32_t> choices) {
    return choices.begin()[Below(choices.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace knetlab::filter_testing
