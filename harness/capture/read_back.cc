// SPDX-License-Identifier: Apache-2.0
#include "harness/capture/read_back.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "netns/error.h"

namespace knetlab::testing {

Bytes PacketFor(std::uint8_t verdict, std::uint16_t destination_port) {
  Bytes packet = Ipv4Frame(IPPROTO_UDP, "0a000001", "0a000002", Udp(1000, destination_port, 18));
  packet[0] = static_cast<std::byte>(verdict);
  return packet;
}

std::vector<ReadPacket> ReadWithLibpcap(const std::string& path) {
  std::vector<ReadPacket> packets;
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  pcap_t* file =
      pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, why.data());
  if (file == nullptr) {
    ADD_FAILURE() << why.data();
    return packets;
  }
  pcap_pkthdr* head = nullptr;
  const u_char* bytes = nullptr;
  int got = 0;
  while ((got = pcap_next_ex(file, &head, &bytes)) == 1) {
    const auto* first = reinterpret_cast<const std::byte*>(bytes);
    packets.push_back({.time_ns = static_cast<std::uint64_t>(head->ts.tv_sec) * 1'000'000'000U +
                                  static_cast<std::uint64_t>(head->ts.tv_usec),
                       .wire_length = head->len,
                       .bytes = Bytes(first, first + head->caplen)});
  }
  EXPECT_EQ(got, PCAP_ERROR_BREAK) << pcap_geterr(file);
  pcap_close(file);
  return packets;
}

std::vector<std::string> ReadWithTshark(const std::string& path, const std::vector<std::string>& fields) {
  std::string command = fmt::format("exec tshark -n -r '{}' -T fields", path);
  for (const std::string& field : fields) command += " -e " + field;
  // As root it warns; what else it says on stderr is about the file.
  command += " 2>&1 | grep -v 'Running as user'";
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) throw ErrnoError("run", "tshark", errno);
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), got);
  ::pclose(pipe);
  EXPECT_EQ(text.find("tshark:"), std::string::npos) << text;
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace knetlab::testing
