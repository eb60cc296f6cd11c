// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/rig.h"

#include <cerrno>

#include "harness/scenario/unit_rig.h"
#include "harness/scenario/wire_rig.h"
#include "netns/error.h"

namespace knetlab {

std::unique_ptr<Rig> MakeRig(std::string_view name) {
  if (name == "unit") return std::make_unique<UnitRig>();
  if (name == "wire") return std::make_unique<WireRig>();
  throw Error({.what = "choose a rig",
               .where = std::string(name),
               .why = "there is no such rig",
               .hint = "unit or wire",
               .detail = "",
               .code = EINVAL});
}

}  // namespace knetlab
