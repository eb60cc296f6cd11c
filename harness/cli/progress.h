// SPDX-License-Identifier: Apache-2.0
// How far a long verb is: one line on stderr, written over and over, and only where stderr is a terminal.
#pragma once

#include <cstddef>
#include <string_view>

namespace knetlab {

class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Show(std::size_t done, std::size_t total, std::string_view name);  // "[ 3/14] redirect-two-links"
  void Clear();  // before anything else is written to the terminal

 private:
  bool enabled_;
  bool shown_ = false;
};

}  // namespace knetlab
