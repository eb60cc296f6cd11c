// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/capture_file.h"

#include <fmt/format.h>

#include "harness/program/sha256.h"
#include "harness/traffic/capture_stream.h"
#include "netns/error.h"

namespace knetlab {

Capture ReadCapture(const std::string& path, const CaptureOptions& options) {
  CaptureStream stream(path, options.limit);
  Capture capture;
  capture.path = path;
  capture.sha256 = Sha256File(stream.fd(), path);
  stream.Rewind();
  std::size_t held = 0;
  while (const Packet* packet = stream.Next()) {
    held += sizeof(Packet) + packet->bytes.size();
    if (held > options.max_bytes) {
      const std::size_t good = capture.packets.size();
      throw Error({.what = "read capture",
                   .where = path,
                   .why = fmt::format("packet {}: more than {} bytes to hold", good + 1, options.max_bytes),
                   .hint = fmt::format("a limit of {} reads the packets before it", good),
                   .detail = ""});
    }
    capture.packets.push_back(*packet);
    capture.total_bytes += packet->bytes.size();
    capture.padded += packet->padded ? 1 : 0;
  }
  capture.notice = stream.notice();
  if (capture.packets.empty()) {
    throw Error({.what = "read capture", .where = path, .why = "holds no packets", .hint = "", .detail = ""});
  }
  return capture;
}

}  // namespace knetlab
