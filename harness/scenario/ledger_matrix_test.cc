// SPDX-License-Identifier: Apache-2.0
// The ledger balances: every capture of scenarios/captures through every configuration below, to the packet.
// Run directly with KNETLAB_LEDGER_TABLE=FILE it writes the table of docs/ledger-matrix.md.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "harness/scenario/command.h"
#include "harness/scenario/wire_lab.h"
#include "netns/counters.h"
#include "netns/error.h"

namespace knetlab {
namespace {

namespace fs = std::filesystem;

struct Configuration {
  const char* name;
  bool forward = false;       // through a router instead of directly
  bool any_ip = false;        // the server takes every IPv4 address for its own
  const char* xdp = nullptr;  // program at the server, "parity" or "reflect"
  const char* xdp_mode = "native";
  bool tc = false;            // parity at the server's TC ingress
  const char* udp = nullptr;  // sockets on the capture's UDP ports: read, hold, full
  bool iptables = false;
  bool tap = false;
  bool interleaved = false;  // the kernel's own UDP and TCP between the same namespaces meanwhile
  bool read_mac = true;      // the server's Ethernet address written into the packets
};

const std::vector<Configuration>& Configurations() {
  static const std::vector<Configuration> all = {
      {.name = "plain_stack"},
      {.name = "as_captured", .read_mac = false},
      {.name = "any_ip", .any_ip = true},
      {.name = "xdp_native", .any_ip = true, .xdp = "xdp_parity"},
      {.name = "xdp_generic", .any_ip = true, .xdp = "xdp_parity", .xdp_mode = "generic"},
      {.name = "xdp_tx", .xdp = "xdp_reflect"},
      {.name = "tc", .any_ip = true, .tc = true},
      {.name = "udp_read", .any_ip = true, .udp = "read"},
      {.name = "udp_held", .any_ip = true, .udp = "hold"},
      {.name = "udp_full", .any_ip = true, .udp = "full"},
      {.name = "iptables", .any_ip = true, .iptables = true},
      {.name = "forwarding", .forward = true},
      {.name = "tap_open", .any_ip = true, .tap = true},
      {.name = "all_combined",
       .any_ip = true,
       .xdp = "xdp_parity",
       .tc = true,
       .udp = "read",
       .iptables = true,
       .tap = true},
      {.name = "all_generic",
       .any_ip = true,
       .xdp = "xdp_parity",
       .xdp_mode = "generic",
       .tc = true,
       .udp = "hold",
       .iptables = true,
       .tap = true},
      {.name = "interleaved", .any_ip = true, .udp = "read", .interleaved = true},
  };
  return all;
}

std::vector<fs::path> Captures() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(KNETLAB_CAPTURES)) {
    if (entry.path().string().find(".pcap") != std::string::npos) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::uint16_t Big16(const Packet& packet, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(packet.bytes[at]) << 8 |
                                    std::to_integer<unsigned>(packet.bytes[at + 1]));
}

// The most frequent UDP destination ports of a capture, at most eight.
std::vector<std::uint16_t> UdpPorts(const Capture& capture) {
  std::map<std::uint16_t, int> counts;
  for (const Packet& packet : capture.packets) {
    if (packet.bytes.size() < 42 || Big16(packet, 12) != 0x0800 ||
        std::to_integer<int>(packet.bytes[23]) != IPPROTO_UDP)
      continue;
    if (std::to_integer<int>(packet.bytes[14]) == 0x45) counts[Big16(packet, 36)]++;
  }
  std::vector<std::pair<int, std::uint16_t>> order;
  for (auto [port, count] : counts) {
    if (port != 0) order.emplace_back(-count, port);
  }
  std::sort(order.begin(), order.end());
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < std::min<std::size_t>(order.size(), 8); i++) ports.push_back(order[i].second);
  return ports;
}

LinkSpec Link(std::string ns, std::string interface, const char* address, std::string peer,
              const char* peer_address) {
  LinkSpec link;
  link.ends[0].ns = std::move(ns);
  link.ends[0].interface = std::move(interface);
  link.ends[0].addresses = {IpPrefix::Parse(address)};
  link.ends[1].ns = std::move(peer);
  link.ends[1].interface = "eth0";
  link.ends[1].addresses = {IpPrefix::Parse(peer_address)};
  return link;
}

ProgramSpec ProgramAt(std::string program, std::string kind, std::string target, std::string mode) {
  ProgramSpec spec;
  spec.label = program;
  spec.program = program;
  spec.object =
      std::string(KNETLAB_OBJECTS) + (program == "xdp_reflect" ? "/reflect.bpf.o" : "/parity.bpf.o");
  AttachSpec attach;
  attach.kind = std::move(kind);
  attach.target = std::move(target);
  attach.mode = std::move(mode);
  spec.attach = {attach};
  return spec;
}

Scenario ScenarioFor(const Configuration& configuration, const std::string& capture,
                     const std::vector<std::uint16_t>& ports) {
  Scenario scenario;
  scenario.name = configuration.name;
  TopologySpec& topology = scenario.topology;
  std::vector<std::pair<std::string, std::string>> relaxed = {{"ipv4.conf.all.rp_filter", "0"},
                                                              {"ipv4.conf.eth0.rp_filter", "0"},
                                                              {"ipv4.conf.all.accept_local", "1"}};
  topology.namespaces = {{.name = "client", .sysctls = {}}, {.name = "server", .sysctls = relaxed}};
  std::string first = "server:eth0";
  if (configuration.forward) {
    auto forwarding = relaxed;
    forwarding.emplace_back("ipv4.ip_forward", "1");
    topology.namespaces.push_back({.name = "router", .sysctls = forwarding});
    topology.links = {Link("client", "eth0", "10.0.0.1/24", "router", "10.0.0.2/24"),
                      Link("router", "eth1", "10.0.1.1/24", "server", "10.0.1.2/24")};
    RouteSpec route;
    route.ns = "router";
    route.destination = IpPrefix::Parse("0.0.0.0/0");
    route.nexthops = {{.via = IpAddress::Parse("10.0.1.2"), .device = "eth1"}};
    topology.routes.push_back(route);
    first = "router:eth0";
  } else {
    topology.links = {Link("client", "eth0", "10.0.0.1/24", "server", "10.0.0.2/24")};
  }
  if (configuration.any_ip) {
    RouteSpec route;
    route.ns = "server";
    route.destination = IpPrefix::Parse("0.0.0.0/0");
    route.type = "local";
    route.nexthops = {{.via = {}, .device = "lo"}};
    topology.routes.push_back(route);
  }
  if (configuration.udp != nullptr) {
    for (std::uint16_t port : ports) {
      SocketSpec socket;
      socket.label = fmt::format("udp{}", port);
      socket.ns = "server";
      socket.address = IpAddress::Parse("0.0.0.0");
      socket.port = port;
      const std::string how = configuration.udp;
      socket.receive = how == "read" ? SocketSpec::Receive::kRead : SocketSpec::Receive::kHold;
      if (how == "full") socket.buffer_bytes = 4096;
      scenario.sockets.push_back(socket);
    }
  }
  if (configuration.tap) {
    SocketSpec socket;
    socket.label = "tap";
    socket.kind = SocketSpec::Kind::kPacket;
    socket.ns = "server";
    socket.interface = "eth0";
    scenario.sockets.push_back(socket);
  }
  if (configuration.xdp != nullptr) {
    scenario.programs.push_back(ProgramAt(configuration.xdp, "xdp", "server:eth0", configuration.xdp_mode));
  }
  if (configuration.tc)
    scenario.programs.push_back(ProgramAt("tc_parity", "tc-ingress", "server:eth0", "auto"));
  ReplayStep replay;
  replay.capture = capture;
  replay.from = "client:eth0";
  if (configuration.read_mac) replay.destination_mac_of = first;
  scenario.steps.push_back({replay, {}});
  return scenario;
}

// UDP and TCP of the kernel's own sockets between the same namespaces, until told to stop.
class Chatter {
 public:
  Chatter(const Namespace& from, const std::string& to) {
    thread_ = std::thread([this, &from, to] {
      from.Run([&] {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(9);
        inet_pton(AF_INET, to.c_str(), &address.sin_addr);
        UniqueFd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        while (!stop_) {
          ::sendto(udp.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address), sizeof(address));
          UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
          ::connect(tcp.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));  // refused at once
          sent_++;
        }
      });
    });
    while (sent_ == 0) std::this_thread::yield();
  }
  ~Chatter() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> sent_{0};
  std::thread thread_;
};

void AddFirewall(const Namespace& server) {
  for (const char* protocol : {"udp", "icmp"}) {
    CommandResult done = RunCommand(
        server,
        {"iptables", "-A", "INPUT", "-p", protocol, "-m", "length", "--length", "0:100", "-j", "DROP"}, {},
        {});
    ASSERT_EQ(done.status, 0) << done.standard_error;
  }
}

std::string Describe(const Ledger& ledger) {
  std::string text = LedgerSentence(ledger) + "\n";
  for (const LedgerEntry& entry : ledger.entries) {
    text += fmt::format("  {} {} {} {}\n", entry.count, FateName(entry.fate), entry.place, entry.reason);
  }
  for (const std::string& missing : ledger.missing) text += "  missing: " + missing + "\n";
  return text;
}

std::uint64_t SumOfQueues(const std::map<std::string, std::uint64_t>& counters, const std::string& name) {
  std::uint64_t sum = 0;
  for (const auto& [key, value] : counters) {
    if (key.starts_with("rx_queue_") && key.ends_with("_" + name)) sum += value;
  }
  return sum;
}

std::map<std::string, std::map<std::string, Ledger>>& Table() {
  static std::map<std::string, std::map<std::string, Ledger>> table;  // capture -> configuration -> ledger
  return table;
}

std::shared_ptr<Tracer> SharedTracer() {
  static auto tracer = std::make_shared<Tracer>();
  return tracer;
}

// Native XDP's hook and the sockets have the time of every packet that they decided about.
void ExpectEveryTime(const AccountResult& result, const std::vector<HookedProgram>& hooks) {
  std::map<std::string, std::uint64_t> timed;
  for (const PlaceLatency& place : result.latency) timed[place.place] = place.ns.count();
  for (std::size_t i = 0; i < hooks.size(); i++) {
    if (hooks[i].mode != "xdp native") continue;
    std::uint64_t decided = 0;
    for (const auto& [verdict, count] : result.hooks[i].verdicts) decided += count;
    EXPECT_EQ(timed[fmt::format("{} xdp {}", hooks[i].endpoint, hooks[i].program)], decided);
  }
  for (const LedgerEntry& entry : result.ledger.entries) {
    if (entry.fate == Fate::kDelivered) {
      EXPECT_EQ(timed[entry.place], entry.count) << entry.place;
    }
  }
}

class LedgerMatrix : public testing::TestWithParam<Configuration> {};

TEST_P(LedgerMatrix, BalancesForEveryCapture) {
  const Configuration& configuration = GetParam();
  int captures = 0;
  for (const fs::path& path : Captures()) {
    Capture capture;
    try {
      capture = ReadCapture(path.string());
    } catch (const Error&) {
      continue;  // not Ethernet: capture_file_test says which
    }
    SCOPED_TRACE(path.filename().string());
    captures++;
    Scenario scenario = ScenarioFor(configuration, path.string(), UdpPorts(capture));
    WireLab lab(scenario);
    if (configuration.iptables) AddFirewall(lab.topology().ns("server"));
    std::optional<Chatter> chatter;
    if (configuration.interleaved) chatter.emplace(lab.topology().ns("client"), "10.0.0.2");
    const auto& step = std::get<ReplayStep>(scenario.steps.front().what);
    ReplayOptions options = step.options;
    if (!step.destination_mac_of.empty()) {
      options.rewrite.destination_mac = lab.topology().endpoint(step.destination_mac_of).mac;
    }
    std::unique_ptr<Account> account = OpenAccount(SharedTracer(), lab.topology(), lab.hooks(), {});
    // From a thread of its own where the namespace's own one is busy talking.
    Namespace other = Namespace::Open(fmt::format("/proc/self/fd/{}", lab.topology().ns("client").fd()));
    Replay replay(lab.capture(step), options);
    TrafficReport sent = replay.Send({.ns = &other, .interface = "eth0", .observer = account.get()});
    AccountResult result = account->Close({{"client", sent}}, std::chrono::seconds(2));
    EXPECT_EQ(result.ledger.sent, capture.packets.size());
    EXPECT_TRUE(result.ledger.balanced()) << Describe(result.ledger);
    ExpectEveryTime(result, lab.hooks());
    if (configuration.xdp != nullptr && std::string(configuration.xdp_mode) == "native") {
      auto counters = EthtoolStatistics(lab.topology().ns("server"), "eth0");
      EXPECT_EQ(result.ledger.CountAt(Fate::kDropped, fmt::format("server:eth0 xdp {}", configuration.xdp)),
                SumOfQueues(counters, "xdp_drops"))
          << Describe(result.ledger);
      EXPECT_EQ(result.ledger.Count(Fate::kTransmitted), SumOfQueues(counters, "xdp_tx"))
          << Describe(result.ledger);
    }
    Table()[path.filename().string()][configuration.name] = result.ledger;
  }
  EXPECT_GE(captures, 50);
}

INSTANTIATE_TEST_SUITE_P(AllConfigurations, LedgerMatrix, testing::ValuesIn(Configurations()),
                         [](const auto& each) { return std::string(each.param.name); });

// The table of the whole run, written where KNETLAB_LEDGER_TABLE says.
class TableWriter : public testing::Environment {
 public:
  void TearDown() override {
    const char* path = std::getenv("KNETLAB_LEDGER_TABLE");
    if (path == nullptr) return;
    std::ofstream out(path);
    out << "# Every capture through every configuration\n\n"
           "Made by `KNETLAB_LEDGER_TABLE=docs/ledger-matrix.md "
           "build/release/harness/scenario/ledger_matrix_test` on the wire rig; the\n"
           "configurations are declared in `harness/scenario/ledger_matrix_test.cc`, and ctest runs them "
           "all. Each cell is a ledger that\n"
           "balances: D dropped, P passed to the stack, T transmitted, R redirected, S delivered to a "
           "socket, L lost at a named place.\n"
           "`?N` would be N packets unaccounted for. Captures that are not Ethernet are left out.\n\n"
           "| capture | packets |";
    for (const Configuration& configuration : Configurations()) out << ' ' << configuration.name << " |";
    out << "\n| --- | ---: |";
    for (std::size_t i = 0; i < Configurations().size(); i++) out << " --- |";
    out << '\n';
    for (const auto& [capture, ledgers] : Table()) {
      out << "| " << capture << " | " << ledgers.begin()->second.sent << " |";
      for (const Configuration& configuration : Configurations())
        out << ' ' << Cell(ledgers, configuration.name) << " |";
      out << '\n';
    }
  }

 private:
  static std::string Cell(const std::map<std::string, Ledger>& ledgers, const std::string& configuration) {
    auto found = ledgers.find(configuration);
    if (found == ledgers.end()) return "not run";
    std::string text;
    constexpr std::string_view kLetters = "DPTRSL";
    for (std::size_t i = 0; i < kLetters.size(); i++) {
      std::uint64_t count = found->second.Count(static_cast<Fate>(i));
      if (count > 0) text += fmt::format("{}{}{}", text.empty() ? "" : " ", kLetters[i], count);
    }
    return found->second.balanced() ? text : text + fmt::format(" ?{}", found->second.unaccounted);
  }
};

const auto* const kTableWriter = testing::AddGlobalTestEnvironment(new TableWriter);

}  // namespace
}  // namespace knetlab
