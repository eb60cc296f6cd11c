// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/test_tcpreplay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <regex>

#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab::testing {
namespace {

// What tcpreplay says on its standard output. The child has the namespace of the thread that starts it.
std::string RunTcpreplay(const Namespace& ns, const std::string& capture, std::uint64_t loops) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("create", "pipe", errno);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const std::string loop = fmt::format("--loop={}", loops);
  const std::array<const char*, 7> words = {"tcpreplay",    "--topspeed",    "--preload-pcap", loop.c_str(),
                                            "--intf1=eth0", capture.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int error = ns.Run([&] {
    return ::posix_spawnp(&child, words[0], &actions, nullptr, const_cast<char* const*>(words.data()),
                          environ);
  });
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw ErrnoError("run", "tcpreplay", error);
  writer.reset();
  std::string output;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
    output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return output;
}

}  // namespace

void WritePcap(const std::string& path, const std::vector<Packet>& packets) {
  pcap_t* pcap = pcap_open_dead(DLT_EN10MB, 65535);
  pcap_dumper_t* dumper = pcap_dump_open(pcap, path.c_str());
  if (dumper == nullptr)
    throw Error({.what = "write", .where = path, .why = pcap_geterr(pcap), .hint = "", .detail = ""});
  for (const Packet& packet : packets) {
    const auto size = static_cast<bpf_u_int32>(packet.bytes.size());
    const pcap_pkthdr header{.ts = {}, .caplen = size, .len = size};
    pcap_dump(reinterpret_cast<u_char*>(dumper), &header,
              reinterpret_cast<const u_char*>(packet.bytes.data()));
  }
  pcap_dump_close(dumper);
  pcap_close(pcap);
}

double TcpreplaySeconds(const Namespace& ns, const std::string& capture, std::uint64_t packets,
                        std::uint64_t loops) {
  const std::string output = RunTcpreplay(ns, capture, loops);
  std::smatch match;
  if (!std::regex_search(output, match,
                         std::regex("Actual: ([0-9]+) packets .* sent in ([0-9.]+) seconds")) ||
      std::stoull(match[1]) != packets * loops) {
    throw Error(
        {.what = "run", .where = "tcpreplay", .why = "did not send all", .hint = "", .detail = output});
  }
  return std::stod(match[2]);
}

}  // namespace knetlab::testing
