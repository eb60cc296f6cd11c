// SPDX-License-Identifier: Apache-2.0
// Carries out a plan, phase by phase over all namespaces, so that each phase may rely on the one before
// everywhere.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "netns/namespace.h"
#include "netns/netlink.h"
#include "netns/topology_plan.h"
#include "netns/topology_spec.h"

namespace knetlab {

class TopologyBuilder {
 public:
  TopologyBuilder(const TopologySpec& spec, TopologyPlan& plan) : spec_(spec), plan_(plan) {}

  // Throws Error; then everything that was built goes with this object. Gives the plan's endpoints their
  // interface numbers.
  std::vector<Namespace> Build();

 private:
  void CreateNamespacesAndLinks();
  void StartNamespace(std::size_t ns, int fd);
  void NumberInterfaces(NetlinkSocket& socket);
  NetlinkRequest LinkRequest(std::size_t link, std::size_t from_ns) const;
  void CreateBridges();
  void AddAddresses();
  void AwaitIpv6Addresses(std::size_t ns);
  void SetTunables();
  void BringUp();
  void AwaitOperational();
  std::string NotOperational(std::size_t ns);
  template <typename Unfinished>
  void Await(std::size_t ns, unsigned group, const char* what, Unfinished unfinished);
  void AddNeighbours();
  void AddRoutes();
  void AddRules();
  void AddQdiscs();

  bool QuietIpv6(std::size_t endpoint) const { return plan_.uses_ipv6[plan_.namespace_of[endpoint]]; }
  int DeviceIndex(const std::string& ns, const std::string& device) const;
  // Requests collected by namespace, then sent.
  std::vector<std::vector<NetlinkRequest>> NewBatches() const;
  void SendAll(std::vector<std::vector<NetlinkRequest>>& batches);

  const TopologySpec& spec_;
  TopologyPlan& plan_;
  std::vector<Namespace> namespaces_;
  // One in each namespace while it is being built: it works there from any thread.
  std::vector<std::optional<NetlinkSocket>> sockets_;

  // Of the first phase, which runs on several threads.
  std::once_flag numbered_;
  std::vector<int> namespace_fds_;
  std::vector<std::vector<std::size_t>> links_of_;  // by namespace
  std::vector<std::atomic<int>> missing_ends_;      // by link: namespaces that it still waits for
};

}  // namespace knetlab
