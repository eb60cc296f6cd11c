// SPDX-License-Identifier: Apache-2.0
// Any text is either a scenario or an error with a place in the file.
#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "harness/scenario/reader.h"
#include "harness/scenario/reader_test_folder.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr int kMutations = 2000;

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string Mutate(std::string text) {
    for (std::size_t changes = 1 + Below(2); changes > 0 && !text.empty(); --changes) Change(text);
    return text;
  }

 private:
  std::size_t Below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void Change(std::string& text) {
    static constexpr const char* kPieces[] = {
        "[",     "]",     "{",    "}",    ": ",     "- ",      "\n",       "  ",  "\t",
        "\"",    "'",     "&a ",  "*a",   "!!int ", "|\n",     ">-\n",     "? ",  "%",
        "---\n", "...\n", "#",    "\\",   "[1..3]", "[9..1]",  "0x",       "-1",  "99999999999999999999",
        "~",     "\xff",  "\xc2", "<<: ", "${",     "${mode}", "${loops}", "$${", "}"};
    const std::size_t at = Below(text.size());
    const std::size_t length = std::min(text.size() - at, 1 + Below(20));
    switch (Below(5)) {
      case 0:
        text[at] = static_cast<char>(random_());
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, kPieces[Below(std::size(kPieces))]);
        break;
      case 3:
        text.insert(Below(text.size()), text.substr(at, length));
        break;
      default:
        text.resize(at);
        break;
    }
  }

  std::mt19937 random_;
};

TEST(ReaderFuzz, EveryMutationIsAScenarioOrAnErrorWithAPlace) {
  const TestFolder folder;
  const std::regex place(R"(m\.yaml:[1-9][0-9]*:[1-9][0-9]*$)");
  Mutator mutator(20240229);
  int good = 0;
  for (int i = 0; i < kMutations; ++i) {
    const std::string text = mutator.Mutate(kWholeLanguage);
    const std::string file = folder.Write("suite/m.yaml", text);
    try {
      for (const Scenario& scenario : ReadScenarios(file, {})) EXPECT_FALSE(scenario.name.empty());
      ++good;
    } catch (const Error& e) {
      ASSERT_TRUE(std::regex_search(e.parts().where, place)) << e.what() << "\n" << text;
      ASSERT_FALSE(e.parts().why.empty()) << text;
    }
  }
  // Neither all nor none: the mutations reach both sides.
  EXPECT_GT(good, kMutations / 50);
  EXPECT_LT(good, kMutations / 2);
}

}  // namespace
}  // namespace knetlab
