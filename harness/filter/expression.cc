// SPDX-License-Identifier: Apache-2.0
// The one file that compiles with libpcap. Its headers cannot share a file with linux/bpf.h: both have a
// bpf_insn.
#include <fmt/format.h>
#include <pcap/pcap.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <utility>

#include "harness/filter/caret.h"
#include "harness/filter/classic.h"
#include "netns/error.h"

namespace knetlab {
namespace {

// libpcap's parser has a stack of its own and takes time that grows with the square of some expressions.
constexpr std::size_t kMaxExpression = std::size_t{64} << 10;

struct ClosePcap {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};

// Names of hosts, networks and services are looked up in ways that are not thread-safe everywhere.
std::mutex& CompilerMutex() {
  static std::mutex mutex;
  return mutex;
}

// Empty where it compiles.
std::string TryCompile(const std::string& expression, const ExpressionOptions& options,
                       ClassicProgram* program) {
  const std::lock_guard lock(CompilerMutex());
  const std::unique_ptr<pcap_t, ClosePcap> handle(pcap_open_dead(
      options.link == LinkLayer::kRawIp ? DLT_RAW : DLT_EN10MB, static_cast<int>(options.snaplen)));
  if (handle == nullptr) throw ErrnoError("compile filter", expression, ENOMEM);
  bpf_program compiled{};
  if (pcap_compile(handle.get(), &compiled, expression.c_str(), options.optimise ? 1 : 0, options.netmask) !=
      0) {
    const std::string message = pcap_geterr(handle.get());
    return message.empty() ? "libpcap gives no reason" : message;
  }
  if (program != nullptr) {
    program->reserve(compiled.bf_len);
    for (u_int i = 0; i < compiled.bf_len; ++i) {
      const bpf_insn& one = compiled.bf_insns[i];
      program->push_back({one.code, one.jt, one.jf, one.k});
    }
  }
  pcap_freecode(&compiled);
  return "";
}

Error Refused(const std::string& expression, std::string why, std::string hint, std::string detail) {
  return Error({.what = "compile filter",
                .where = expression.substr(0, 200),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = std::move(detail),
                .code = EINVAL});
}

std::string Hint(const std::string& message) {
  if (message.find("netmask not known") != std::string::npos)
    return "\"ip broadcast\" needs the interface's netmask; name the address: dst host 192.168.1.255";
  return "";
}

}  // namespace

ClassicProgram CompileExpression(const std::string& expression, const ExpressionOptions& options) {
  if (expression.size() > kMaxExpression)
    throw Refused(expression, fmt::format("{} bytes; at most {}", expression.size(), kMaxExpression), "", "");
  if (expression.find('\0') != std::string::npos) throw Refused(expression, "has a zero byte in it", "", "");
  ClassicProgram program;
  const std::string message = TryCompile(expression, options, &program);
  if (message.empty()) return program;
  const auto try_again = [&](const std::string& other) { return TryCompile(other, options, nullptr); };
  throw Refused(expression, message, Hint(message), ExpressionWithCaret(expression, message, try_again));
}

}  // namespace knetlab
