// SPDX-License-Identifier: Apache-2.0
// How far a long verb is: one line on stderr, written over and over, and only where stderr is a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace knetlab {

class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Begin(std::size_t total);  // from here on the time counts; shows "[ 0/14]"
  // "[ 3/14] about 2 s left, after redirect-two-links"; nothing when all are done.
  void Show(std::size_t done, std::string_view name);
  void Clear();  // before anything else is written to the terminal

 private:
  void Write(std::string line);

  bool enabled_;
  bool shown_ = false;
  std::size_t total_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// "about 2 s", from how long the first `done` of `total` took.
std::string TimeLeft(double elapsed_s, std::size_t done, std::size_t total);

}  // namespace knetlab
