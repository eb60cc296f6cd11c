// SPDX-License-Identifier: Apache-2.0
// The JSON Schema of scenario files (scenarios/schema.json), for editors that complete and check. It is made
// from the tables that the reader checks against (reader_keys.h), so that no key can be in one and not in the
// other; the reader has the last word, since a schema cannot tell whether a name is declared. Draft 7, which
// editors know best.
//
// The descriptions of keys are the reference part of docs/scenario.md too (ci/scenario-reference).
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace knetlab {

nlohmann::ordered_json ScenarioSchema();

}  // namespace knetlab
