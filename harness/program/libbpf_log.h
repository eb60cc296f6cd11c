// SPDX-License-Identifier: Apache-2.0
// What libbpf has to say, collected instead of printed.
//
//   LibbpfLog log;
//   int error = bpf_object__load(object);
//   if (error != 0) explain(log.Reason());
//
// libbpf has one print callback a process, so it is shared; what it is given goes to the LibbpfLog that is
// alive on the calling thread, the innermost where there are several, and nowhere else: nothing is written to
// stderr.
#pragma once

#include <string>
#include <vector>

namespace knetlab {

class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // Warnings and notes without their "libbpf: ", printable, one line each.
  const std::vector<std::string>& lines() const { return lines_; }
  std::string Text() const;
  // The line that explains a failure best: the first warning that is not a mere consequence. Empty where
  // there is none.
  std::string Reason() const;
  // The kernel's netlink extended acknowledgement, where libbpf received one.
  std::string KernelMessage() const;

  void Append(std::string text);  // called by the callback

 private:
  std::vector<std::string> lines_;
  LibbpfLog* outer_;
};

// Text from a file or the kernel's log of it, made fit for a terminal: control characters other than newline
// and tab, and bytes above 126, become '?'.
std::string Printable(std::string text);

}  // namespace knetlab
