// SPDX-License-Identifier: Apache-2.0
// A capture file read packet by packet, in the memory of one: pcap (micro- and nanosecond) and pcapng,
// through libpcap. The file is hostile input. It must not change while it is being read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "harness/traffic/packet_feed.h"
#include "netns/fd.h"

struct pcap;

namespace knetlab {

class CaptureStream : public PacketFeed {
 public:
  // Throws Error: no such file, not a capture, link type not Ethernet. Reads no more than `limit` packets.
  explicit CaptureStream(const std::string& path, std::optional<std::uint64_t> limit = std::nullopt);
  ~CaptureStream() override;

  const std::string& name() const override { return path_; }
  // Throws Error where the file is wrong in the middle, with the packet's number. A file that ends in the
  // middle of a packet ends before it.
  const Packet* Next() override;
  void Rewind() override;

  int fd() const { return file_.get(); }  // of the file, owned by this
  // Not an error, but to be told once the end is reached: "cut short after packet 41: ...".
  const std::string& notice() const { return notice_; }

 private:
  void HandleReadError(std::string_view why);

  std::string path_;
  std::optional<std::uint64_t> limit_;
  UniqueFd file_;
  std::unique_ptr<struct pcap, void (*)(struct pcap*)> pcap_{nullptr, nullptr};
  Packet packet_;
  std::uint64_t read_ = 0;  // packets of this round
  bool ended_ = false;
  std::string notice_;
};

}  // namespace knetlab
