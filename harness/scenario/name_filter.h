// SPDX-License-Identifier: Apache-2.0
// Which scenarios of a suite are wanted.
//
//   "dns"             the name contains it
//   "tag:xdp"         it has the tag
//   "!slow"           not so; also "!tag:slow"
//   "tag:xdp !slow"   words in one filter must all hold; of several filters any
#pragma once

#include <string>
#include <vector>

#include "harness/scenario/model.h"

namespace knetlab {

class ScenarioFilter {
 public:
  // None: every scenario. Throws Error for a filter without words and for "tag:" or "!" without more.
  explicit ScenarioFilter(const std::vector<std::string>& filters);

  bool Takes(const Scenario& scenario) const;
  // That none of these was taken: Error with the nearest tag or name.
  void ThrowNoneTaken(const std::vector<Scenario>& all) const;

 private:
  struct Term {
    bool negated = false, is_tag = false;
    std::string text;
    bool Holds(const Scenario& scenario) const;
  };
  std::vector<std::vector<Term>> any_;  // of lists that must hold whole
  std::string text_;                    // for messages
};

}  // namespace knetlab
