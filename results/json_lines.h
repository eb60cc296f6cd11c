// SPDX-License-Identifier: Apache-2.0
// Records as JSON lines: text to keep in git, to send, to read with other tools. One record a line, each with
// its schema and its kind, a run before what belongs to it:
//
//   {"schema":"knetlab.record/1","record":"run","id":"20261122T221903Z-1c0ffee5","started_ns":...}
//   {"schema":"knetlab.record/1","record":"scenario","id":"20261122T221903Z-1c0ffee5/0","run":...,"samples":[...]}
//   {"schema":"knetlab.record/1","record":"end","run":"20261122T221903Z-1c0ffee5","duration_s":0.9}
//
// Files can be put together with `cat`. No state, any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <istream>
#include <string>
#include <string_view>

#include "results/record.h"

namespace knetlab {

// With its newline. Text that is not UTF-8 has U+FFFD in place of what is wrong.
std::string JsonLine(const Record& record);

// `where` (file:line) is for the text of the Error that a line which is no record throws.
Record RecordOfLine(std::string_view line, const std::string& where);

// Calls `take` for each record in order; empty lines are passed over. Returns how many. A line that is no
// record, as the last one of a file that was cut off, is an Error with file:line; `take` has had all before
// it.
std::size_t ReadJsonLines(std::istream& file, const std::string& path,
                          const std::function<void(Record)>& take);

}  // namespace knetlab
