// SPDX-License-Identifier: Apache-2.0
// For the reader's tests: a folder with an object, a capture and a scenario that uses all of the language;
// gone afterwards.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace knetlab {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "knetlab-reader-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
    Write("suite/xdp_drop.bpf.o", "");
    Write("captures/dns.pcap", "");
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string Path(const std::string& name) const { return (path_ / name).string(); }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

inline constexpr const char* kWholeLanguage = R"(name: whole-language
summary: Every key once.
tags: [xdp, smoke]
requires: [xdp-native]
timeout: 1500ms
care: off
topology:
  namespaces: [client, lb, "server[1..3]"]
  links:
    - [client:eth0 10.0.0.1/24 fd00::1/64, lb:eth0 10.0.0.2/24]
    - ["lb:srv[1..3] 10.[1..3].0.1/24", "server[1..3]:eth0 10.[1..3].0.2/24"]
    - ends: [client:eth1, lb:eth1]
      mtu: 9000
      queues: 2
      mac: ["02:00:00:00:00:01", 02:00:00:00:00:02]
      offloads: {tx-checksum-ip-generic: off}
      sysfs: {gro_flush_timeout: 1000}
  bridges: [{in: lb, name: br0, ports: [srv1, srv2], addresses: [10.0.0.9/24]}]
  routes:
    - {in: client, to: default, via: 10.0.0.2, dev: eth0}
    - {in: lb, to: 10.9.0.0/16, type: local, dev: lo, table: 100}
    - {in: lb, to: 10.8.0.0/16, nexthops: [{via: 10.1.0.2, weight: 2}, {dev: srv2}]}
    - {in: lb, to: "fd00:8::/32", type: blackhole}
    - {in: "server[1..3]", to: default, via: "10.[1..3].0.1"}
  rules: [{in: lb, fwmark: 1, iif: eth0, table: 100, priority: 10}, {in: lb, from: "fd00::/64", table: main}]
  neighbours: [{in: lb, dev: eth0, address: 10.0.0.7, mac: "02:00:00:00:00:07"}]
  sysctls: {"server[1..3]": {ipv4.ip_forward: 1}}
  qdiscs: [{in: client, dev: eth0, kind: tbf, options: {rate: 1mbit, burst: 32k, limit: 100k}}]
sockets:
  dns: {udp: 10.0.0.2:53, in: lb, receive: hold, buffer: 65536}
  web: {tcp: "[fd00::2]:80", in: lb, reuseport: true}
  tap: {packet: eth0, in: lb}
programs:
  drop:
    object: xdp_drop.bpf.o
    program: xdp_drop
    type: xdp
    attach: {xdp: lb:eth0, mode: "${mode}"}
    maps:
      counters: {size: 16, contents: [{key: 1, value: 0x10}]}
    globals: {limit: 5, more: "${more}", text: {text: "${text}-${who}-$${x}"}}
  tap:
    object: xdp_drop.bpf.o
    attach: [{tc-ingress: lb:eth0}, {tc-egress: lb:eth1, mode: clsact}, {socket: tap}, {sk-lookup: lb}, {sk-reuseport: web}, {cgroup-egress: lb}, {sk-msg: drop.sockets}]
    maps: {other: {share: drop.counters}}
capture: {file: x.pcapng, programs: [drop], verdicts: [XDP_DROP, pass], filter: udp port 53, before: yes, snaplen: 64, sample: 2, method: bypass}
steps:
  - replay:
      capture: dns.pcap
      from: client:eth0
      rate: x2.5
      loop: ${loops}
      limit: 100
      rewrite:
        destination-mac: lb:eth0
        source-mac: "02:00:00:00:00:09"
        addresses: {10.1.1.1: 10.0.0.2}
        source: 10.0.0.1
        destination: 10.0.0.2
  - map: {program: drop, map: counters, write: [{key: 1, value: [{be16: 53}, {u8: 1}, 02:00:00:00:00:01]}]}
  - exec: {in: lb, argv: [iptables, -A, INPUT, -p, 17, -j, DROP], status: 1}
  - expect:
      ledger: {drop: 120, pass: "> 5", lost: {"lb:eth0 ring": 12}}
      verdicts: {drop: {XDP_DROP: 120, XDP_PASS: ">= 13"}}
      maps: [{program: drop, map: counters, read: [{key: 3, value: {ifindex: lb:eth0}}]}]
      packets:
        - {at: lb:eth0, direction: out, golden: dns.pcap, ignore: [ip-id, 12..13], order: any, count: ">= 1"}
        - {program: tap, count: 3}
      latency: {drop: {p50: "< 10us", p999: "<= 1.5ms"}, "lb:socket 10.0.0.2:53": {max: "< 1s"}}
      cost: {drop.ns_per_packet: "< 60", tap.instructions_per_packet: 120}
  - exec: {in: lb, argv: [ip, addr], stdout: {contains: [eth0, lo], matches: "10\\.0\\.0\\.[0-9]"}, stderr: {equals: ""}}
parameters: {mode: native, port: 53, who: "${port}x"}
matrix:
  loops: [3, 4]
  text: ["${port}", b]
  exclude: [{loops: 4, text: b}]
cases: {one: {more: 1}, two: {more: 2}}
repeat: 2
)";

}  // namespace knetlab
