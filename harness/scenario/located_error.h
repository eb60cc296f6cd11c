// SPDX-License-Identifier: Apache-2.0
// Puts the place in the scenario file into an error that came from below, which knows only the kernel object.
#pragma once

#include <utility>

#include "harness/scenario/model.h"
#include "netns/error.h"

namespace knetlab {

// The same error, its `where` led by the mark: "file:3:5: server:eth0".
Error LocatedError(const Error& error, const Mark& mark);

template <typename F>
void WithMark(const Mark& mark, F&& work) {
  try {
    std::forward<F>(work)();
  } catch (const Error& error) {
    throw LocatedError(error, mark);
  }
}

}  // namespace knetlab
