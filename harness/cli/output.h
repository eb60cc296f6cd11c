// SPDX-License-Identifier: Apache-2.0
// Where a verb's result goes: stdout as it comes, or a file, put in place whole at the end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace knetlab {

class Output {
 public:
  // Empty: stdout. Throws Error where the file could not be written.
  explicit Output(std::string file);

  // Throws Error where stdout does not take it (a full disk, a closed pipe whose signal is ignored).
  void Write(std::string_view text);
  // Of a file: writes it beside its place, then renames it, so that one that was there before is kept until
  // the new one is whole, and also when this is never reached. Throws Error.
  void Commit();

  bool colour() const;
  std::size_t width() const;

 private:
  std::string file_;
  std::string held_;  // for the file
};

}  // namespace knetlab
