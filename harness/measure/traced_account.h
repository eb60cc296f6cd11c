// SPDX-License-Identifier: Apache-2.0
// The account that follows every packet by the tracer's events.
#pragma once

#include <memory>
#include <vector>

#include "harness/measure/account.h"

namespace knetlab {

class TracedAccount : public Account {
 public:
  TracedAccount(std::shared_ptr<Tracer> tracer, const Topology& topology, std::vector<HookedProgram> hooks,
                const AccountOptions& options);
  ~TracedAccount() override;

  void OnSocket(std::uint64_t cookie, std::uint32_t ifindex) override;
  void OnBatch(std::uint64_t first, std::uint32_t count) override;
  AccountResult Close(const std::vector<SentTraffic>& sent, std::chrono::nanoseconds deadline) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace knetlab
