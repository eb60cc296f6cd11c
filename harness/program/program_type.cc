// SPDX-License-Identifier: Apache-2.0
#include "harness/program/program_type.h"

#include <bpf/btf.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>

#include "harness/program/context_use.h"
#include "harness/program/libbpf_log.h"

namespace knetlab {
namespace {

using Types = std::vector<bpf_prog_type>;

// "tc/lan_egress_l2" -> tc, lan, egress, l; digits at a word's end are numbering.
std::vector<std::string> Words(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  for (std::string& word : words) word.erase(word.find_last_not_of("0123456789") + 1);
  return words;
}

// Words of people's section names, the telling ones before those that occur in other company too: an
// "xdp_filter" is XDP, a "cgroup_ingress" no TC program.
struct WordMeaning {
  std::string_view word;
  bpf_prog_type type;
};
constexpr std::array kWordMeanings = {
    WordMeaning{"xdp", BPF_PROG_TYPE_XDP},
    WordMeaning{"sockops", BPF_PROG_TYPE_SOCK_OPS},
    WordMeaning{"lookup", BPF_PROG_TYPE_SK_LOOKUP},
    WordMeaning{"reuseport", BPF_PROG_TYPE_SK_REUSEPORT},
    WordMeaning{"msg", BPF_PROG_TYPE_SK_MSG},
    WordMeaning{"dissector", BPF_PROG_TYPE_FLOW_DISSECTOR},
    WordMeaning{"lwt", BPF_PROG_TYPE_LWT_IN},
    WordMeaning{"parser", BPF_PROG_TYPE_SK_SKB},
    WordMeaning{"tc", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"tcx", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"netkit", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"cls", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"clsact", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"classifier", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"ingress", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"egress", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"act", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"from", BPF_PROG_TYPE_SCHED_CLS},  // Cilium's "from-container", "to-netdev"
    WordMeaning{"to", BPF_PROG_TYPE_SCHED_CLS},
    WordMeaning{"socket", BPF_PROG_TYPE_SOCKET_FILTER},
    WordMeaning{"filter", BPF_PROG_TYPE_SOCKET_FILTER},
};

std::optional<bpf_prog_type> TypeFromWords(std::string_view name) {
  const std::vector<std::string> words = Words(name);
  for (const WordMeaning& meaning : kWordMeanings) {
    for (const std::string& word : words) {
      if (word == meaning.word || (meaning.word == "xdp" && word.starts_with("xdp"))) return meaning.type;
    }
  }
  return std::nullopt;
}

std::optional<TypeCandidate> KnownSection(const std::string& name) {
  LibbpfLog quiet;
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  bpf_attach_type attach_type{};
  if (libbpf_prog_type_by_name(name.c_str(), &type, &attach_type) != 0) return std::nullopt;
  // The handler of CodeHarvest for sections that libbpf does not know.
  if (type == BPF_PROG_TYPE_UNSPEC) return std::nullopt;
  return TypeCandidate{.type = type, .attach_type = static_cast<std::uint32_t>(attach_type)};
}

// "socket1", "xdp_packet_hook", "classifier/x": cut at the end until libbpf knows the rest.
std::optional<TypeCandidate> KnownBeginning(std::string name) {
  while (!name.empty()) {
    if (const auto known = KnownSection(name)) return known;
    const std::size_t digits = name.find_last_not_of("0123456789") + 1;
    if (digits < name.size()) {
      name.erase(digits);
      continue;
    }
    const std::size_t cut = name.find_last_of("/_-.:");
    name.erase(cut == name.npos ? 0 : cut);
  }
  return std::nullopt;
}

const btf_type* SkipModifiers(const btf* types, std::uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (type != nullptr && (btf_is_mod(type) || btf_is_typedef(type)))
    type = btf__type_by_id(types, type->type);
  return type;
}

// The struct that the main function's only argument points to; empty where BTF does not tell.
std::string ContextStruct(const bpf_object* object, const char* function) {
  const btf* types = bpf_object__btf(object);
  if (types == nullptr) return "";
  const std::int32_t id = btf__find_by_name_kind(types, function, BTF_KIND_FUNC);
  if (id <= 0) return "";
  const btf_type* prototype =
      btf__type_by_id(types, btf__type_by_id(types, static_cast<std::uint32_t>(id))->type);
  if (prototype == nullptr || !btf_is_func_proto(prototype) || btf_vlen(prototype) == 0) return "";
  const btf_type* argument = SkipModifiers(types, btf_params(prototype)->type);
  if (argument == nullptr || !btf_is_ptr(argument)) return "";
  const btf_type* pointed = SkipModifiers(types, argument->type);
  if (pointed == nullptr || !(btf_is_struct(pointed) || btf_is_fwd(pointed))) return "";
  const char* name = btf__name_by_offset(types, pointed->name_off);
  const std::string text = name == nullptr ? "" : name;
  return text.substr(0, text.find("___"));  // CO-RE flavours
}

// The types whose programs take this struct, the likeliest first. Empty: no struct, or one that tells
// nothing.
Types TypesOfContext(std::string_view context) {
  static const std::array<std::pair<std::string_view, Types>, 13> kContexts = {{
      {"xdp_md", {BPF_PROG_TYPE_XDP}},
      {"__sk_buff",
       {BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_CGROUP_SKB, BPF_PROG_TYPE_SK_SKB,
        BPF_PROG_TYPE_LWT_IN, BPF_PROG_TYPE_LWT_XMIT, BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_PROG_TYPE_SCHED_ACT}},
      {"bpf_sk_lookup", {BPF_PROG_TYPE_SK_LOOKUP}},
      {"sk_msg_md", {BPF_PROG_TYPE_SK_MSG}},
      {"bpf_sock_ops", {BPF_PROG_TYPE_SOCK_OPS}},
      {"bpf_sock_addr", {BPF_PROG_TYPE_CGROUP_SOCK_ADDR}},
      {"bpf_sock", {BPF_PROG_TYPE_CGROUP_SOCK}},
      {"sk_reuseport_md", {BPF_PROG_TYPE_SK_REUSEPORT}},
      {"bpf_sockopt", {BPF_PROG_TYPE_CGROUP_SOCKOPT}},
      {"bpf_sysctl", {BPF_PROG_TYPE_CGROUP_SYSCTL}},
      {"bpf_cgroup_dev_ctx", {BPF_PROG_TYPE_CGROUP_DEVICE}},
      {"bpf_perf_event_data", {BPF_PROG_TYPE_PERF_EVENT}},
      {"pt_regs", {BPF_PROG_TYPE_KPROBE}},
  }};
  for (const auto& [name, types] : kContexts) {
    if (name == context) return types;
  }
  return {};
}

void MoveToFront(Types& types, bpf_prog_type type) {
  const auto found = std::find(types.begin(), types.end(), type);
  if (found != types.end()) std::rotate(types.begin(), found, found + 1);
}

// With no struct to go by: what a packet program can be, in the order in which the verifier should be asked.
Types TypesByUse(const bpf_program* program) {
  const std::span instructions(bpf_program__insns(program), bpf_program__insn_cnt(program));
  if (UseOfContext(instructions) == ContextUse::kSocketBuffer) {
    return {BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_XDP};
  }
  return {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER};
}

}  // namespace

std::vector<TypeCandidate> TypeCandidates(const bpf_object* object, const bpf_program* program) {
  const std::string section = bpf_program__section_name(program);
  const std::string name = bpf_program__name(program);
  if (bpf_program__type(program) != BPF_PROG_TYPE_UNSPEC) {
    return {
        {bpf_program__type(program), static_cast<std::uint32_t>(bpf_program__expected_attach_type(program))}};
  }
  const std::optional<TypeCandidate> beginning = KnownBeginning(section);
  std::optional<bpf_prog_type> named = beginning ? std::optional(beginning->type) : TypeFromWords(section);
  if (!named) named = TypeFromWords(name);

  Types types = TypesOfContext(ContextStruct(object, name.c_str()));
  if (types.empty()) {
    types = TypesByUse(program);
    if (named && std::find(types.begin(), types.end(), *named) == types.end()) types.push_back(*named);
  }
  if (named) MoveToFront(types, *named);

  std::vector<TypeCandidate> candidates;
  for (const bpf_prog_type type : types) {
    const bool as_section = beginning && beginning->type == type;
    candidates.push_back({type, as_section ? beginning->attach_type : DefaultAttachType(type)});
  }
  return candidates;
}

std::uint32_t DefaultAttachType(bpf_prog_type type) {
  switch (type) {
    case BPF_PROG_TYPE_XDP:
      return BPF_XDP;
    case BPF_PROG_TYPE_SK_LOOKUP:
      return BPF_SK_LOOKUP;
    case BPF_PROG_TYPE_SK_MSG:
      return BPF_SK_MSG_VERDICT;
    case BPF_PROG_TYPE_SK_REUSEPORT:
      return BPF_SK_REUSEPORT_SELECT;
    case BPF_PROG_TYPE_SOCK_OPS:
      return BPF_CGROUP_SOCK_OPS;
    case BPF_PROG_TYPE_CGROUP_SOCK:
      return BPF_CGROUP_INET_SOCK_CREATE;
    case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
      return BPF_CGROUP_INET4_CONNECT;
    case BPF_PROG_TYPE_CGROUP_SOCKOPT:
      return BPF_CGROUP_GETSOCKOPT;
    case BPF_PROG_TYPE_CGROUP_SYSCTL:
      return BPF_CGROUP_SYSCTL;
    case BPF_PROG_TYPE_CGROUP_DEVICE:
      return BPF_CGROUP_DEVICE;
    case BPF_PROG_TYPE_FLOW_DISSECTOR:
      return BPF_FLOW_DISSECTOR;
    default:
      return 0;
  }
}

bool HasWord(std::string_view name, std::string_view word) {
  const std::vector<std::string> words = Words(name);
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace knetlab
