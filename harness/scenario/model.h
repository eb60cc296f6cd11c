// SPDX-License-Identifier: Apache-2.0
// A scenario as data: what one YAML file says, after validation. harness/scenario/reader.h makes it from
// YAML; the rigs run it. Every part that can fail later carries the place in the file that declared it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "harness/measure/ledger.h"
#include "harness/traffic/flood.h"
#include "harness/traffic/method.h"
#include "harness/traffic/replay.h"
#include "harness/traffic/rewrite.h"
#include "netns/topology_spec.h"

namespace knetlab {

struct Mark {  // a place in a file, 1-based; line 0: none
  std::string file;
  int line = 0;
  int column = 0;
  std::string ToString() const;  // "file:line:column"
};

// A scalar or composite that becomes bytes of a map's key or value, or of a global, once their size is known
// (values.h).
//   7, -1, 0x800          integer, little-endian, of the target's size; true and false are 1 and 0
//   "10.0.0.1", "fd00::1" address, network order        "02:00:00:00:00:01" Ethernet address
//   {hex: "0a 00 00 01"}  bytes as they are             {text: "eth0"} text, filled with zeros
//   {be16: 53}, {be32: 1}, {be64: 1}  in network order     {ifindex: "server:eth0"} of an endpoint of the
//   topology [a, b, ...]           one after another; {u8: 1}, {u16: 1}, {u32: 1}, {u64: 1} give an element
//   its size; an element
//                         without one (a bare integer, text) is the last and takes what is left
struct ValueSpec {
  struct Element {
    enum class Kind { kInteger, kBytes, kText, kIfindex, kSocket } kind = Kind::kInteger;
    std::int64_t integer = 0;
    bool is_unsigned = false;  // `integer` holds the bits of a number above INT64_MAX
    std::size_t size = 0;      // of the element; 0: what is left of the target
    bool big_endian = false;
    std::vector<std::byte> bytes;
    std::string text;  // kText, the endpoint of kIfindex, the label of kSocket
  };
  std::vector<Element> elements;
  Mark mark;
};

struct MapEntrySpec {
  ValueSpec key, value;
};

struct MapSetup {
  std::string name;
  std::optional<std::uint32_t> size;  // max_entries
  std::vector<MapEntrySpec> contents;
  std::string share_program, share_map;  // use the map of another program's object instead
  Mark mark;
};

struct AttachSpec {
  std::string kind;    // an Attacher's: xdp, tc-ingress, sk-lookup, ...
  std::string target;  // endpoint "server:eth0", or the name of a socket or of a namespace
  std::string mode = "auto";
  // Of a filter: names of verdicts; empty: drop on a match, else pass; at a socket the other way round.
  std::string match, otherwise;
  Mark mark;
};

struct ProgramSpec {
  std::string label;   // its name in the scenario
  std::string object;  // resolved path
  std::string filter;  // a pcap-filter expression instead of an object; with it neither of the next two
  std::string
      program;  // in the object; empty: the label where the object has one of that name, else its only one
  std::string type;  // empty: from the section
  std::vector<AttachSpec> attach;
  std::vector<MapSetup> maps;
  std::map<std::string, ValueSpec> globals;
  Mark mark;
};

// A socket of the lab's own in a namespace: where packets are delivered, and what socket filters are attached
// to.
struct SocketSpec {
  enum class Kind { kUdp, kTcpListen, kPacket };
  // read: taken and thrown away as they come; hold: left in the receive buffer.
  enum class Receive { kRead, kHold };
  std::string label;
  Kind kind = Kind::kUdp;
  std::string ns;
  IpAddress address;  // kUdp, kTcpListen
  std::uint16_t port = 0;
  std::string interface;  // kPacket
  Receive receive = Receive::kRead;
  bool reuseport = false;  // shares its address and port with others that say so (SO_REUSEPORT)
  std::optional<std::uint32_t>
      buffer_bytes;  // SO_RCVBUFFORCE takes half of it; the kernel doubles what it is given
  Mark mark;
};

// `replay` and `flood`: both send packets out of an endpoint.
struct ReplayStep {
  std::string capture;                // resolved path
  std::optional<FloodOptions> flood;  // made up instead; then options.count says how many
  // How, on the wire rig. Unless it is kAfPacket, all of a phase is counted and not followed
  // (frame_account.h).
  Method method = Method::kAfPacket;
  std::string from;       // endpoint; empty where the scenario has no topology
  ReplayOptions options;  // pace, loops, rewrite
  // Endpoints whose Ethernet addresses go into options.rewrite once the topology is built; empty: none.
  std::string source_mac_of, destination_mac_of;
  std::optional<std::uint64_t> limit;  // only the first packets of the capture
};

struct MapStep {
  std::string program, map;
  std::vector<MapEntrySpec> write;
  // Keys to compare. Per-CPU maps: the sum over CPUs of an integer value, or of each of several 64-bit ones.
  std::vector<MapEntrySpec> read;
};

// What a command is expected to print.
struct OutputCheck {
  enum class Stream { kStdout, kStderr } stream = Stream::kStdout;
  enum class Kind { kContains, kEquals, kMatches } kind = Kind::kContains;  // kMatches: an RE2 expression
  std::string text;
  Mark mark;
};

struct ExecStep {
  std::string ns;  // empty: outside the lab's namespaces is not possible; always a namespace
  std::vector<std::string> argv;
  int status = 0;  // what it must exit with
  std::vector<OutputCheck> output;
};

// An expected number: exactly, or compared: "> 5", ">= 5", "< 5", "<= 5".
struct NumberCheck {
  enum class Op { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual } op = Op::kEqual;
  double value = 0;
  Mark mark;
  bool Holds(double found) const;
  std::string ToString() const;  // "12", "> 5"
};

struct LedgerCheck {  // ledger: {drop: 120}   or   lost: {"server:eth0 ring": 12}
  Fate fate = Fate::kDropped;
  std::string place;  // empty: all places together
  NumberCheck number;
};

struct VerdictCheck {   // verdicts: {drop: {XDP_DROP: 120}}
  std::string program;  // label
  std::string verdict;
  NumberCheck number;
};

// Bytes of a packet that are not compared.
struct IgnoredBytes {
  enum class Field { kSourceMac, kDestinationMac, kIpId, kTtl, kIpChecksum, kChecksum, kRange } field;
  std::size_t first = 0, last = 0;  // kRange: offsets from the Ethernet header on, both included
};

// packets: {at: server:eth0, golden: expected.pcap}: what an endpoint saw since the last `expect`.
struct PacketsCheck {
  std::string at;       // endpoint; empty: `program`
  bool sent = false;    // what left the endpoint, else what came to it
  std::string program;  // label: what came out of it; the unit rig's
  std::string golden;   // path of a capture; empty: only `count`
  bool golden_is_there = false;
  std::vector<IgnoredBytes> ignore;
  bool any_order = false;
  std::optional<NumberCheck> count;
  Mark mark;
};

struct LatencyCheck {  // latency: {"server:eth0 xdp filter": {p99: "< 200us"}}
  std::string place;   // or the label of a program: each place where it sits
  std::string metric;  // p50, p90, p99, p999, max
  NumberCheck number;  // nanoseconds
};

struct CostCheck {  // cost: {drop.ns_per_packet: "< 60"}
  std::string program;
  std::string metric;  // a CostResult's unit, "/" written "_per_"
  NumberCheck number;
};

struct ExpectStep {
  std::vector<LedgerCheck> ledger;
  std::vector<VerdictCheck> verdicts;
  std::vector<MapStep> maps;  // read only
  std::vector<PacketsCheck> packets;
  // Of the whole run: compared when it has ended.
  std::vector<LatencyCheck> latency;
  std::vector<CostCheck> cost;
};

struct Step {
  std::variant<ReplayStep, MapStep, ExecStep, ExpectStep> what;
  Mark mark;
};

// capture: {file: drops.pcapng, programs: [filter], verdicts: [drop], filter: udp port 53}
struct CaptureSpec {
  std::string file;                   // as given
  std::vector<std::string> programs;  // labels; empty: all that can be captured
  std::vector<std::string> verdicts;  // "XDP_DROP", "drop"; empty: all
  std::string filter;                 // a pcap-filter expression; empty: everything
  bool before = false;                // each packet as it came to the program, too
  std::uint32_t snaplen = 262'144;
  std::uint32_t sample = 1;
  std::string method;  // how programs are made ready: an InstrumentMethod's name; empty: what fits each best
  Mark mark;
};

struct Scenario {
  std::string name;  // in the file; of a case also "[port=53,mode=native]"
  Mark name_mark;
  std::string file;  // as given
  std::string summary;
  std::vector<std::string> tags;
  std::vector<std::string>
      requires_features;  // names of facilities (facilities.h); a missing one skips the scenario
  std::vector<std::pair<std::string, std::string>>
      parameters;  // what makes this case of the file: name and value, as text
  double timeout_s = 30;
  int repeat = 1;    // how often it is run
  bool care = true;  // what the lab does by itself so that nothing is lost for the lab's reasons (lab_care.h)
  TopologySpec topology;
  std::map<std::string, Mark> topology_marks;  // "server:eth0", "server" -> where declared
  std::vector<SocketSpec> sockets;
  std::vector<ProgramSpec> programs;
  std::optional<CaptureSpec> capture;
  std::vector<Step> steps;
};

}  // namespace knetlab
