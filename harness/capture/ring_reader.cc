// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/ring_reader.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "netns/error.h"

namespace knetlab {

// One page that we write, one that the kernel writes, then the data twice in a row, so that a record that
// goes over the end lies in one piece.
RingReader::RingReader(int map_fd, std::size_t bytes)
    : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))), bytes_(bytes), mask_(bytes - 1) {
  void* consumer = ::mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) throw ErrnoError("map", "ring buffer", errno);
  void* producer =
      ::mmap(nullptr, page_ + 2 * bytes_, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page_));
  if (producer == MAP_FAILED) {
    const int error = errno;
    ::munmap(consumer, page_);
    throw ErrnoError("map", "ring buffer", error);
  }
  consumer_ = static_cast<std::uint64_t*>(consumer);
  producer_ = static_cast<const std::uint64_t*>(producer);
  data_ = static_cast<const std::byte*>(producer) + page_;
  position_ = __atomic_load_n(consumer_, __ATOMIC_RELAXED);
}

RingReader::~RingReader() {
  ::munmap(consumer_, page_);
  ::munmap(const_cast<std::uint64_t*>(producer_), page_ + 2 * bytes_);
}

}  // namespace knetlab
