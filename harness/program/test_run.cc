// SPDX-License-Identifier: Apache-2.0
#include "harness/program/test_run.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "harness/program/verdict.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// More than any packet the kernel tries, with what a program can add to it.
constexpr std::size_t kOutputSize = std::size_t{256} << 10;
constexpr int kNotSupportedInKernel = 524;  // ENOTSUPP, which user space has no name for

std::byte* OutputBuffer() {
  thread_local std::vector<std::byte> buffer(kOutputSize);
  return buffer.data();
}

bool ProgramCannotBeTried(int code) {
  return code == kNotSupportedInKernel || code == EOPNOTSUPP || code == EPERM || code == EBADF;
}

}  // namespace

TestRunResult TestRun(const Program& program, std::span<const std::byte> packet, std::uint32_t repeat) {
  TestRunResult result;
  if (packet.size() > kOutputSize) {
    result.error = EMSGSIZE;
    return result;
  }
  std::byte* output = OutputBuffer();
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  options.data_out = output;
  options.repeat = static_cast<int>(
      std::clamp<std::uint32_t>(repeat, 1, static_cast<std::uint32_t>(std::numeric_limits<int>::max())));
  int code = 0;
  do {
    options.data_size_out = kOutputSize;
    code = bpf_prog_test_run_opts(program.fd(), &options) == 0 ? 0 : errno;
  } while (code == EINTR);  // a signal that was handled meanwhile ends a repetition early
  if (ProgramCannotBeTried(code)) {
    throw ErrnoError("try", fmt::format("program {} ({})", program.name(), ProgramTypeName(program.type())),
                     code == kNotSupportedInKernel ? EOPNOTSUPP : code,
                     code == EPERM ? "run as root" : "the kernel tries XDP, TC and socket filter programs");
  }
  result.error = code;
  if (code != 0) return result;
  result.code = options.retval;
  result.out.assign(output, output + std::min<std::size_t>(options.data_size_out, kOutputSize));
  result.duration_ns = options.duration;
  return result;
}

}  // namespace knetlab
