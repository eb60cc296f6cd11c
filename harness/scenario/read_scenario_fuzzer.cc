// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any text is a scenario, a topology, or an error with a place in the file.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "harness/scenario/reader.h"
#include "harness/scenario/reader_test_folder.h"
#include "netns/error.h"

namespace {

template <typename Read>
void ReadOrFail(Read read) {
  try {
    read();
  } catch (const knetlab::Error& error) {
    if (error.parts().why.empty() || error.parts().where.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const knetlab::TestFolder folder;
  const std::string file = folder.Write("suite/m.yaml", {reinterpret_cast<const char*>(data), size});
  ReadOrFail([&] { static_cast<void>(knetlab::ReadScenarios(file, {})); });
  ReadOrFail([&] { static_cast<void>(knetlab::ReadTopology(file)); });
  ReadOrFail([&] {
    std::vector<knetlab::Scenario> suite;
    for (const knetlab::Error& mistake : knetlab::FindMistakes(file, {}, suite)) {
      if (mistake.parts().why.empty()) std::abort();
    }
  });
  return 0;
}
