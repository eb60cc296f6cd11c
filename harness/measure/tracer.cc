// SPDX-License-Identifier: Apache-2.0
#include "harness/measure/tracer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <numeric>
#include <utility>

#include "bpf/ledger.skel.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr const char* kLoadTracer = "load the ledger's tracer";

struct SkeletonDeleter {
  void operator()(ledger_bpf* skeleton) const { ledger_bpf__destroy(skeleton); }
};

// How many arguments a tracepoint hands to its programs: it grew over the kernel's versions.
std::uint32_t TracepointArguments(const btf* types, const std::string& tracepoint) {
  int id = btf__find_by_name_kind(types, ("btf_trace_" + tracepoint).c_str(), BTF_KIND_TYPEDEF);
  if (id < 0) return 0;
  const btf_type* type = btf__type_by_id(types, static_cast<__u32>(id));
  type = btf__type_by_id(types, type->type);                       // pointer
  if (type != nullptr) type = btf__type_by_id(types, type->type);  // function
  if (type == nullptr || !btf_is_func_proto(type)) return 0;
  return btf_vlen(type) - 1u;  // the first is the tracer's own
}

// One class of locations: all parts of these functions. Which of them the compiler inlined into another
// differs by build.
void FillRanges(const KernelSymbols& symbols, std::initializer_list<std::string_view> functions,
                const volatile ledger_range* ranges) {
  auto* out = const_cast<ledger_range*>(ranges);
  std::size_t used = 0;
  for (std::string_view function : functions) {
    for (auto [low, high] : symbols.RangesOf(function)) {
      if (used < LEDGER_RANGES) out[used++] = {low, high};
    }
  }
}

}  // namespace

struct Tracer::Impl {
  KernelSymbols symbols;
  std::unique_ptr<ledger_bpf, SkeletonDeleter> skeleton;
  ledger_account* accounts = nullptr;
  std::size_t accounts_size = 0;
  std::mutex mutex;  // of what follows
  std::array<bool, LEDGER_ACCOUNTS> taken{};
  int attached = 0;

  ~Impl() {
    if (accounts != nullptr) ::munmap(accounts, accounts_size);
  }
  void Load();
  void Attach();
};

void Tracer::Impl::Load() {
  skeleton.reset(ledger_bpf__open());
  if (!skeleton) throw ErrnoError(kLoadTracer, "ledger.bpf.o", errno);
  std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), btf__free);
  if (!types) {
    throw ErrnoError(kLoadTracer, "/sys/kernel/btf/vmlinux", errno,
                     "needs a kernel with CONFIG_DEBUG_INFO_BTF");
  }
  auto* data = skeleton->rodata;
  data->kfree_skb_arguments = TracepointArguments(types.get(), "kfree_skb");
  data->consume_skb_arguments = TracepointArguments(types.get(), "consume_skb");
  data->reason_tc_egress = symbols.DropReasonNumber("TC_EGRESS");
  FillRanges(symbols, {"skb_pp_cow_data", "veth_convert_skb_to_xdp_buff"}, data->copy_locations);
  FillRanges(symbols, {"veth_xdp_rcv_skb", "veth_xdp_rcv", "veth_poll"}, data->veth_locations);
  FillRanges(symbols, {"skb_release_data"}, data->member_locations);
  FillRanges(symbols, {"packet_rcv", "tpacket_rcv", "packet_rcv_spkt", "packet_rcv_fanout"},
             data->tap_locations);
  // A tracepoint that this kernel lacks costs its facts only.
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    std::string section = bpf_program__section_name(program);
    std::string tracepoint = section.substr(section.find('/') + 1);
    if (TracepointArguments(types.get(), tracepoint) == 0) bpf_program__set_autoload(program, false);
  }
  if (int error = ledger_bpf__load(skeleton.get()); error != 0) {
    throw ErrnoError(kLoadTracer, "ledger.bpf.o", -error,
                     "needs tp_btf programs (Linux 5.5, BTF) and CAP_BPF, CAP_PERFMON");
  }
  accounts_size = sizeof(ledger_account) * LEDGER_ACCOUNTS;
  void* memory = ::mmap(nullptr, accounts_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                        bpf_map__fd(skeleton->maps.accounts), 0);
  if (memory == MAP_FAILED) throw ErrnoError(kLoadTracer, "map accounts", errno);
  accounts = static_cast<ledger_account*>(memory);
}

void Tracer::Impl::Attach() {
  if (attached > 0) return;
  if (int error = ledger_bpf__attach(skeleton.get()); error != 0) {
    ledger_bpf__detach(skeleton.get());
    throw ErrnoError("attach the ledger's tracer", "", -error, "needs CAP_PERFMON");
  }
}

Tracer::Tracer() : impl_(std::make_unique<Impl>()) {
  impl_->Load();
}
Tracer::~Tracer() = default;

const KernelSymbols& Tracer::symbols() const {
  return impl_->symbols;
}

namespace {

// All at once, before any value: deleting while walking would restart the walk.
template <typename Key>
std::vector<Key> Keys(const bpf_map* map) {
  std::vector<Key> keys;
  Key key;
  for (const Key* previous = nullptr; bpf_map_get_next_key(bpf_map__fd(map), previous, &key) == 0;) {
    keys.push_back(key);
    previous = &keys.back();
    if (keys.size() == keys.capacity()) keys.reserve(keys.size() * 2);
    previous = &keys.back();
  }
  return keys;
}

template <typename Key, typename Value, typename Visit>
void ForEach(const bpf_map* map, Visit visit) {
  for (const Key& each : Keys<Key>(map)) {
    Value value;
    if (bpf_map_lookup_elem(bpf_map__fd(map), &each, &value) == 0) visit(each, value);
  }
}

// The ages of a packet that has not ended.
std::vector<Tracer::Slot::Aged> AgesOf(const ledger_record& record) {
  std::vector<Tracer::Slot::Aged> aged;
  if (record.socket != 0) aged.push_back({.hooks = 0, .bucket = record.socket - 1, .count = 1});
  for (const ledger_mark& mark : record.marks) {
    if (mark.hooks != 0) aged.push_back({.hooks = mark.hooks, .bucket = mark.bucket, .count = 1});
  }
  return aged;
}

template <typename Key>
void Delete(const bpf_map* map, const Key& key) {
  bpf_map_delete_elem(bpf_map__fd(map), &key);
}

// Takes an element out; false where a program was faster: it counts first, and takes out then. So a packet
// that ends meanwhile, since a reader still empties its socket, is not counted twice. Kernels before 5.14
// cannot do it in one.
template <typename Key, typename Value>
bool TakeOut(const bpf_map* map, const Key& key, Value* value) {
  const int fd = bpf_map__fd(map);
  if (bpf_map_lookup_and_delete_elem(fd, &key, value) == 0) return true;
  if (errno == ENOENT) return false;
  return bpf_map_lookup_elem(fd, &key, value) == 0 && bpf_map_delete_elem(fd, &key) == 0;
}

void Insert(const bpf_map* map, const void* key, const void* value) {
  if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) != 0) {
    throw ErrnoError("watch a run", std::string("map ") + bpf_map__name(map), errno);
  }
}

}  // namespace

Tracer::Slot::Slot(std::shared_ptr<Tracer> tracer) : tracer_(std::move(tracer)) {
  Impl& impl = *tracer_->impl_;
  std::lock_guard lock(impl.mutex);
  while (number_ < LEDGER_ACCOUNTS && impl.taken.at(number_)) number_++;
  if (number_ == LEDGER_ACCOUNTS) {
    throw Error({.what = "open an account",
                 .where = "",
                 .why = "too many runs at once",
                 .hint = "use fewer jobs",
                 .detail = "",
                 .code = EAGAIN});
  }
  impl.Attach();
  impl.attached++;
  impl.taken.at(number_) = true;
  std::memset(&impl.accounts[number_], 0, sizeof(ledger_account));
}

Tracer::Slot::~Slot() {
  Impl& impl = *tracer_->impl_;
  shared().active = 0;
  for (std::uint32_t inode : namespaces_) Delete(impl.skeleton->maps.lab_namespaces, inode);
  for (std::uint64_t cookie : senders_) Delete(impl.skeleton->maps.senders, cookie);
  for (const auto& station : stations_) Delete(impl.skeleton->maps.stations, station);
  std::lock_guard lock(impl.mutex);
  impl.taken.at(number_) = false;
  if (--impl.attached == 0) ledger_bpf__detach(impl.skeleton.get());
}

volatile ledger_account& Tracer::Slot::shared() const {
  return tracer_->impl_->accounts[number_];
}

void Tracer::Slot::WatchNamespace(std::uint32_t inode) {
  Insert(tracer_->impl_->skeleton->maps.lab_namespaces, &inode, &number_);
  namespaces_.push_back(inode);
}

void Tracer::Slot::WatchSender(std::uint64_t cookie, std::uint32_t ifindex) {
  const ledger_sender sender{.account = number_, .ifindex = ifindex};
  Insert(tracer_->impl_->skeleton->maps.senders, &cookie, &sender);
  senders_.push_back(cookie);
}

void Tracer::Slot::WatchStation(const ledger_station_key& at, const ledger_station& station) {
  Insert(tracer_->impl_->skeleton->maps.stations, &at, &station);
  stations_.push_back(at);
}

bool Tracer::Slot::HasWaiting() const {
  bool waiting = false;
  ForEach<std::uint64_t, ledger_record>(tracer_->impl_->skeleton->maps.live,
                                        [&](std::uint64_t, const ledger_record& record) {
                                          const ledger_path& path = record.path;
                                          waiting |= path.account == number_ && path.owner == OWNER_OURS &&
                                                     path.stage == STAGE_STACK && !path.fragment;
                                        });
  return waiting;
}

// By ledger_ended.id.
std::map<std::uint64_t, std::vector<Tracer::Slot::Aged>> Tracer::Slot::TakeAges() {
  std::map<std::uint64_t, std::vector<Aged>> aged;
  const bpf_map* map = tracer_->impl_->skeleton->maps.latencies;
  std::vector<std::uint64_t> by_cpu(static_cast<std::size_t>(std::max(libbpf_num_possible_cpus(), 1)));
  for (const ledger_latency_key& key : Keys<ledger_latency_key>(map)) {
    if (key.account != number_ || bpf_map_lookup_elem(bpf_map__fd(map), &key, by_cpu.data()) != 0) continue;
    const std::uint64_t count = std::accumulate(by_cpu.begin(), by_cpu.end(), std::uint64_t{0});
    aged[key.end].push_back({.hooks = key.hooks, .bucket = key.bucket, .count = count});
    Delete(map, key);
  }
  return aged;
}

Tracer::Slot::Facts Tracer::Slot::Take() {
  Facts facts;
  const auto& maps = tracer_->impl_->skeleton->maps;
  auto take_live = [&](const ledger_record& record) {
    ledger_end_key key{};
    key.path = record.path;
    key.kind = END_LIVE;
    facts.ended.push_back({key, 1, AgesOf(record)});
    if (record.index != 0 && shared().per_packet != 0) facts.packets.push_back({record.index, key});
  };
  for (const bpf_map* map : {maps.live, maps.frames}) {
    ForEach<std::uint64_t, ledger_record>(map, [&](std::uint64_t address, const ledger_record& seen) {
      ledger_record record = seen;
      if (seen.path.account != number_ || !TakeOut(map, address, &record)) return;
      if (record.path.account == number_) {
        take_live(record);
      } else {  // the address is another packet's by now
        bpf_map_update_elem(bpf_map__fd(map), &address, &record, BPF_NOEXIST);
      }
    });
  }
  std::map<std::uint64_t, std::vector<Aged>> aged = TakeAges();
  ForEach<ledger_end_key, ledger_ended>(maps.ends, [&](const ledger_end_key& key, const ledger_ended& ended) {
    if (key.path.account != number_) return;
    facts.ended.push_back({key, ended.count, std::move(aged[ended.id])});
    Delete(maps.ends, key);
  });
  ForEach<ledger_packet_key, ledger_end_key>(maps.packets,
                                             [&](const ledger_packet_key& packet, const ledger_end_key& key) {
                                               if (packet.account != number_) return;
                                               facts.packets.push_back({packet.index, key});
                                               Delete(maps.packets, packet);
                                             });
  ForEach<ledger_counter_key, ledger_counter_value>(
      maps.counters, [&](const ledger_counter_key& key, const ledger_counter_value& value) {
        if (key.account != number_) return;
        facts.counted.push_back({key, value});
        Delete(maps.counters, key);
      });
  return facts;
}

bool Tracer::Slot::FindSocket(std::uint64_t address, ledger_socket* socket) const {
  return bpf_map_lookup_elem(bpf_map__fd(tracer_->impl_->skeleton->maps.sockets), &address, socket) == 0;
}

}  // namespace knetlab
