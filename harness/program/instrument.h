// SPDX-License-Identifier: Apache-2.0
// Verdict capture of programs that know nothing of it. A program that is loaded with
// `LoadOptions::instrument` has a place before it (entry) and one after it for each verdict (exits), and
// programs of the caller come and go there while packets flow:
//
//   BpfObject object = BpfObject::Load("filter.o", {.instrument = InstrumentOptions{}});
//   const Instrumentation& instrumentation = *object.program("xdp_filter").instrumentation();
//   if (instrumentation.method() == InstrumentMethod::kNone) explain(instrumentation.why());
//   RawProgram capture = instrumentation.LoadCapture("capture", instructions);
//   Insertion insertion = instrumentation.InsertAtExit(instrumentation.SlotOf(XDP_DROP), capture);
//
// What the program decides and does to a packet stays as it was: the inserted programs see the packet (at
// entry before the program, at exit as the program left it), and what they return is ignored; it must be a
// value that the program's type allows. They must not change the packet. While nothing is inserted, the
// places cost some 2 ns a packet.
//
// The places are program arrays (entry_fd(), exits_fd()) behind a flag. A program in them has the type, frags
// flag and expected attach type of the program it watches; LoadCapture() sees to that.
//
// A program that tail-calls others is seen once, with the verdict that the last of them gave; unseen() tells
// where that cannot be. What is inserted counts among the 33 tail calls of a packet.
//
// Owned by the BpfObject or RawProgram it belongs to; what an Insertion holds on to lives as long as that.
// Thread-safe. Errors are knetlab::Error.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "harness/program/instrument_options.h"
#include "harness/program/object.h"
#include "harness/program/raw_program.h"
#include "netns/fd.h"

namespace knetlab {

// Where a program asked the kernel to redirect its packet to. One for each CPU, in an array map of one value:
// note N is that of CPU N. Noted only while something is inserted, and cleared for each packet, so that a
// program inserted at the exit of a redirect verdict, which runs on the same CPU, reads its packet's own.
struct RedirectNote {
  std::uint64_t target;     // the interface's index; of bpf_redirect_map the key
  std::uint32_t helper;     // bpf_func_id: redirect, redirect_map, redirect_peer, redirect_neigh; 0: no note
  std::uint32_t map_id;     // of bpf_redirect_map; 0 where the kernel has no BTF
  std::uint64_t unused[6];  // a cache line for each CPU
};

// A program in its place; taken out when this goes. May outlive the Instrumentation.
class [[nodiscard]] Insertion {
 public:
  Insertion();  // of nothing
  Insertion(Insertion&&) noexcept;
  Insertion& operator=(Insertion&&) noexcept;
  ~Insertion();

  // Takes the program out, and waits until it runs for no packet any more: what it counts is final then.
  void End();

 private:
  friend class Instrumentation;
  struct State;
  std::unique_ptr<State> state_;
};

class Instrumentation {
 public:
  Instrumentation(const Instrumentation&) = delete;
  Instrumentation& operator=(const Instrumentation&) = delete;
  ~Instrumentation();

  InstrumentMethod method() const;
  // Why it is none, or none of those tried before this one: one method a line. Empty for the first.
  const std::string& why() const;
  // How the program can end besides, unseen: "tail calls", "exceptions (bpf_throw)". Empty where every packet
  // is seen.
  const std::string& unseen() const;
  bool notes_redirects() const;  // false also where the program redirects nothing

  // The program as it was before, with the same maps: to measure what it costs by itself. Owned by the
  // BpfObject.
  int plain_fd() const;

  // Places at exit: one for each verdict of the program's type, and for XDP, TC and cgroup_skb a last one for
  // what is no verdict. 0 slots, and -1 for the descriptors, where the method is none.
  std::size_t slots() const;
  std::size_t SlotOf(std::int64_t verdict) const;  // of any 32-bit value, signed or not
  std::string SlotName(std::size_t slot) const;    // "XDP_DROP", "other"
  int entry_fd() const;                            // program array of one
  int exits_fd() const;                            // program array of slots()
  int redirect_notes_fd() const;                   // array map of one value: RedirectNote[possible CPUs]

  // Programs for the places. Throws Error: refused by the verifier.
  RawProgram LoadCapture(const std::string& name, std::span<const bpf_insn> instructions) const;

  // Puts a program in; what is inserted is switched on as long as there is any. Throws Error: the place is
  // taken (by whom), the program is of another kind.
  Insertion InsertAtEntry(const RawProgram& program) const;
  Insertion InsertAtExit(std::size_t slot, const RawProgram& program) const;

  // The flag, for programs that reach the arrays by other ways (pinned, by another process): true keeps it
  // on, false leaves it to the insertions.
  void SetEnabled(bool on) const;

 private:
  friend class Instrumenter;
  friend class Insertion;
  struct State;
  explicit Instrumentation(std::shared_ptr<State> state);
  Insertion Insert(bool at_exit, std::size_t slot, const RawProgram& program) const;
  std::shared_ptr<State> state_;
};

}  // namespace knetlab
