// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "harness/program/instrument_code.h"
#include "harness/program/instrument_ends.h"
#include "harness/program/instrument_kernel.h"
#include "harness/program/instrument_redirect.h"
#include "harness/program/instrument_state.h"
#include "harness/program/instrument_types.h"
#include "harness/program/libbpf_log.h"
#include "harness/program/verdict.h"
#include "harness/program/verifier_log.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint32_t kMaxSlotsLookedAt = 65536;

UniqueFd Map(bpf_map_type type, const char* name, std::size_t value_size, std::size_t entries) {
  UniqueFd map(bpf_map_create(type, name, sizeof(std::uint32_t), static_cast<std::uint32_t>(value_size),
                              static_cast<std::uint32_t>(entries), nullptr));
  if (!map) throw ErrnoError("create map", name, errno);
  return map;
}

// One thing to try.
struct Attempt {
  InstrumentMethod method;
  bool note_redirects;

  std::string Name() const {
    return fmt::format("{}{}", MethodName(method), note_redirects ? " with redirect targets" : "");
  }
};

// A call and return costs 2 to 8 ns, the more where the CPU's returns are guarded (Linux's "Safe RET"), and
// the wrapper has one more. Programs that end in ways that their exits do not show go around it by a bypass;
// the wrapper alone is for those that are too large for that, or have too much stack.
std::vector<InstrumentMethod> Methods(const InstrumentOptions& options, const HiddenEnds& ends) {
  if (!options.methods.empty()) return options.methods;
  if (ends.BehindExits())
    return {InstrumentMethod::kBypass, InstrumentMethod::kWrapper, InstrumentMethod::kStaticStubs,
            InstrumentMethod::kExits};
  return {InstrumentMethod::kExits, InstrumentMethod::kWrapper, InstrumentMethod::kStaticStubs};
}

std::vector<Attempt> Attempts(const std::vector<InstrumentMethod>& methods, bool redirects) {
  std::vector<Attempt> attempts;
  for (const InstrumentMethod method : methods) {
    if (method == InstrumentMethod::kNone) continue;
    if (redirects) attempts.push_back({method, true});
    attempts.push_back({method, false});
  }
  return attempts;
}

const char* LicenseOf(int fd, const std::string& name) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) throw ErrnoError("inspect program", name, errno);
  return info.gpl_compatible != 0 ? "GPL" : "Proprietary";
}

// Throws Error where the verifier refuses.
UniqueFd LoadDescribed(const ProgramCode& program, const char* license, const InstrumentedCode& code,
                       const DescribedCode& described) {
  const LibbpfLog log;
  const VerifierLogBuffer verifier;
  std::vector<int> modules = program.ModuleBtfFds();
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = static_cast<bpf_attach_type>(program.expected_attach_type);
  options.prog_flags = program.flags;
  options.prog_btf_fd = static_cast<std::uint32_t>(described.btf.get());
  options.fd_array = modules.empty() ? nullptr : modules.data();
  options.func_info = described.functions.data();
  options.func_info_cnt = static_cast<std::uint32_t>(described.functions.size());
  options.func_info_rec_size = sizeof(bpf_func_info);
  if (!described.lines.empty()) {
    options.line_info = described.lines.data();
    options.line_info_cnt = static_cast<std::uint32_t>(described.lines.size());
    options.line_info_rec_size = sizeof(bpf_line_info);
  }
  // Level 0: libbpf tries once more, with the log, where the program is refused.
  options.log_buf = verifier.data();
  options.log_size = static_cast<std::uint32_t>(verifier.size());
  UniqueFd fd(bpf_prog_load(program.type, program.name.c_str(), license, code.instructions.data(),
                            code.instructions.size(), &options));
  if (fd) return fd;
  const int error = errno;
  const std::string text = verifier.Text();
  throw Error({.what = "load instrumented program",
               .where = program.name,
               .why = text.empty() ? std::generic_category().message(error) : VerifierReason(text),
               .hint = "",
               .detail = "",
               .code = error});
}

}  // namespace

std::unique_ptr<Instrumentation> Instrumenter::Instrument(const Program& plain, const ProgramCode* code) {
  auto state = std::make_shared<Instrumentation::State>();
  state->name = plain.name();
  state->type = plain.type();
  state->expected_attach_type = plain.expected_attach_type();
  state->has_frags = plain.has_frags();
  state->plain_fd = plain.fd();
  const auto finish = [&state](std::string why) {
    state->why = std::move(why);
    return std::unique_ptr<Instrumentation>(new Instrumentation(std::move(state)));
  };

  const std::optional<ExitPlaces> places = ExitPlacesOf(plain.type());
  if (!places) {
    return finish(fmt::format("programs of type {} are not instrumented", ProgramTypeName(plain.type())));
  }
  state->places = *places;
  if (code == nullptr) return finish("libbpf did not show the program's instructions");

  std::string refusals;
  try {
    const HiddenEnds ends = FindHiddenEnds(code->instructions);
    const bool redirects = options_.note_redirects && !FindRedirectCalls(code->instructions).empty();
    const std::vector<Attempt> attempts = Attempts(Methods(options_, ends), redirects);
    if (attempts.empty()) return finish("left as it is, as asked");
    const char* license = LicenseOf(plain.fd(), plain.name());
    InstrumentPlan plan;
    plan.places = *places;
    plan.cpus = libbpf_num_possible_cpus();
    if (redirects) plan.offset_of_map_id = OffsetOfMapId();
    if (plan.cpus <= 0) throw ErrnoError("count", "possible CPUs", -plan.cpus);
    state->flag = Map(BPF_MAP_TYPE_ARRAY, "knl_flag", sizeof(InstrumentFlags), 1);
    state->entry = Map(BPF_MAP_TYPE_PROG_ARRAY, "knl_entry", sizeof(std::uint32_t), 1);
    state->exits = Map(BPF_MAP_TYPE_PROG_ARRAY, "knl_exits", sizeof(std::uint32_t), places->count());
    if (redirects && notes_ == nullptr) {
      notes_ = std::make_shared<const UniqueFd>(Map(
          BPF_MAP_TYPE_ARRAY, "knl_redirect", sizeof(RedirectNote) * static_cast<std::size_t>(plan.cpus), 1));
    }
    plan.maps = {.flag = state->flag.get(),
                 .entry = state->entry.get(),
                 .exits = state->exits.get(),
                 .notes = notes_ == nullptr ? -1 : notes_->get()};
    for (const Attempt& attempt : attempts) {
      plan.method = attempt.method;
      plan.note_redirects = attempt.note_redirects;
      try {
        const InstrumentedCode instrumented = Instrumented(code->instructions, plan);
        const StubKind stubs{.global = attempt.method != InstrumentMethod::kStaticStubs,
                             .context = places->context};
        state->program = LoadDescribed(*code, license, instrumented, Describe(*code, instrumented, stubs));
        state->method = attempt.method;
        state->unseen = UnseenBy(attempt.method, ends);
        state->notes_redirects = instrumented.notes_redirects;
        if (attempt.note_redirects) state->notes = notes_;
        return finish(std::move(refusals));
      } catch (const Error& error) {
        refusals += fmt::format("{}{}: {}", refusals.empty() ? "" : "\n", attempt.Name(), error.parts().why);
      }
    }
  } catch (const Error& error) {
    refusals = error.what();
  }
  state->flag.reset();
  state->entry.reset();
  state->exits.reset();
  return finish(std::move(refusals));
}

int Instrumenter::FdOf(const Instrumentation& instrumentation) {
  return instrumentation.state_->program.get();
}

void ReplaceInProgramArray(int array, std::uint32_t slots, const std::map<std::uint32_t, int>& fds) {
  for (std::uint32_t slot = 0; slot < std::min(slots, kMaxSlotsLookedAt); ++slot) {
    std::uint32_t id = 0;
    if (bpf_map_lookup_elem(array, &slot, &id) != 0) continue;
    const auto other = fds.find(id);
    if (other == fds.end()) continue;
    if (bpf_map_update_elem(array, &slot, &other->second, BPF_ANY) != 0)
      throw ErrnoError("put the instrumented program into slot", std::to_string(slot), errno);
  }
}

}  // namespace knetlab
