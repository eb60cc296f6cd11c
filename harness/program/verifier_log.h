// SPDX-License-Identifier: Apache-2.0
// The verifier's log of a program that it refuses: where the kernel writes it, what of it a person reads
// first, and the file that holds all of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace knetlab {

// Memory for one log. It is reserved, not used: only what the kernel writes becomes real memory, and libbpf
// hands it to the kernel only after a first load without a log has failed. One is enough for an object, whose
// loading ends at the first program that is refused.
class VerifierLogBuffer {
 public:
  VerifierLogBuffer();  // throws Error
  ~VerifierLogBuffer();
  VerifierLogBuffer(const VerifierLogBuffer&) = delete;
  VerifierLogBuffer& operator=(const VerifierLogBuffer&) = delete;

  char* data() const { return data_; }
  std::size_t size() const;
  std::string Text() const;  // printable

 private:
  char* data_;
};

// The line, or the few lines, in which the verifier says what it objects to; empty where the log is.
std::string VerifierReason(std::string_view log);
std::string LastLines(std::string_view text, int count);

// Writes the log to a file of mode 0600 below $TMPDIR (or /tmp) and gives its path; empty where that is
// impossible, since a failure to write must not hide the failure that is reported. A program of an object
// always gets the same file, so that repeated failures do not pile up.
std::string SaveVerifierLog(std::string_view program, std::string_view object_sha256, std::string_view log);

// What an error says of a log: the reason, and as detail its last 20 lines and where all of it was saved.
struct VerifierRefusal {
  std::string reason, detail;
};
VerifierRefusal ReportVerifierLog(std::string_view program, std::string_view object_sha256,
                                  std::string_view log);

}  // namespace knetlab
