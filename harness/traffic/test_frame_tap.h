// SPDX-License-Identifier: Apache-2.0
// What arrives at an interface, for tests.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "harness/traffic/test_packets.h"
#include "netns/fd.h"
#include "netns/namespace.h"
#include "netns/topology_spec.h"

struct order_sink_bpf;

namespace knetlab::testing {

// client:eth0 and server:eth0; with GRO the server takes frames.
TopologySpec TwoNamespaces(bool gro = false);

// Sees all that arrives at an interface, from its construction on.
class FrameTap {
 public:
  FrameTap(const Namespace& ns, const char* interface);
  // The next `count` frames, or fewer where they do not come.
  std::vector<Bytes> Take(std::size_t count);
  bool HasMore() const;

 private:
  UniqueFd fd_;
};

// An XDP program that drops what arrives at an interface, however fast, and keeps a hash over all its bytes
// in their order.
class OrderSink {
 public:
  OrderSink(const Namespace& ns, const char* interface);
  ~OrderSink();
  std::uint64_t packets() const;
  std::uint64_t hash() const;
  // What the hash is after these, so many times.
  static std::uint64_t HashOf(const std::vector<Packet>& packets, std::uint64_t loops);

 private:
  struct Deleter {
    void operator()(order_sink_bpf* skeleton) const;
  };
  std::unique_ptr<order_sink_bpf, Deleter> skeleton_;
  UniqueFd link_;
};

}  // namespace knetlab::testing
