// SPDX-License-Identifier: Apache-2.0
// The JSON documents of docs/cli.md ("schema": "knetlab.VERB/1"), made here so that the command and the
// bindings give the same.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/scenario/facilities.h"
#include "harness/scenario/model.h"
#include "harness/scenario/runner.h"
#include "harness/scenario/try.h"
#include "netns/error.h"

namespace knetlab {

struct SendResult;  // send.h

nlohmann::ordered_json TryDocument(const TryResult& result);
nlohmann::ordered_json ScenarioDocument(const ScenarioResult& result);  // one of RunDocument's
nlohmann::ordered_json RunDocument(const RunReport& report);
nlohmann::ordered_json DoctorDocument(const std::vector<Facility>& facilities);
nlohmann::ordered_json ListDocument(const std::vector<Scenario>& scenarios);
// `scenarios` is how many were read, right and wrong ones.
nlohmann::ordered_json ValidateDocument(std::size_t scenarios, const std::vector<Error>& errors);
// Of `verb`: replay or flood.
nlohmann::ordered_json SendDocument(const std::string& verb, const SendResult& result);
nlohmann::ordered_json ErrorDocument(const Error& error);

// On one line, with its end. Text that is not UTF-8 (names of files, of programs) has U+FFFD in place of what
// is wrong.
std::string DumpDocument(const nlohmann::ordered_json& document);

}  // namespace knetlab
