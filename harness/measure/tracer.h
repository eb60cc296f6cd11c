// SPDX-License-Identifier: Apache-2.0
// The kernel side of the ledger: the programs of bpf/harness/ledger.bpf.c, loaded once, attached to the
// kernel's packet tracepoints only while an account is open. Make one for as many runs as there are; making
// one takes some 100 ms.
//
// Thread-safe. Everything is released when the object goes, and by the kernel when the process ends.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bpf/include/ledger_abi.h"
#include "harness/measure/kernel_symbols.h"

namespace knetlab {

class Tracer {
 public:
  Tracer();  // throws Error where the kernel lacks tp_btf programs or BTF
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  const KernelSymbols& symbols() const;

  // A place for one account among LEDGER_ACCOUNTS. Tracing is attached while at least one is held.
  class Slot {
   public:
    explicit Slot(std::shared_ptr<Tracer> tracer);  // throws Error when all are taken
    ~Slot();
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    std::uint32_t number() const { return number_; }
    volatile ledger_account& shared() const;  // memory that the programs read and write

    void WatchNamespace(std::uint32_t inode);
    void WatchSender(std::uint64_t cookie, std::uint32_t ifindex);
    void WatchStation(const ledger_station_key& at, const ledger_station& station);
    // Facts of this account. Call after shared().active is 0.
    struct Aged {
      std::uint32_t hooks = 0;   // that had decided by then; 0: a socket had been told
      std::uint32_t bucket = 0;  // of the age in nanoseconds, as Histogram::AddBucket() takes it
      std::uint64_t count = 0;
    };
    struct Ended {
      ledger_end_key key{};
      std::uint64_t count = 0;
      std::vector<Aged> aged;
    };
    struct Packet {
      std::uint64_t index = 0;
      ledger_end_key key{};
    };
    struct Counted {
      ledger_counter_key key{};
      ledger_counter_value value{};
    };
    struct Facts {
      std::vector<Ended> ended;      // and what has not ended, with kind END_LIVE
      std::vector<Packet> packets;   // where per_packet was set
      std::vector<Counted> counted;  // frames at devices
    };
    Facts Take();
    // Where of ours any packet is still waiting, by stage: for the deadline's message and for the decision to
    // wait on.
    bool HasWaiting() const;
    // The socket behind ledger_path::socket; false where the tracer knows none.
    bool FindSocket(std::uint64_t address, ledger_socket* socket) const;

   private:
    std::map<std::uint64_t, std::vector<Aged>> TakeAges();

    std::shared_ptr<Tracer> tracer_;
    std::uint32_t number_ = 0;
    std::vector<std::uint32_t> namespaces_;
    std::vector<std::uint64_t> senders_;
    std::vector<ledger_station_key> stations_;
  };

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace knetlab
