// SPDX-License-Identifier: Apache-2.0
#include "results/record.h"

#include <cerrno>

#include "netns/error.h"

namespace knetlab {

std::string_view MetricKindName(MetricKind kind) {
  return kind == MetricKind::kExact ? "exact" : "sampled";
}

MetricKind MetricKindOf(std::string_view name) {
  for (const MetricKind kind : {MetricKind::kExact, MetricKind::kSampled}) {
    if (name == MetricKindName(kind)) return kind;
  }
  throw Error({.what = "read a metric",
               .where = "",
               .why = "there is no kind \"" + std::string(name) + "\"",
               .hint = "exact or sampled",
               .detail = "",
               .code = EINVAL});
}

}  // namespace knetlab
