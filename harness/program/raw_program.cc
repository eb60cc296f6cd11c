// SPDX-License-Identifier: Apache-2.0
#include "harness/program/raw_program.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <utility>

#include "harness/program/instrument_harvest.h"
#include "harness/program/instrument_load.h"
#include "harness/program/program_info.h"
#include "harness/program/sha256.h"
#include "harness/program/verifier_hint.h"
#include "harness/program/verifier_log.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// What the kernel takes as a program's name.
std::string KernelName(const std::string& name) {
  std::string kernel_name = name.substr(0, BPF_OBJ_NAME_LEN - 1);
  for (char& c : kernel_name) {
    const bool taken = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (!taken) c = '_';
  }
  return kernel_name;
}

int LoadOnce(const RawProgramSpec& spec, const VerifierLogBuffer* log) {
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = static_cast<bpf_attach_type>(spec.expected_attach_type);
  options.prog_flags = spec.has_frags ? BPF_F_XDP_HAS_FRAGS : 0;
  if (log != nullptr) {
    options.log_buf = log->data();
    options.log_size = static_cast<std::uint32_t>(log->size());
    options.log_level = 1;
  }
  return bpf_prog_load(spec.type, KernelName(spec.name).c_str(), "GPL", spec.instructions.data(),
                       spec.instructions.size(), &options);
}

// The same program again, this time with a log.
Error Refusal(const RawProgramSpec& spec, int code) {
  const VerifierLogBuffer buffer;
  const UniqueFd loaded_after_all(LoadOnce(spec, &buffer));
  const std::string log = buffer.Text();
  ErrorParts parts{
      .what = "load program", .where = spec.name, .why = "", .hint = "", .detail = "", .code = code};
  if (log.empty()) {
    parts.why = std::generic_category().message(code);
    if (code == EPERM) parts.hint = "loading needs root, or CAP_BPF with CAP_NET_ADMIN and CAP_PERFMON";
    return Error(std::move(parts));
  }
  VerifierRefusal refusal = ReportVerifierLog(spec.name, Sha256Hex(std::as_bytes(spec.instructions)), log);
  parts.why = std::move(refusal.reason);
  parts.hint = VerifierHint(parts.why);
  parts.detail = std::move(refusal.detail);
  return Error(std::move(parts));
}

ProgramCode CodeOf(const RawProgramSpec& spec) {
  ProgramCode code;
  code.name = KernelName(spec.name);
  code.type = spec.type;
  code.expected_attach_type = spec.expected_attach_type;
  code.flags = spec.has_frags ? BPF_F_XDP_HAS_FRAGS : 0;
  code.instructions.assign(spec.instructions.begin(), spec.instructions.end());
  return code;
}

}  // namespace

RawProgram RawProgram::Load(const RawProgramSpec& spec) {
  RawProgram raw;
  raw.fd_ = UniqueFd(LoadOnce(spec, nullptr));
  if (!raw.fd_) throw Refusal(spec, errno);
  const bpf_prog_info info = InfoOfProgram(raw.fd_.get(), spec.name);
  Program& program = raw.program_;
  program.name_ = spec.name;
  program.type_ = spec.type;
  program.expected_attach_type_ = spec.expected_attach_type;
  program.has_frags_ = spec.has_frags;
  program.fd_ = raw.fd_.get();
  program.id_ = info.id;
  program.instructions_ = info.xlated_prog_len / sizeof(bpf_insn);
  if (!spec.instrument) return raw;
  const ProgramCode code = CodeOf(spec);
  raw.instrumentation_ = Instrumenter(*spec.instrument).Instrument(program, &code);
  program.instrumentation_ = raw.instrumentation_.get();
  if (const int fd = Instrumenter::FdOf(*raw.instrumentation_); fd >= 0) {
    program.fd_ = fd;
    program.id_ = InfoOfProgram(fd, spec.name).id;
  }
  return raw;
}

}  // namespace knetlab
