// SPDX-License-Identifier: Apache-2.0
// What the reader does with a mistake: throw it, or keep it and go on with the next part of the file.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "netns/error.h"

namespace knetlab {

// Thrown where a mistake that is known already is the reason: a name whose declaration could not be read.
struct FollowUpMistake {};

class Mistakes {
 public:
  enum class Policy { kThrow, kCollect };
  static constexpr std::size_t kMost = 100;  // of a file

  explicit Mistakes(Policy policy) : policy_(policy) {}

  // Reads one part that others do not depend on. False where it holds a mistake, which was kept.
  template <typename F>
  bool Try(F&& read) {
    if (policy_ == Policy::kThrow) {
      std::forward<F>(read)();
      return true;
    }
    try {
      std::forward<F>(read)();
      return true;
    } catch (const Error& error) {
      if (found_.size() >= kMost) throw;
      found_.push_back(error);
    } catch (const FollowUpMistake&) {
    }
    return false;
  }

  std::vector<Error>& found() { return found_; }

 private:
  Policy policy_;
  std::vector<Error> found_;
};

}  // namespace knetlab
