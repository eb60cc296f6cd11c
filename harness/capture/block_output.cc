// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/block_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kWriteBlocks = "write capture";
// Large enough that system calls cost nothing beside the packets, small enough to stay in the cache.
constexpr std::size_t kBuffer = std::size_t{1} << 20;
// The kernel's default maximum for a pipe: a reader that is late for a moment does not hold us up.
constexpr int kPipeBytes = 1 << 20;

}  // namespace

BlockOutput::BlockOutput(const std::string& path) : buffer_(kBuffer) {
  if (path == "-") {
    fd_ = STDOUT_FILENO;
  } else {
    constexpr mode_t kMode = 0644;
    owned_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode));
    fd_ = owned_.get();
  }
  struct stat status = {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) throw ErrnoError(kWriteBlocks, path, errno);
  is_file_ = S_ISREG(status.st_mode);
  is_pipe_ = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
  if (is_file_) offset_ = std::max<std::int64_t>(0, ::lseek(fd_, 0, SEEK_CUR));
  if (S_ISFIFO(status.st_mode))
    ::fcntl(fd_, F_SETPIPE_SZ, kPipeBytes);  // may be refused, and nothing is lost
}

std::byte* BlockOutput::Begin(std::size_t size) {
  if (used_ + size > buffer_.size()) {
    if (!Flush()) return nullptr;
    if (size > buffer_.size()) buffer_.resize(size);
  }
  return error_ == 0 ? buffer_.data() + used_ : nullptr;
}

void BlockOutput::End(std::size_t size, std::uint32_t owner) {
  used_ += size;
  marks_.push_back({.end = static_cast<std::uint32_t>(used_), .owner = owner});
}

// A pipe that is readable to poll() takes PIPE_BUF bytes without blocking, so a stop gets through to us
// whatever the reader does.
bool BlockOutput::AwaitRoom() {
  for (;;) {
    std::array<pollfd, 2> ready = {
        {{.fd = fd_, .events = POLLOUT, .revents = 0}, {.fd = hurry_, .events = POLLIN, .revents = 0}}};
    const int got = ::poll(ready.data(), ready.size(), -1);
    if (got < 0 && errno == EINTR) continue;
    if (ready[0].revents != 0) return true;
    if (got > 0 && ready[1].revents != 0) {
      ready[1].fd = -1;
      return ::poll(ready.data(), ready.size(), patience_ms_) > 0;
    }
  }
}

bool BlockOutput::Flush() {
  std::size_t done = 0;
  while (error_ == 0 && done < used_) {
    std::size_t now = used_ - done;
    if (is_pipe_) {
      now = std::min<std::size_t>(now, PIPE_BUF);
      if (!AwaitRoom()) {
        error_ = ETIMEDOUT;
        break;
      }
    }
    const ssize_t written = ::write(fd_, buffer_.data() + done, now);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      error_ = written < 0 ? errno : ENOSPC;
      break;
    }
    done += static_cast<std::size_t>(written);
  }
  Account(done);
  return error_ == 0;
}

void BlockOutput::Account(std::size_t done) {
  std::size_t whole = 0;
  for (const Mark& mark : marks_) {
    if (mark.end > done) break;
    whole = mark.end;
    if (mark.owner == kNoOwner) continue;
    if (mark.owner >= written_.size()) written_.resize(mark.owner + 1);
    ++written_[mark.owner];
  }
  position_ += whole;
  if (is_file_ && whole < done) {
    const auto end = offset_ + static_cast<std::int64_t>(position_);
    if (::ftruncate(fd_, end) == 0) ::lseek(fd_, end, SEEK_SET);
  }
  used_ = 0;
  marks_.clear();
}

bool BlockOutput::Close() {
  if (!Flush() || !owned_) return error_ == 0;
  // Network file systems tell of a full disk only here.
  if (::close(owned_.release()) != 0) error_ = errno;
  fd_ = -1;
  return error_ == 0;
}

}  // namespace knetlab
