// SPDX-License-Identifier: Apache-2.0
// What an Instrumentation holds, shared with the Insertions it gave out. Internal to instrumentation.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "harness/program/instrument.h"
#include "harness/program/instrument_places.h"

namespace knetlab {

struct Instrumentation::State {
  std::string name;  // of the program
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;
  std::uint32_t expected_attach_type = 0;
  bool has_frags = false;
  int plain_fd = -1;

  InstrumentMethod method = InstrumentMethod::kNone;
  std::string why, unseen;
  bool notes_redirects = false;
  ExitPlaces places;
  UniqueFd program, flag, entry, exits;
  std::shared_ptr<const UniqueFd>
      notes;  // shared by the programs of an object, which may tail-call each other

  std::mutex mutex;  // guards what follows, and the arrays
  int at_entry = 0;  // insertions
  int at_exits = 0;
  bool enabled = false;

  void SetFlags() const;  // throws Error
};

struct Insertion::State {
  std::shared_ptr<Instrumentation::State> owner;
  bool at_exit = false;
  int array = -1;
  std::uint32_t slot = 0;
  std::uint32_t program_id = 0;

  int& count() const { return at_exit ? owner->at_exits : owner->at_entry; }
};

}  // namespace knetlab
