// SPDX-License-Identifier: Apache-2.0
// Mistakes: each is told with its place and, where one is near, the right name.
#include "harness/scenario/reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "harness/scenario/reader_test_folder.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

struct Mistake {
  const char* text;
  const char* place;  // line:column
  const char* why;
  const char* hint;
};

class ReaderMistakes : public ::testing::Test {
 protected:
  void Expect(const std::string& text, const Mistake& mistake) {
    try {
      ReadScenarios(folder_.Write("suite/bad.yaml", text), {});
      ADD_FAILURE() << "was taken:\n" << text;
    } catch (const Error& e) {
      EXPECT_THAT(e.parts().where, EndsWith(std::string("bad.yaml:") + mistake.place)) << e.what() << "\n"
                                                                                       << text;
      EXPECT_THAT(e.parts().why, HasSubstr(mistake.why)) << text;
      EXPECT_THAT(e.parts().hint, HasSubstr(mistake.hint)) << e.what() << "\n" << text.substr(0, 400);
      EXPECT_EQ(e.parts().what, "read scenario");
    }
  }

  TestFolder folder_;
};

TEST_F(ReaderMistakes, InTheFileAsAWhole) {
  const Mistake mistakes[] = {
      {"", "1:1", "empty", ""},
      {"# nothing\n", "1:1", "empty", ""},
      {"[a]\n", "1:1", "expected a scenario (a map), found a list", ""},
      {"hello\n", "1:1", "found the text \"hello\"", ""},
      {"name: [x\n", "2:1", "not valid YAML", ""},
      {"name: x\n  bad: y\n", "2:6", "not valid YAML", ""},
      {"name: \"\\q\"\n", "1:10", "not valid YAML", ""},
      {"name: x\nname: y\nsummary: z\nsteps: []\n", "2:1", "\"name\" is there twice", "line 1"},
      {"name: x\nsummary: y\ntopolgy: {}\n", "3:1", "unknown key \"topolgy\"", "topology"},
      {"name: x\nsummary: y\ntopology: 7\nsteps: []\n", "3:11", "found the number 7", ""},
      {"summary: y\nsteps: []\n", "1:1", "\"name\" is missing", ""},
      {"name: x\nsummary: y\n", "1:1", "\"steps\" is missing", ""},
      {"name: x\nsummary:\nsteps: []\n", "2:1", "expected a sentence, found nothing", ""},
      {"name: X y\nsummary: z\nsteps: []\n", "1:7", "no name for a scenario", "small letters"},
      {"name: x\nsummary: true\nsteps: []\n", "2:10", "found the boolean true", "quotes"},
      {"name: x\nsummary: y\ntimeout: soon\nsteps: []\n", "3:10", "expected a time", ""},
      {"name: x\nsummary: y\ntimeout: 0\nsteps: []\n", "3:10", "more than 0", ""},
      {"name: x\nsummary: y\nsteps: []\n---\nname: z\n", "4:1", "second document", "one scenario a file"},
      {"name: !!str x\n", "1:7", "tag", "leave it out"},
      {"? [a]\n: b\n", "1:3", "key must be one word", "quotes"},
      {"{? {a: b} : c}\n", "1:4", "key must be one word", "quotes"},
      {"name: \"a\\0b\"\n", "1:7", "NUL", ""},
      {"name: \xff\xfe\n", "1:7", "not UTF-8", ""},
      {"a: &x [*x]\n", "1:8", "inside what it stands for", ""},
      {"a: *x\n", "1:4", "not valid YAML", ""},
  };
  for (const Mistake& mistake : mistakes) Expect(mistake.text, mistake);
}

TEST_F(ReaderMistakes, InTheTopology) {
  const std::string head = "name: x\nsummary: y\nsteps: []\ntopology:\n";
  const Mistake mistakes[] = {
      {"  namespaces: [a, b]\n  links:\n    - [a:e0 10.0.0.1/24, zz:e0 10.0.0.2/24]\n", "7:26",
       "namespace \"zz\" is not declared", "a, b"},
      {"  namespaces: [server]\n  links:\n    - [sevrer:e0, server:e1]\n", "7:8",
       "\"sevrer\" is not declared", "did you mean server?"},
      {"  links: []\n", "5:3", "\"namespaces\" is missing", ""},
      {"  namespaces: [a, b, a]\n", "5:22", "namespace \"a\" is declared twice", "line 5"},
      {"  namespaces: [a/b]\n", "5:16", "no name for a namespace", "letters"},
      {"  namespaces: [\"a[3..1]\"]\n", "5:16", "backwards", ""},
      {"  namespaces: [\"a[1..5000]\"]\n", "5:16", "5000 members", ""},
      {"  namespaces: [\"a[1..3][1..2]\"]\n", "5:16", "a range of 2 beside one of 3", "in step"},
      {"  namespaces: [a]\n  links: [[a:e0]]\n", "6:11", "two ends, found 1", ""},
      {"  namespaces: [a]\n  links: [[a:e0, a:e0]]\n", "6:18", "endpoint \"a:e0\" is declared twice",
       "line 6"},
      {"  namespaces: [a]\n  links: [[a:interface0123456, a:e0]]\n", "6:12", "16 characters", "15"},
      {"  namespaces: [a]\n  links: [[a, a:e0]]\n", "6:12", "no endpoint", "namespace:interface"},
      {"  namespaces: [a]\n  links: [[a:lo, a:e0]]\n", "6:12", "already", ""},
      {"  namespaces: [a]\n  links: [[a:e0 10.0.0.256/24, a:e1]]\n", "6:12", "10.0.0.256", ""},
      {"  namespaces: [a]\n  links: [[a:e0 10.0.0.1/33, a:e1]]\n", "6:12", "prefix length", ""},
      {"  namespaces: [a]\n  links: [{ends: [a:e0, a:e1], mtu: 9}]\n", "6:37", "from 68 to 65535", ""},
      {"  namespaces: [a]\n  links: [{ends: [a:e0, a:e1], mut: 900}]\n", "6:32", "unknown key \"mut\"",
       "mtu"},
      {"  namespaces: [a]\n  links: [{ends: [a:e0, a:e1], mtu: \"900\"}]\n", "6:37", "found the text", ""},
      {"  namespaces: [a]\n  links: [{ends: [a:e0, a:e1], offloads: {gro: maybe}}]\n", "6:48", "on or off",
       ""},
      {"  namespaces: [a]\n  links: [{ends: [a:e0, a:e1], mac: [x, y]}]\n", "6:38", "\"x\"", ""},
      {"  namespaces: [a]\n  links: [{ends: [a:e0, a:e1], mac: [\"01:00:00:00:00:00\", y]}]\n", "6:38",
       "not the address of one", ""},
      {"  namespaces: [a]\n  links: [7]\n", "6:11", "expected a link", ""},
      {"  namespaces: [a]\n  bridges: [{in: a, name: br, ports: [eth0]}]\n", "6:39",
       "\"a:eth0\" is not declared", "a:br"},
      {"  namespaces: [a]\n  routes: [{in: a, to: 10.0.0.0/8}]\n", "6:12", "leads nowhere", "via"},
      {"  namespaces: [a]\n  routes: [{in: a, to: 10.0.0.0/8, dev: lo, type: locla}]\n", "6:51",
       "no type of a route", "local"},
      {"  namespaces: [a]\n  routes: [{in: a, to: 10.0.0.0/8, dev: lo, type: blackhole}]\n", "6:12",
       "no nexthop", ""},
      {"  namespaces: [a]\n  routes: [{in: a, to: 10.0.0.0/8, via: \"fd00::1\"}]\n", "6:12", "family", ""},
      {"  namespaces: [a]\n  rules: [{in: a, from: 10.0.0.0/8}]\n", "6:11", "\"table\" is missing", ""},
      {"  namespaces: [a]\n  rules: [{in: a, family: inet6, from: 10.0.0.0/8, table: 1}]\n", "6:40", "family",
       ""},
      {"  namespaces: [a]\n  rules: [{in: a, table: 0}]\n", "6:26", "from 1", ""},
      {"  namespaces: [a]\n  sysctls: {b: {ipv4.ip_forward: 1}}\n", "6:13", "\"b\" is not declared", "a"},
      {"  namespaces: [a]\n  sysctls: {a: {net.ipv4.ip_forward: 1}}\n", "6:17", "begins with net",
       "ipv4.ip_forward"},
      {"  namespaces: [a]\n  sysctls: {a: {../../x: 1}}\n", "6:17", "no path", ""},
      {"  namespaces: [a]\n  qdiscs: [{in: a, dev: eth0, kind: tbf}]\n", "6:25", "not declared", ""},
      {"  namespaces: [a]\n  neighbours: [{in: a, dev: lo, address: x, mac: y}]\n", "6:42", "\"x\"", ""},
  };
  for (const Mistake& mistake : mistakes) Expect(head + mistake.text, mistake);
}

TEST_F(ReaderMistakes, InSocketsAndPrograms) {
  const std::string head =
      "name: x\nsummary: y\nsteps: []\ntopology: {namespaces: [a, b], links: [[a:eth0, b:eth0]]}\n";
  const Mistake mistakes[] = {
      {"sockets: {s: {in: a}}\n", "5:14", "one of udp, tcp or packet", ""},
      {"sockets: {s: {in: a, udp: 10.0.0.1:1, tcp: 10.0.0.1:1}}\n", "5:39", "exclude each other", ""},
      {"sockets: {s: {in: a, udp: 10.0.0.1}}\n", "5:27", "an address and a port", "10.0.0.2:53"},
      {"sockets: {s: {in: a, udp: 10.0.0.1:70000}}\n", "5:27", "an address and a port", ""},
      {"sockets: {s: {in: a, udp: \"fd00::2:53\"}}\n", "5:27", "an address and a port", "[fd00::2]:53"},
      {"sockets: {s: {in: a, packet: eht0}}\n", "5:30", "not declared", "a:eth0"},
      {"sockets: {s: {in: a, packet: eth0, receive: raed}}\n", "5:45", "read or hold", ""},
      {"sockets: {s: {in: a, packet: eth0, buffer: -1}}\n", "5:44", "from 1", ""},
      {"programs: {p: {}}\n", "5:15", "one of object or filter is missing", ""},
      {"programs: {p: {object: xdp_drp.bpf.o}}\n", "5:24", "is not there", "xdp_drop.bpf.o"},
      {"programs: {p: {object: ../xdp_drop.bpf.o}}\n", "5:24", "\"..\"", "absolute"},
      {"programs: {p: {object: .}}\n", "5:24", "not a regular file", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, type: xpd}}\n", "5:46", "no program type", "xdp"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {xpd: a:eth0}}}\n", "5:49", "unknown key \"xpd\"",
       "xdp"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {mode: auto}}}\n", "5:48", "is missing", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {xdp: a:eth1}}}\n", "5:54", "endpoint \"a:eth1\"",
       "a:eth0"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {xdp: a:eth0, mode: nativ}}}\n", "5:68",
       "no mode of xdp", "native"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {socket: s}}}\n", "5:57", "socket \"s\"",
       "declares none"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {sk-lookup: c}}}\n", "5:60", "namespace \"c\"", "a"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {sk-msg: p.}}}\n", "5:57", "program.map", "a dot"},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {sk-msg: q.m}}}\n", "5:57", "program \"q\"", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, maps: {m: {contents: [{key: 0, value: {socket: s}}]}}}}\n",
       "5:87", "socket \"s\"", "declares none"},
      {"programs: {p: {object: xdp_drop.bpf.o, maps: {m: {share: q.m}}}}\n", "5:58", "program \"q\"", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, maps: {m: {share: q}}}}\n", "5:58", "program.map", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, maps: {m: {size: 0}}}}\n", "5:57", "from 1", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, maps: {m: {contents: [{key: 1}]}}}}\n", "5:62",
       "\"value\" is missing", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, globals: {g: hello}}}\n", "5:53", "no integer and no address",
       "{text: ...}"},
  };
  for (const Mistake& mistake : mistakes) Expect(head + mistake.text, mistake);
}

TEST_F(ReaderMistakes, InFilters) {
  const std::string head =
      "name: x\nsummary: y\nsteps: []\ntopology: {namespaces: [a, b], links: [[a:eth0, b:eth0]]}\n"
      "sockets: {u: {in: a, udp: 10.0.0.1:1}, t: {in: a, packet: eth0}}\n";
  const Mistake mistakes[] = {
      {"programs: {p: {filter: tcp port}}\n", "6:24", "syntax error", ""},
      {"programs: {p: {filter: tcp, object: xdp_drop.bpf.o}}\n", "6:29", "exclude each other", ""},
      {"programs: {p: {filter: tcp, maps: {}}}\n", "6:35", "belongs to an object", ""},
      {"programs: {p: {filter: tcp, attach: {xdp: a:eth0, match: dorp}}}\n", "6:24", "no such verdict",
       "drop"},
      {"programs: {p: {filter: inbound, attach: {xdp: a:eth0}}}\n", "6:24", "in XDP", "tc"},
      {"programs: {p: {filter: tcp, attach: {socket: u}}}\n", "6:38", "sees no headers", "packet socket"},
      {"programs: {p: {filter: tcp, attach: {sk-lookup: a}}}\n", "6:38", "about sockets", "packet socket"},
      {"programs: {p: {filter: tcp, attach: [{xdp: a:eth0}, {tc-ingress: a:eth0}]}}\n", "6:54",
       "one kind of hook", "another program"},
      {"programs: {p: {filter: tcp, attach: [{xdp: a:eth0}, {xdp: b:eth0, match: tx}]}}\n", "6:54",
       "one pair of verdicts", ""},
      {"programs: {p: {object: xdp_drop.bpf.o, attach: {xdp: a:eth0, match: drop}}}\n", "6:49",
       "belong to a filter", ""},
  };
  for (const Mistake& mistake : mistakes) Expect(head + mistake.text, mistake);
}

TEST_F(ReaderMistakes, InSteps) {
  const std::string head =
      "name: x\nsummary: y\ntopology: {namespaces: [a, b], links: [[a:eth0, b:eth0]]}\nprograms: {drop: "
      "{object: xdp_drop.bpf.o}}\n";
  const Mistake mistakes[] = {
      {"steps: {}\n", "5:8", "a list of steps", ""},
      {"steps: [reply]\n", "5:9", "a step (a map), found the text", ""},
      {"steps: [{reply: {}}]\n", "5:10", "unknown key \"reply\"", "replay"},
      {"steps: [{replay: {capture: dns.pcap, from: a:eth0}, exec: {}}]\n", "5:53", "exclude each other", ""},
      {"steps: [{replay: {from: a:eth0}}]\n", "5:18", "\"capture\" is missing", ""},
      {"steps: [{replay: {capture: dsn.pcap, from: a:eth0}}]\n", "5:28", "is not there", "dns.pcap"},
      {"steps: [{replay: {capture: dns.pcap}}]\n", "5:18", "\"from\" is missing", ""},
      {"steps: [{replay: {capture: dns.pcap, from: a:eth7}}]\n", "5:44", "not declared", "a:eth0"},
      {"steps: [{flood: {template: sin, from: a:eth0, count: 5}}]\n", "5:28", "no such template", "syn"},
      {"steps: [{flood: {template: ../x.pcap, from: a:eth0, count: 5}}]\n", "5:28", "a file", "replay"},
      {"steps: [{flood: {template: udp, from: a:eth0}}]\n", "5:17", "\"count\" is missing", ""},
      {"steps: [{flood: {template: udp, from: a:eth0, count: 5, set: {spotr: 1}}}]\n", "5:28", "spotr",
       "sport"},
      {"steps: [{flood: {template: udp, from: a:eth0, count: 5, method: fast}}]\n", "5:65", "not a method",
       "auto"},
      {"steps: [{replay: {capture: dns.pcap, from: a:eth0, rate: fast}}]\n", "5:58", "\"fast\"", "max"},
      {"steps: [{replay: {capture: dns.pcap, from: a:eth0, loop: 0}}]\n", "5:58", "from 1", ""},
      {"steps: [{replay: {capture: dns.pcap, from: a:eth0, rewrite: {destination-mac: b:eth1}}}]\n", "5:79",
       "endpoint \"b:eth1\"", "b:eth0"},
      {"steps: [{replay: {capture: dns.pcap, from: a:eth0, rewrite: {addresses: {10.0.0.1: "
       "\"fd00::1\"}}}}]\n",
       "5:84", "other family", ""},
      {"steps: [{map: {program: drpo, map: m, read: []}}]\n", "5:25", "program \"drpo\"", "drop"},
      {"steps: [{map: {program: drop, map: m}}]\n", "5:15", "without entries", "write"},
      {"steps: [{exec: {in: a, argv: ls}}]\n", "5:30", "list of words", ""},
      {"steps: [{exec: {in: a, argv: []}}]\n", "5:30", "empty", ""},
      {"steps: [{exec: {in: c, argv: [ls]}}]\n", "5:21", "namespace \"c\"", ""},
      {"steps: [{exec: {in: a, argv: [ls], status: 256}}]\n", "5:44", "from 0 to 255", ""},
      {"steps: [{expect: {}}]\n", "5:18", "nothing is expected", ""},
      {"steps: [{expect: {ledger: {drops: 1}}}]\n", "5:28", "unknown key \"drops\"", "drop"},
      {"steps: [{expect: {ledger: {drop: -1}}}]\n", "5:34", "from 0", ""},
      {"steps: [{expect: {ledger: {drop: \"> many\"}}}]\n", "5:34", "comparison", ""},
      {"steps: [{expect: {verdicts: {drop: {XDP_DORP: 1}}}}]\n", "5:37", "no verdict", "XDP_DROP"},
      {"steps: [{expect: {verdicts: {dorp: {XDP_DROP: 1}}}}]\n", "5:30", "program \"dorp\"", "drop"},
      {"steps: [{expect: {maps: [{program: drop, map: m, write: []}]}}]\n", "5:50", "unknown key \"write\"",
       ""},
      {"steps: [{exec: {in: a, argv: [ls], stdout: {contain: x}}}]\n", "5:45", "unknown key \"contain\"",
       "contains"},
      {"steps: [{exec: {in: a, argv: [ls], stdout: {matches: \"(x\"}}}]\n", "5:54", "no regular expression",
       "RE2"},
      {"steps: [{expect: {packets: {at: b:eth7, count: 1}}}]\n", "5:33", "not declared", "b:eth0"},
      {"steps: [{expect: {packets: {count: 1}}}]\n", "5:28", "one of at or program", ""},
      {"steps: [{expect: {packets: {at: b:eth0, program: drop}}}]\n", "5:41", "exclude each other", ""},
      {"steps: [{expect: {packets: {at: b:eth0}}}]\n", "5:28", "nothing is expected", "golden"},
      {"steps: [{expect: {packets: {at: b:eth0, golden: g.pcap}}}]\n", "5:49", "is not there",
       "--update-golden"},
      {"steps: [{expect: {packets: {at: b:eth0, golden: .}}}]\n", "5:49", "not a regular file", ""},
      {"steps: [{expect: {packets: {program: drop, direction: in, count: 1}}}]\n", "5:55", "goes with \"at\"",
       ""},
      {"steps: [{expect: {packets: {at: b:eth0, direction: up, count: 1}}}]\n", "5:52", "in or out", ""},
      {"steps: [{expect: {packets: {at: b:eth0, order: any, count: 1}}}]\n", "5:48", "goes with \"golden\"",
       ""},
      {"steps: [{expect: {packets: {at: b:eth0, golden: dns.pcap, ignore: [ip-di]}}}]\n", "5:68", "no field",
       "ip-id"},
      {"steps: [{expect: {packets: {at: b:eth0, golden: dns.pcap, ignore: [9..3]}}}]\n", "5:68",
       "no range of bytes", ""},
      {"steps: [{expect: {latency: {drop: {p95: \"< 1ms\"}}}}]\n", "5:36", "unknown key \"p95\"", "p9"},
      {"steps: [{expect: {latency: {drop: {p99: \"< 100\"}}}}]\n", "5:41", "a comparison with a time",
       "unit"},
      {"steps: [{expect: {latency: {drop: {p99: \"fast\"}}}}]\n", "5:41", "a comparison with a time", "unit"},
      {"steps: [{expect: {cost: {drop: 1}}}]\n", "5:26", "program.metric", "ns_per_packet"},
      {"steps: [{expect: {cost: {drpo.ns_per_packet: 1}}}]\n", "5:26", "program \"drpo\"", "drop"},
      {"steps: [{expect: {cost: {drop.ns_per_paket: 1}}}]\n", "5:26", "no metric of cost", "ns_per_packet"},
  };
  for (const Mistake& mistake : mistakes) Expect(head + mistake.text, mistake);
}

TEST_F(ReaderMistakes, FromWithoutATopology) {
  Expect("name: x\nsummary: y\nsteps: [{replay: {capture: dns.pcap, from: a:eth0}}]\n",
         {"", "3:44", "no topology", "leave \"from\" out"});
}

TEST_F(ReaderMistakes, FeaturesThatNobodyProbes) {
  const std::string file =
      folder_.Write("suite/f.yaml", "name: x\nsummary: y\nrequires: [xdp-nativ]\nsteps: []\n");
  try {
    ReadScenarios(file, {.object_folders = {}, .features = {"tcx", "xdp-native"}});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_THAT(e.parts().where, EndsWith("f.yaml:3:12"));
    EXPECT_THAT(e.parts().hint, HasSubstr("xdp-native"));
  }
}

// What is hostile is refused before it costs time or memory.
TEST_F(ReaderMistakes, SizesAreBounded) {
  Expect("a: " + std::string(5 << 20, 'x') + "\n", {"", "1:1", "larger than 4 MiB", ""});
  Expect("a: " + std::string(100, '[') + std::string(100, ']') + "\n", {"", "1:67", "64 levels", ""});
  Expect(std::string(1 << 20, '['), {"", "1:1", "key must be one word", ""});
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i) bomb += fmt::format("a{}: &a{} [*a{}, *a{}]\n", i, i, i - 1, i - 1);
  Expect(bomb, {"", "17:12", "aliases counted", ""});
}

TEST_F(ReaderMistakes, AliasesCannotNestDeeperThanTheLimit) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) text += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  Expect(text, {"", "63:12", "64 levels", ""});
}

TEST_F(ReaderMistakes, FamiliesCannotGrowBeyondTheLimit) {
  std::string text = "name: x\nsummary: y\nsteps: []\ntopology:\n  namespaces: [a]\n  links:\n";
  for (int i = 0; i < 100; ++i)
    text += fmt::format("    - [\"a:x{}x[1..4096]\", \"a:y{}x[1..4096]\"]\n", i, i);
  Expect(text, {"", "28:7", "families expanded", ""});
}

TEST_F(ReaderMistakes, MessagesCarryNoControlCharacters) {
  const std::string file =
      folder_.Write("suite/c.yaml", "name: x\nsummary: y\n\"\\e[31mtopology\": 1\nsteps: []\n");
  try {
    ReadScenarios(file, {});
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\x1b'), std::string::npos);
    EXPECT_THAT(e.what(), HasSubstr("\\x1b[31mtopology"));
  }
}

TEST_F(ReaderMistakes, WhatIsNoRegularFileIsNotOpened) {
  const std::string fifo = folder_.Path("fifo.yaml");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THROW(ReadScenarios(fifo, {}), Error);
  EXPECT_THROW(ReadScenarios(folder_.Path("suite"), {}), Error);
  EXPECT_THROW(ReadScenarios(folder_.Path("missing.yaml"), {}), Error);
  EXPECT_THROW(ReadScenarios("/dev/zero", {}), Error);
}

}  // namespace
}  // namespace knetlab
