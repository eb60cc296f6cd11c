// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/packets.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "netns/error.h"

namespace knetlab::filter_testing {

std::vector<PacketBytes> ReadEthernetPackets(const std::string& path) {
  constexpr std::size_t kEthernetHeader = 14;
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(path.c_str(), why.data()),
                                                            &pcap_close);
  if (file == nullptr) {
    throw Error(
        {.what = "read capture", .where = path, .why = why.data(), .hint = "", .detail = "", .code = EINVAL});
  }
  std::vector<PacketBytes> packets;
  if (pcap_datalink(file.get()) != DLT_EN10MB) return packets;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (pcap_next_ex(file.get(), &header, &data) == 1) {
    PacketBytes& packet = packets.emplace_back(data, data + header->caplen);
    if (packet.size() < kEthernetHeader) packet.resize(kEthernetHeader);
  }
  return packets;
}

std::vector<PacketBytes> ReadFolder(const std::string& folder, std::size_t limit) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().string().find(".pcap") != std::string::npos) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<PacketBytes> all;
  for (const std::string& path : paths) {
    std::vector<PacketBytes> packets = ReadEthernetPackets(path);
    if (packets.size() > limit) packets.resize(limit);
    all.insert(all.end(), std::make_move_iterator(packets.begin()), std::make_move_iterator(packets.end()));
  }
  return all;
}

std::string Hex(const PacketBytes& packet) {
  std::string text;
  for (const std::uint8_t byte : packet) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace knetlab::filter_testing
