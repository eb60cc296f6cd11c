// SPDX-License-Identifier: Apache-2.0
#include "harness/program/btf_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "harness/program/btf_handle.h"
#include "harness/program/libbpf_log.h"

namespace knetlab {
namespace {

// No compiler writes longer chains of const, volatile and typedef.
constexpr int kMaxChain = 64;

class Checker {
 public:
  explicit Checker(const btf* types) : types_(types), count_(btf__type_cnt(types)) {}

  bool AllSound() const {
    for (std::uint32_t id = 1; id < count_; ++id) {
      const btf_type* type = btf__type_by_id(types_, id);
      if (type == nullptr || !IsName(type->name_off) || !IsSound(type) || !ChainEnds(type)) return false;
    }
    return true;
  }

 private:
  bool IsName(std::uint32_t offset) const { return btf__str_by_offset(types_, offset) != nullptr; }
  bool IsType(std::uint32_t id) const { return id < count_; }

  bool HasKind(std::uint32_t id, int kind) const {
    const btf_type* type = IsType(id) ? btf__type_by_id(types_, id) : nullptr;
    return type != nullptr && btf_kind(type) == kind;
  }

  template <typename Entry, typename Check>
  static bool Every(const Entry* entries, std::size_t count, Check check) {
    return std::all_of(entries, entries + count, check);
  }

  bool IsSound(const btf_type* type) const {
    const std::size_t count = btf_vlen(type);
    switch (btf_kind(type)) {
      case BTF_KIND_PTR:
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_CONST:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_RESTRICT:
      case BTF_KIND_VAR:
      case BTF_KIND_DECL_TAG:
      case BTF_KIND_TYPE_TAG:
        return IsType(type->type);
      case BTF_KIND_FUNC:
        return HasKind(type->type, BTF_KIND_FUNC_PROTO);
      case BTF_KIND_ARRAY:
        return IsType(btf_array(type)->type) && IsType(btf_array(type)->index_type);
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return Every(btf_members(type), count,
                     [this](const btf_member& m) { return IsName(m.name_off) && IsType(m.type); });
      case BTF_KIND_ENUM:
        return Every(btf_enum(type), count, [this](const struct btf_enum& e) { return IsName(e.name_off); });
      case BTF_KIND_ENUM64:
        return Every(btf_enum64(type), count,
                     [this](const struct btf_enum64& e) { return IsName(e.name_off); });
      case BTF_KIND_FUNC_PROTO:
        return IsType(type->type) && Every(btf_params(type), count, [this](const btf_param& p) {
                 return IsName(p.name_off) && IsType(p.type);
               });
      case BTF_KIND_DATASEC:
        return Every(btf_var_secinfos(type), count, [this](const btf_var_secinfo& v) {
          return HasKind(v.type, BTF_KIND_VAR) || HasKind(v.type, BTF_KIND_FUNC);
        });
      default:
        return true;
    }
  }

  // Types that only lead on to another one: where a chain of them is endless, so is libbpf's way along it.
  bool ChainEnds(const btf_type* type) const {
    for (int steps = 0; steps < kMaxChain; ++steps) {
      if (type == nullptr) return false;
      if (btf_is_array(type)) {
        type = IsType(btf_array(type)->type) ? btf__type_by_id(types_, btf_array(type)->type) : nullptr;
      } else if (btf_is_mod(type) || btf_is_typedef(type)) {
        type = btf__type_by_id(types_, type->type);
      } else {
        return true;
      }
    }
    return false;
  }

  const btf* types_;
  std::uint32_t count_;
};

// libbpf 1.1 takes the length of the header from the header, and leaves it out where it looks whether all
// else fits.
bool FitsWithItsHeader(std::span<const std::byte> section) {
  btf_header header{};
  if (section.size() < sizeof(header)) return true;  // which libbpf refuses
  std::memcpy(&header, section.data(), sizeof(header));
  const auto ends_within = [&](std::uint64_t offset, std::uint64_t length) {
    return header.hdr_len + offset + length <= section.size();
  };
  return header.hdr_len >= sizeof(header) && ends_within(header.type_off, header.type_len) &&
         ends_within(header.str_off, header.str_len);
}

}  // namespace

std::string BtfDefect(std::span<const std::byte> section) {
  if (!FitsWithItsHeader(section)) return "its BTF ends within a part of it";
  LibbpfLog quiet;
  const BtfHandle types(btf__new(section.data(), static_cast<std::uint32_t>(section.size())));
  if (types == nullptr || Checker(types.get()).AllSound()) return "";
  return "its BTF refers to types or names that it does not have";
}

}  // namespace knetlab
