// SPDX-License-Identifier: Apache-2.0
#include "netns/topology.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <unordered_map>

#include "netns/error.h"
#include "netns/ethtool.h"
#include "netns/keep.h"
#include "netns/nearest.h"
#include "netns/topology_builder.h"
#include "netns/topology_plan.h"

namespace knetlab {
namespace {

constexpr int kMostMembers = 65536;

bool WholeNumber(std::string_view text, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::vector<std::string> ExpandFamily(std::string_view name) {
  const std::size_t open = name.find_first_of("[]");
  if (open == std::string_view::npos) return {std::string(name)};
  int first = 0;
  int last = 0;
  const std::size_t dots = name.find("..", open);
  const bool good = name[open] == '[' && name.back() == ']' && dots != std::string_view::npos &&
                    WholeNumber(name.substr(open + 1, dots - open - 1), first) &&
                    WholeNumber(name.substr(dots + 2, name.size() - dots - 3), last) && first >= 0 &&
                    last >= first;
  if (!good || last - first >= kMostMembers) {
    throw Error({.what = "expand names",
                 .where = fmt::format("'{}'", name),
                 .why = good ? fmt::format("more than {} names", kMostMembers) : "not a family of names",
                 .hint = "such as server[1..16]",
                 .detail = "",
                 .code = EINVAL});
  }
  std::vector<std::string> names;
  for (int i = first; i <= last; ++i) names.push_back(fmt::format("{}{}", name.substr(0, open), i));
  return names;
}

struct Topology::Impl {
  explicit Impl(const TopologySpec& given)
      : spec(given), plan(spec), namespaces(TopologyBuilder(spec, plan).Build()) {}

  TopologySpec spec;
  TopologyPlan plan;
  std::vector<Namespace> namespaces;
};

Topology::Topology(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Topology::Topology(Topology&&) noexcept = default;
Topology& Topology::operator=(Topology&&) noexcept = default;
Topology::~Topology() = default;

Topology Topology::Build(const TopologySpec& spec) {
  return Topology(std::make_unique<Impl>(spec));
}

const TopologySpec& Topology::spec() const {
  return impl_->spec;
}
const std::vector<EndpointInfo>& Topology::endpoints() const {
  return impl_->plan.endpoints;
}

const Namespace& Topology::ns(std::string_view name) const {
  const auto& index = impl_->plan.namespace_index;
  if (const auto found = index.find(std::string(name)); found != index.end())
    return impl_->namespaces[found->second];
  std::vector<std::string> names;
  for (const NamespaceSpec& ns : impl_->spec.namespaces) names.push_back(ns.name);
  throw Error({.what = "find namespace",
               .where = std::string(name),
               .why = "the topology has none of this name",
               .hint = NearestHint(name, names),
               .detail = "",
               .code = ENOENT});
}

const EndpointInfo& Topology::endpoint(std::string_view ns_and_interface) const {
  const auto& index = impl_->plan.endpoint_index;
  if (const auto found = index.find(std::string(ns_and_interface)); found != index.end())
    return endpoints()[found->second];
  std::vector<std::string> names;
  for (const EndpointInfo& endpoint : endpoints()) names.push_back(endpoint.ToString());
  throw Error({.what = "find endpoint",
               .where = std::string(ns_and_interface),
               .why = "the topology has none of this name",
               .hint = NearestHint(ns_and_interface, names),
               .detail = "",
               .code = ENOENT});
}

void Topology::Keep(const std::string& prefix, bool on_purpose, const std::vector<int>& descriptors) {
  KeepNamespaces(impl_->namespaces, prefix, on_purpose, descriptors);
}

void Topology::EnableNapi(const EndpointInfo& endpoint) const {
  SetOffload(endpoint, "rx-gro", true);
}

void Topology::SetOffload(const EndpointInfo& endpoint, const std::string& feature, bool on) const {
  ns(endpoint.ns).Run([&] { SetFeatures(endpoint.ifindex, endpoint.ToString(), {{feature, on}}); });
}

}  // namespace knetlab
