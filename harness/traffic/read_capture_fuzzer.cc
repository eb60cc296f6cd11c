// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any file is a capture or an error, and every packet of it can be summed up and rewritten.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/packet_summary.h"
#include "harness/traffic/rewrite.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

Rewrite Everything() {
  Rewrite rewrite;
  rewrite.source_mac = MacAddress::Parse("02:00:00:00:00:01");
  rewrite.destination_mac = MacAddress::Parse("02:00:00:00:00:02");
  rewrite.addresses = {{IpAddress::Parse("10.0.0.1"), IpAddress::Parse("10.0.0.2")},
                       {IpAddress::Parse("fd00::1"), IpAddress::Parse("fd00::2")}};
  rewrite.source = IpAddress::Parse("10.0.0.3");
  rewrite.destination = IpAddress::Parse("fd00::3");
  return rewrite;
}

}  // namespace
}  // namespace knetlab

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const knetlab::Rewrite rewrite = knetlab::Everything();
  const knetlab::UniqueFd file(::memfd_create("capture", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    knetlab::Capture capture = knetlab::ReadCapture("/proc/self/fd/" + std::to_string(file.get()), {});
    for (knetlab::Packet& packet : capture.packets) {
      static_cast<void>(knetlab::SummarizePacket(packet.bytes));
      knetlab::ApplyRewrite(rewrite, packet);
    }
  } catch (const knetlab::Error& error) {
    if (error.parts().why.empty() || error.parts().where.empty()) std::abort();
  }
  return 0;
}
