// SPDX-License-Identifier: Apache-2.0
// From the tracer's facts about a packet to its fate: what happened, where, and why. docs/dev-ledger.md has
// the table.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bpf/include/ledger_abi.h"
#include "harness/measure/account.h"
#include "harness/measure/kernel_symbols.h"
#include "harness/measure/ledger.h"
#include "netns/topology.h"

namespace knetlab {

struct Outcome {
  Fate fate = Fate::kLost;
  std::string place, reason;
  bool explained = true;  // false: no event says what became of it; `place` is where it was last seen
};

class Resolver {
 public:
  using SocketName = std::function<std::string(std::uint64_t address)>;  // "10.0.0.2:53"; empty where unknown

  Resolver(const Topology& topology, const std::vector<HookedProgram>& hooks, const KernelSymbols& symbols,
           SocketName socket_name);

  Outcome Resolve(const ledger_end_key& key) const;
  // What a hooked program decided for a packet; nothing where the packet never got to it.
  std::optional<std::int64_t> VerdictAt(std::size_t hook, const ledger_end_key& key) const;

  // Of a hook on a device: "server:eth0 xdp filter".
  std::string PlaceOf(const HookedProgram& hook) const;
  std::string EndpointName(std::uint32_t netns, std::uint32_t ifindex) const;  // "server:eth0"
  ledger_station_key StationOf(const HookedProgram& hook) const;

 private:
  Outcome BeforeItsQueue(const ledger_end_key& key) const;
  Outcome InTransit(const ledger_end_key& key) const;
  Outcome InStack(const ledger_end_key& key) const;
  Outcome InSocket(const ledger_end_key& key) const;
  Outcome InNativeXdp(const ledger_end_key& key) const;
  // What the last program on the way decided; "passed" where none sent the packet elsewhere.
  Outcome Continued(const ledger_end_key& key, std::string place, std::string reason) const;

  bool TcRedirectFailed(const ledger_end_key& key) const;
  bool EndedInGenericXdp(const ledger_end_key& key) const;
  const HookedProgram* HookAt(std::uint32_t netns, std::uint32_t ifindex, std::string_view kind) const;
  std::string HookPlace(std::uint32_t netns, std::uint32_t ifindex, std::string_view kind,
                        std::string_view label) const;
  std::string NamespaceName(std::uint32_t netns) const;
  std::string PeerName(std::uint32_t netns, std::uint32_t ifindex) const;
  std::string SocketPlace(const ledger_end_key& key) const;

  const Topology& topology_;
  const std::vector<HookedProgram>& hooks_;
  const KernelSymbols& symbols_;
  SocketName socket_name_;
};

}  // namespace knetlab
