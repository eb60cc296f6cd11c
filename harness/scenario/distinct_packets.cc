// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/distinct_packets.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "harness/traffic/capture_file.h"

namespace knetlab {
namespace {

std::string_view View(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::size_t DistinctPackets::longest() const {
  std::size_t length = 0;
  for (const DistinctPacket& packet : packets) length = std::max(length, packet.bytes.size());
  return length;
}

DistinctPackets ReadDistinctPackets(const std::vector<std::string>& captures, std::size_t most) {
  DistinctPackets result;
  std::unordered_map<std::string_view, std::size_t> known;  // views stay: moving a vector keeps its bytes
  for (const std::string& path : captures) {
    Capture capture = ReadCapture(path);
    const std::size_t index = result.captures.size();
    result.captures.push_back(path);
    if (!capture.notice.empty()) result.notices.push_back(path + ": " + capture.notice);
    std::size_t number = 0;
    for (Packet& packet : capture.packets) {
      ++number;
      ++result.total;
      result.padded += packet.padded ? 1 : 0;
      if (packet.bytes.size() > most) {
        result.cut.push_back({path, number, packet.bytes.size()});
        packet.bytes.resize(most);
      }
      const auto [place, is_new] = known.try_emplace(View(packet.bytes), result.packets.size());
      if (is_new) {
        result.packets.push_back({std::move(packet.bytes), index, number, 1});
      } else {
        ++result.packets[place->second].times;
      }
    }
  }
  return result;
}

}  // namespace knetlab
