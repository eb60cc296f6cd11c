// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "harness/program/instrument_code.h"
#include "harness/program/instrument_state.h"
#include "harness/program/verdict.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// The id of the program in a slot; 0 where it is empty.
std::uint32_t ProgramIn(int array, std::uint32_t slot) {
  std::uint32_t id = 0;
  return bpf_map_lookup_elem(array, &slot, &id) == 0 ? id : 0;
}

// Returns when every program that was running for a packet has ended. The kernel offers that to user space as
// a side effect: an update of a map of maps waits for them, so that the old map is out of use (Linux 5.0).
void WaitForRunningPrograms(const std::string& where) {
  const UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "knl_inner", 4, 4, 1, nullptr));
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.inner_map_fd = static_cast<std::uint32_t>(inner.get());
  const UniqueFd outer(inner ? bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "knl_wait", 4, 4, 1, &options)
                             : -1);
  const std::uint32_t first = 0;
  const int value = inner.get();
  if (!outer || bpf_map_update_elem(outer.get(), &first, &value, BPF_ANY) != 0)
    throw ErrnoError("wait for running programs of", where, errno);
}

}  // namespace

std::string_view MethodName(InstrumentMethod method) {
  switch (method) {
    case InstrumentMethod::kBypass:
      return "bypass";
    case InstrumentMethod::kWrapper:
      return "wrapper";
    case InstrumentMethod::kStaticStubs:
      return "static stubs";
    case InstrumentMethod::kExits:
      return "exits";
    case InstrumentMethod::kNone:
      break;
  }
  return "none";
}

std::optional<InstrumentMethod> InstrumentMethodByName(std::string_view name) {
  for (const InstrumentMethod method : {InstrumentMethod::kBypass, InstrumentMethod::kWrapper,
                                        InstrumentMethod::kStaticStubs, InstrumentMethod::kExits}) {
    if (name == MethodName(method)) return method;
  }
  return std::nullopt;
}

void Instrumentation::State::SetFlags() const {
  if (!flag) return;
  const std::uint32_t first = 0;
  InstrumentFlags flags{};
  flags.exits = enabled || at_exits > 0 ? 1 : 0;
  flags.entry = enabled || at_entry > 0 || (notes_redirects && at_exits > 0) ? 1 : 0;
  if (bpf_map_update_elem(flag.get(), &first, &flags, BPF_ANY) != 0)
    throw ErrnoError("switch capture on or off at program", name, errno);
}

Insertion::Insertion() = default;
Insertion::Insertion(Insertion&&) noexcept = default;

Insertion& Insertion::operator=(Insertion&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Insertion::~Insertion() {
  if (state_ == nullptr) return;
  Instrumentation::State& owner = *state_->owner;
  const std::lock_guard lock(owner.mutex);
  if (ProgramIn(state_->array, state_->slot) == state_->program_id)
    bpf_map_delete_elem(state_->array, &state_->slot);
  --state_->count();
  try {
    owner.SetFlags();
  } catch (const Error&) {
    // The slot is empty; only the flag stays on, and its call's time is lost.
    return;
  }
}

void Insertion::End() {
  if (state_ == nullptr) return;
  const std::string where = state_->owner->name;
  { const Insertion ending = std::move(*this); }
  WaitForRunningPrograms(where);
}

Instrumentation::Instrumentation(std::shared_ptr<State> state) : state_(std::move(state)) {}
Instrumentation::~Instrumentation() = default;

InstrumentMethod Instrumentation::method() const {
  return state_->method;
}
const std::string& Instrumentation::why() const {
  return state_->why;
}
const std::string& Instrumentation::unseen() const {
  return state_->unseen;
}
bool Instrumentation::notes_redirects() const {
  return state_->notes_redirects;
}
int Instrumentation::plain_fd() const {
  return state_->plain_fd;
}
int Instrumentation::entry_fd() const {
  return state_->entry.get();
}
int Instrumentation::exits_fd() const {
  return state_->exits.get();
}
int Instrumentation::redirect_notes_fd() const {
  return state_->notes == nullptr ? -1 : state_->notes->get();
}

std::size_t Instrumentation::slots() const {
  return state_->method == InstrumentMethod::kNone ? 0 : state_->places.count();
}

std::size_t Instrumentation::SlotOf(std::int64_t verdict) const {
  return state_->places.SlotOf(verdict);
}

std::string Instrumentation::SlotName(std::size_t slot) const {
  return ExitPlaceName(state_->type, state_->places, slot);
}

RawProgram Instrumentation::LoadCapture(const std::string& name,
                                        std::span<const bpf_insn> instructions) const {
  RawProgramSpec spec;
  spec.name = name;
  spec.type = state_->type;
  spec.expected_attach_type = state_->expected_attach_type;
  spec.has_frags = state_->has_frags;
  spec.instructions = instructions;
  return RawProgram::Load(spec);
}

Insertion Instrumentation::InsertAtEntry(const RawProgram& program) const {
  return Insert(false, 0, program);
}

Insertion Instrumentation::InsertAtExit(std::size_t slot, const RawProgram& program) const {
  return Insert(true, slot, program);
}

Insertion Instrumentation::Insert(bool at_exit, std::size_t slot, const RawProgram& program) const {
  const std::string where =
      fmt::format("{} {}", state_->name, at_exit ? "at exit " + SlotName(slot) : std::string("at entry"));
  ErrorParts parts{
      .what = "insert program", .where = where, .why = "", .hint = "", .detail = "", .code = EINVAL};
  if (state_->method == InstrumentMethod::kNone) {
    parts.why = "the program is not instrumented";
    parts.detail = state_->why;
    throw Error(std::move(parts));
  }
  if (slot >= (at_exit ? slots() : 1)) {
    parts.why = fmt::format("there are {} slots", slots());
    throw Error(std::move(parts));
  }
  auto inserted = std::make_unique<Insertion::State>();
  inserted->owner = state_;
  inserted->at_exit = at_exit;
  inserted->array = (at_exit ? state_->exits : state_->entry).get();
  inserted->slot = static_cast<std::uint32_t>(slot);
  inserted->program_id = program.program().id();

  const std::lock_guard lock(state_->mutex);
  if (const std::uint32_t other = ProgramIn(inserted->array, inserted->slot); other != 0) {
    parts.why = fmt::format("program {} is already there", other);
    parts.hint = "bpftool prog show id " + std::to_string(other);
    parts.code = EBUSY;
    throw Error(std::move(parts));
  }
  const int fd = program.fd();
  if (bpf_map_update_elem(inserted->array, &inserted->slot, &fd, BPF_ANY) != 0) {
    throw ErrnoError(
        parts.what, where, errno,
        errno == EINVAL ? "it must have the type, frags flag and expected attach type of the other" : "");
  }
  Insertion insertion;
  insertion.state_ = std::move(inserted);
  ++insertion.state_->count();
  try {
    state_->SetFlags();
  } catch (const Error&) {
    --insertion.state_->count();
    bpf_map_delete_elem(insertion.state_->array, &insertion.state_->slot);
    insertion.state_.reset();
    throw;
  }
  return insertion;
}

void Instrumentation::SetEnabled(bool on) const {
  const std::lock_guard lock(state_->mutex);
  state_->enabled = on;
  state_->SetFlags();
}

}  // namespace knetlab
