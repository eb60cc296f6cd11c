// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/capture_bytes.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr std::size_t kSnapLengthAt = 16;
constexpr std::uint32_t kSnapLength = 262'144;  // libpcap's own limit
constexpr std::array<std::uint32_t, 2> kMagic = {0xa1b2c3d4, 0xa1b23c4d};

struct Cookie {
  UniqueFd fd;
  off_t at = 0;
  std::array<char, 4> snap_length{};  // as the header is to have it
  bool lift = false;
};

void FindHeader(Cookie& cookie) {
  std::uint32_t magic = 0;
  if (::pread(cookie.fd.get(), &magic, sizeof(magic), 0) != sizeof(magic)) return;
  const auto known = [](std::uint32_t value) {
    return std::find(kMagic.begin(), kMagic.end(), value) != kMagic.end();
  };
  const bool swapped = known(__builtin_bswap32(magic));
  cookie.lift = swapped || known(magic);
  const std::uint32_t length = swapped ? __builtin_bswap32(kSnapLength) : kSnapLength;
  std::memcpy(cookie.snap_length.data(), &length, sizeof(length));
}

ssize_t Read(void* of, char* buffer, std::size_t size) {
  auto& cookie = *static_cast<Cookie*>(of);
  const ssize_t got = ::pread(cookie.fd.get(), buffer, size, cookie.at);
  if (got <= 0) return got;
  if (cookie.lift) {
    for (std::size_t i = 0; i < cookie.snap_length.size(); i++) {
      const auto place = static_cast<off_t>(kSnapLengthAt + i) - cookie.at;
      if (place >= 0 && place < got) buffer[place] = cookie.snap_length.at(i);
    }
  }
  cookie.at += got;
  return got;
}

int Close(void* of) {
  delete static_cast<Cookie*>(of);
  return 0;
}

}  // namespace

CaptureBytes OpenCaptureBytes(UniqueFd fd, const std::string& path) {
  auto cookie = std::make_unique<Cookie>();
  cookie->fd = std::move(fd);
  FindHeader(*cookie);
  CaptureBytes file(
      ::fopencookie(cookie.get(), "rb", {.read = Read, .write = nullptr, .seek = nullptr, .close = Close}),
      &std::fclose);
  if (!file) throw ErrnoError("read capture", path, errno);
  static_cast<void>(cookie.release());  // the stream's now
  std::setvbuf(file.get(), nullptr, _IOFBF, kBuffer);
  return file;
}

}  // namespace knetlab
