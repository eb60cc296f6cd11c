// SPDX-License-Identifier: Apache-2.0
#include "harness/program/verdict.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <span>
#include <vector>

#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

struct NamedVerdict {
  std::int64_t code;
  const char* name;
  Decision decision;
};

constexpr std::array kXdpVerdicts = {
    NamedVerdict{XDP_ABORTED, "XDP_ABORTED", Decision::kDrop},
    NamedVerdict{XDP_DROP, "XDP_DROP", Decision::kDrop},
    NamedVerdict{XDP_PASS, "XDP_PASS", Decision::kPass},
    NamedVerdict{XDP_TX, "XDP_TX", Decision::kTransmit},
    NamedVerdict{XDP_REDIRECT, "XDP_REDIRECT", Decision::kRedirect},
};

// As cls_bpf's direct action treats them: RECLASSIFY, PIPE and REPEAT mean nothing there, and the packet goes
// on.
constexpr std::array kTcVerdicts = {
    NamedVerdict{TC_ACT_UNSPEC, "TC_ACT_UNSPEC", Decision::kPass},
    NamedVerdict{TC_ACT_OK, "TC_ACT_OK", Decision::kPass},
    NamedVerdict{TC_ACT_RECLASSIFY, "TC_ACT_RECLASSIFY", Decision::kPass},
    NamedVerdict{TC_ACT_SHOT, "TC_ACT_SHOT", Decision::kDrop},
    NamedVerdict{TC_ACT_PIPE, "TC_ACT_PIPE", Decision::kPass},
    NamedVerdict{TC_ACT_STOLEN, "TC_ACT_STOLEN", Decision::kStolen},
    NamedVerdict{TC_ACT_QUEUED, "TC_ACT_QUEUED", Decision::kStolen},
    NamedVerdict{TC_ACT_REPEAT, "TC_ACT_REPEAT", Decision::kPass},
    NamedVerdict{TC_ACT_REDIRECT, "TC_ACT_REDIRECT", Decision::kRedirect},
    NamedVerdict{TC_ACT_TRAP, "TC_ACT_TRAP", Decision::kStolen},
};

constexpr std::array kSkVerdicts = {
    NamedVerdict{SK_DROP, "SK_DROP", Decision::kDrop},
    NamedVerdict{SK_PASS, "SK_PASS", Decision::kPass},
};

// Bit 0: pass; bit 1, at egress: congestion, which the sender is told.
constexpr std::array kCgroupVerdicts = {
    NamedVerdict{0, "CGROUP_DROP", Decision::kDrop},
    NamedVerdict{1, "CGROUP_PASS", Decision::kPass},
    NamedVerdict{2, "CGROUP_DROP_CN", Decision::kDrop},
    NamedVerdict{3, "CGROUP_PASS_CN", Decision::kPass},
};

struct Vocabulary {
  std::span<const NamedVerdict> verdicts;
  Decision otherwise;
};

Vocabulary VocabularyOf(bpf_prog_type type) {
  switch (type) {
    case BPF_PROG_TYPE_XDP:
      return {kXdpVerdicts, Decision::kDrop};  // the kernel warns and drops
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
      return {kTcVerdicts, Decision::kPass};
    case BPF_PROG_TYPE_CGROUP_SKB:
      return {kCgroupVerdicts, Decision::kDrop};
    case BPF_PROG_TYPE_SK_SKB:
    case BPF_PROG_TYPE_SK_MSG:
    case BPF_PROG_TYPE_SK_LOOKUP:
    case BPF_PROG_TYPE_SK_REUSEPORT:
      return {kSkVerdicts, Decision::kDrop};
    default:
      return {{}, Decision::kPass};
  }
}

const NamedVerdict* Find(const Vocabulary& vocabulary, std::int64_t code) {
  // Programs return 32 bits; TC_ACT_UNSPEC is -1, and TEST_RUN hands it out as 4294967295.
  const auto value = static_cast<std::int32_t>(code);
  for (const NamedVerdict& verdict : vocabulary.verdicts) {
    if (verdict.code == value) return &verdict;
  }
  return nullptr;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// "drop" of XDP_DROP, "shot" of TC_ACT_SHOT.
std::string_view ShortName(std::string_view name) {
  for (const std::string_view prefix : {"XDP_", "TC_ACT_", "SK_", "CGROUP_"}) {
    if (name.substr(0, prefix.size()) == prefix) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

std::string ProgramTypeName(bpf_prog_type type) {
  const char* name = libbpf_bpf_prog_type_str(type);
  return name != nullptr ? name : std::to_string(static_cast<unsigned>(type));
}

bpf_prog_type ProgramTypeByName(std::string_view name) {
  std::vector<std::string> names;
  for (int value = BPF_PROG_TYPE_UNSPEC + 1;
       libbpf_bpf_prog_type_str(static_cast<bpf_prog_type>(value)) != nullptr; ++value) {
    names.push_back(ProgramTypeName(static_cast<bpf_prog_type>(value)));
    if (names.back() == name) return static_cast<bpf_prog_type>(value);
  }
  throw Error({.what = "choose a program type",
               .where = std::string(name),
               .why = "there is no such type",
               .hint = NearestHint(name, names),
               .detail = "",
               .code = EINVAL});
}

std::string VerdictName(bpf_prog_type type, std::int64_t code) {
  if (type == BPF_PROG_TYPE_SOCKET_FILTER) return code == 0 ? "SOCKET_DROP" : "SOCKET_PASS";
  const NamedVerdict* known = Find(VocabularyOf(type), code);
  return known != nullptr ? known->name : std::to_string(code);
}

std::int32_t VerdictByName(bpf_prog_type type, std::string_view name) {
  const std::string wanted = Lower(name);
  std::vector<std::string> names;
  for (const NamedVerdict& verdict : VocabularyOf(type).verdicts) {
    names.push_back(Lower(ShortName(verdict.name)));
    if (wanted == names.back() || wanted == Lower(verdict.name))
      return static_cast<std::int32_t>(verdict.code);
  }
  const bool tc = type == BPF_PROG_TYPE_SCHED_CLS || type == BPF_PROG_TYPE_SCHED_ACT;
  if (tc && wanted == "drop") return TC_ACT_SHOT;
  if (tc && wanted == "pass") return TC_ACT_OK;
  if (tc) names.insert(names.end(), {"drop", "pass"});
  throw Error({.what = "choose a verdict",
               .where = std::string(name),
               .why = fmt::format("{} programs have no such verdict; they have {}", ProgramTypeName(type),
                                  fmt::join(names, ", ")),
               .hint = NearestHint(name, names),
               .detail = "",
               .code = EINVAL});
}

Decision VerdictDecision(bpf_prog_type type, std::int64_t code) {
  if (type == BPF_PROG_TYPE_SOCKET_FILTER) return code == 0 ? Decision::kDrop : Decision::kPass;
  const Vocabulary vocabulary = VocabularyOf(type);
  const NamedVerdict* known = Find(vocabulary, code);
  return known != nullptr ? known->decision : vocabulary.otherwise;
}

}  // namespace knetlab
