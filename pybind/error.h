// SPDX-License-Identifier: Apache-2.0
// knetlab::Error as the Python exception knetlab.Error, with all its parts.
#pragma once

namespace knetlab {

// From now on pybind11 raises knetlab.Error for an Error that leaves a bound function.
void TranslateErrors();

}  // namespace knetlab
