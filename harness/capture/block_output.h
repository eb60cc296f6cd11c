// SPDX-License-Identifier: Apache-2.0
// A file, or standard output, that holds whole blocks only: each packet of a capture is one. Blocks are
// gathered in a bounded buffer and counted, by owner, once the kernel has taken all their bytes. Where the
// output takes no more (a full disk, a reader that went away) a file is cut back to its last whole block, and
// what was not written stays uncounted.
//
//   BlockOutput output("capture.pcapng");
//   if (std::byte* room = output.Begin(size)) { ...; output.End(size, owner); }
//   output.Flush();
//
// Not thread-safe. SIGPIPE must be blocked in the thread that writes (StartQuietThread does).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

class BlockOutput {
 public:
  static constexpr std::uint32_t kNoOwner = UINT32_MAX;

  // "-" is standard output. A file is made anew. Throws Error.
  explicit BlockOutput(const std::string& path);
  // What is still in the buffer is dropped.
  ~BlockOutput() = default;
  BlockOutput(const BlockOutput&) = delete;
  BlockOutput& operator=(const BlockOutput&) = delete;

  // Room for one block of `size` bytes, until End(); writes what is in the way. Null where the output ended.
  std::byte* Begin(std::size_t size);
  void End(std::size_t size, std::uint32_t owner);
  // False where the output ended.
  bool Flush();
  // Flush, and what the file system reports only then. False where the output ended.
  bool Close();

  // The errno that ended it; 0 while it takes more.
  int error() const { return error_; }
  // Tries again after an error: the file was cut back, which may have made room for something small.
  void TakeMore() { error_ = 0; }
  // A pipe whose reader stands still: once `event` is readable, wait `patience_ms` for it and not for ever.
  void LimitPatience(int event, int patience_ms) {
    hurry_ = event;
    patience_ms_ = patience_ms;
  }

  // Somebody is likely to look on: it is no file, or the one we were given.
  bool is_live() const { return !owned_ || !is_file_; }
  bool pending() const { return used_ > 0; }
  std::uint64_t written(std::uint32_t owner) const { return owner < written_.size() ? written_[owner] : 0; }
  std::uint64_t bytes() const { return position_; }

 private:
  struct Mark {
    std::uint32_t end, owner;
  };
  bool AwaitRoom();
  void Account(std::size_t done);

  UniqueFd owned_;
  int fd_ = -1;
  bool is_file_ = false, is_pipe_ = false;
  int error_ = 0, hurry_ = -1, patience_ms_ = -1;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
  std::vector<Mark> marks_;             // of the blocks in the buffer
  std::uint64_t position_ = 0;          // bytes of whole blocks that are out
  std::int64_t offset_ = 0;             // of the file where we began: standard output may be one
  std::vector<std::uint64_t> written_;  // blocks, by owner
};

}  // namespace knetlab
