// SPDX-License-Identifier: Apache-2.0
#include "harness/program/test_instrument_support.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "harness/filter/assembler.h"
#include "harness/program/test_run.h"
#include "harness/program/verdict.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::size_t kMaxDifferences = 5;

struct Record {
  std::uint64_t hits, length;
  std::array<std::byte, kSightingBytes> packet;
};

std::vector<bpf_insn> WatcherCode(bpf_prog_type type, int map, std::int32_t verdict) {
  const bool xdp = type == BPF_PROG_TYPE_XDP;
  Assembler a;
  const Label fits = a.NewLabel();
  const Label end = a.NewLabel();
  a.Mov(R6, R1);
  a.MapValueAddress(R7, "record", 0);
  a.Mov(R1, 1);
  a.AtomicAdd(Size::kDouble, R7, offsetof(Record, hits), R1);
  a.Mov(R1, R6);
  if (xdp) {
    a.Call(BPF_FUNC_xdp_get_buff_len);
  } else {
    a.Load(Size::kWord, R0, R6, offsetof(__sk_buff, len));
  }
  a.Store(Size::kDouble, R7, offsetof(Record, length), R0);
  a.JumpIf(Cond::kLessEqual, R0, static_cast<std::int32_t>(kSightingBytes), fits);
  a.Mov(R0, static_cast<std::int32_t>(kSightingBytes));
  a.Bind(fits);
  a.JumpIf(Cond::kLess, R0, 1, end);  // Linux 6.1 learns nothing from a comparison with 0
  a.Mov(R1, R6);
  a.Mov(R2, 0);
  a.Mov(R3, R7);
  a.Add(R3, offsetof(Record, packet));
  a.Mov(R4, R0);
  a.Call(xdp ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_skb_load_bytes);
  a.Bind(end);
  a.Mov(R0, verdict);
  a.Exit();
  Code code = a.Finish();
  code.BindMap("record", map);
  return code.instructions;
}

bool EndsWith(const std::vector<std::byte>& whole, const std::vector<std::byte>& end) {
  return whole.size() >= end.size() && std::equal(end.rbegin(), end.rend(), whole.rbegin());
}

// What was seen is the packet, or what of it lies behind its metadata or link header.
bool Saw(const Sighting& sighting, std::vector<std::byte> packet) {
  if (sighting.length > packet.size()) return false;
  packet.erase(packet.begin(), packet.end() - static_cast<std::ptrdiff_t>(sighting.length));
  packet.resize(std::min(packet.size(), kSightingBytes));
  return EndsWith(packet, sighting.packet) && packet.size() == sighting.packet.size();
}

std::string Describe(const Program& program, const TestRunResult& result) {
  if (result.error != 0) return fmt::format("error {}", result.error);
  return fmt::format("{} with {} bytes", VerdictName(program.type(), result.code), result.out.size());
}

bool Same(const TestRunResult& a, const TestRunResult& b) {
  return a.error == b.error && (a.error != 0 || (a.code == b.code && a.out == b.out));
}

void Differ(Comparison& comparison, std::size_t packet, const std::string& what) {
  if (comparison.differences.size() < kMaxDifferences)
    comparison.differences.push_back(fmt::format("packet {}: {}", packet + 1, what));
}

}  // namespace

Watcher::Watcher(const Program& program, std::int32_t code)
    : map_(bpf_map_create(BPF_MAP_TYPE_ARRAY, "knl_test", 4, sizeof(Record), 1, nullptr)) {
  if (!map_) throw ErrnoError("create map", "knl_test", errno);
  program_ = program.instrumentation()->LoadCapture("watcher", WatcherCode(program.type(), map_.get(), code));
}

Sighting Watcher::Read() const {
  Record record{};
  const std::uint32_t first = 0;
  if (bpf_map_lookup_elem(map_.get(), &first, &record) != 0) throw ErrnoError("read", "watcher", errno);
  const auto kept = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(record.length, kSightingBytes));
  return {record.hits, record.length, {record.packet.begin(), record.packet.begin() + kept}};
}

std::uint64_t Watcher::hits() const {
  return Read().hits;
}

void Watcher::Forget() const {
  const Record record{};
  const std::uint32_t first = 0;
  if (bpf_map_update_elem(map_.get(), &first, &record, BPF_ANY) != 0)
    throw ErrnoError("write", "watcher", errno);
}

Watched::Watched(const Program& program) {
  const Instrumentation& instrumentation = *program.instrumentation();
  // A cgroup program may return 0 or 1 alone; another one's result is to be none that the program itself
  // gives.
  const std::int32_t code = program.type() == BPF_PROG_TYPE_CGROUP_SKB ? 1 : 77;
  for (std::size_t i = 0; i <= instrumentation.slots(); ++i) watchers_.emplace_back(program, code);
  insertions_.push_back(instrumentation.InsertAtEntry(entry().program()));
  for (std::size_t slot = 0; slot < instrumentation.slots(); ++slot)
    insertions_.push_back(instrumentation.InsertAtExit(slot, exit(slot).program()));
}

void Watched::Forget() const {
  for (const Watcher& watcher : watchers_) watcher.Forget();
}

std::string Watched::OnlyAt(std::size_t slot) const {
  if (entry().hits() != 1) return fmt::format("entry saw {} packets", entry().hits());
  for (std::size_t i = 0; i + 1 < watchers_.size(); ++i) {
    if (exit(i).hits() != (i == slot ? 1U : 0U))
      return fmt::format("exit {} saw {} packets, where {} should see one", i, exit(i).hits(), slot);
  }
  return "";
}

std::vector<std::vector<std::byte>> PacketsOf(const std::string& capture) {
  constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
  constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
  std::ifstream file(capture, std::ios::binary);
  std::array<std::uint32_t, 6> header{};
  std::vector<std::vector<std::byte>> packets;
  if (!file.read(reinterpret_cast<char*>(header.data()), sizeof(header))) return packets;
  if (header[0] != kMicroseconds && header[0] != kNanoseconds) return packets;
  std::array<std::uint32_t, 4> record{};
  while (file.read(reinterpret_cast<char*>(record.data()), sizeof(record))) {
    std::vector<std::byte> packet(record[2]);
    if (!file.read(reinterpret_cast<char*>(packet.data()), record[2])) break;
    packet.resize(std::max<std::size_t>(packet.size(), 14));
    packets.push_back(std::move(packet));
  }
  return packets;
}

std::vector<std::vector<std::byte>> ChoicePackets() {
  std::vector<std::vector<std::byte>> packets;
  for (const std::size_t length : {60U, 200U, 1514U}) {
    for (unsigned choice = 0; choice < 16; ++choice) {
      std::vector<std::byte> packet(length, std::byte{0x55});
      packet[12] = std::byte{0x08};
      packet[13] = std::byte{0};
      packet[14] = std::byte(choice);
      packet.back() = std::byte(choice);
      packets.push_back(std::move(packet));
    }
  }
  return packets;
}

std::vector<std::byte> Choice(unsigned choice) {
  return ChoicePackets()[choice];
}

LoadOptions Only(const std::string& program, std::vector<InstrumentMethod> methods) {
  LoadOptions options;
  options.programs = {program};
  options.instrument.emplace();
  if (!methods.empty()) options.instrument->methods = std::move(methods);
  return options;
}

Comparison Compare(const std::string& path, const std::string& program, const LoadOptions& options,
                   const std::vector<std::vector<std::byte>>& packets) {
  Comparison comparison;
  LoadOptions plain = options;
  plain.instrument.reset();
  LoadOptions instrumented = options;
  if (!instrumented.instrument) instrumented.instrument.emplace();
  std::vector<BpfObject> objects;
  try {
    for (int i = 0; i < 2; ++i) objects.push_back(BpfObject::Load(path, plain));
  } catch (const Error& error) {
    comparison.refused = error.parts().why;
    return comparison;
  }
  for (int i = 0; i < 2; ++i) objects.push_back(BpfObject::Load(path, instrumented));
  const auto at = [&](std::size_t i) -> const Program& { return objects[i].program(program); };
  const Instrumentation& instrumentation = *at(2).instrumentation();
  comparison.method = instrumentation.method();
  comparison.why = instrumentation.why();
  comparison.unseen = instrumentation.unseen();
  if (comparison.method == InstrumentMethod::kNone) return comparison;
  const Watched watched(at(3));
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const TestRunResult expected = TestRun(at(0), packets[i]);
    const TestRunResult again = TestRun(at(1), packets[i]);
    const TestRunResult idle = TestRun(at(2), packets[i]);
    watched.Forget();
    const TestRunResult seen = TestRun(at(3), packets[i]);
    if (expected.error != 0) continue;
    if (!Same(expected, again)) {
      ++comparison.unsteady;
      continue;
    }
    ++comparison.packets;
    if (Same(expected, idle)) {
      ++comparison.same;
    } else {
      Differ(comparison, i, Describe(at(0), expected) + ", instrumented " + Describe(at(2), idle));
    }
    const std::size_t slot = instrumentation.SlotOf(expected.code);
    std::string wrong = watched.OnlyAt(slot);
    if (wrong.empty() && !Same(expected, seen))
      wrong = Describe(at(0), expected) + ", watched " + Describe(at(3), seen);
    if (wrong.empty() && !Saw(watched.entry().Read(), packets[i])) wrong = "entry saw another packet";
    if (wrong.empty() && !Saw(watched.exit(slot).Read(), expected.out)) wrong = "exit saw another packet";
    if (wrong.empty()) {
      ++comparison.watched;
    } else {
      Differ(comparison, i, wrong);
    }
  }
  return comparison;
}

}  // namespace knetlab
