// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/capture_document.h"

#include <nlohmann/json.hpp>
#include <system_error>

namespace knetlab {
namespace {

using Json = nlohmann::ordered_json;

Json CountsOf(const PointCounts& counts) {
  return {{"received", counts.received},
          {"matched", counts.matched},
          {"written", counts.written},
          {"lost", counts.lost},
          {"left_out", counts.left_out}};
}

}  // namespace

std::string CaptureEndName(CaptureEnd end) {
  switch (end) {
    case CaptureEnd::kCount:
      return "count";
    case CaptureEnd::kDuration:
      return "duration";
    case CaptureEnd::kOutput:
      return "output";
    case CaptureEnd::kStopped:
      break;
  }
  return "stopped";
}

Json CaptureDocument(const std::string& hook, const SessionOptions& options, const CaptureResult& result) {
  PointCounts total;
  Json verdicts = Json::object();
  for (const PointCounts& counts : result.points) {
    verdicts[counts.verdict] = CountsOf(counts);
    total.received += counts.received;
    total.matched += counts.matched;
    total.written += counts.written;
    total.lost += counts.lost;
    total.left_out += counts.left_out;
  }
  return {
      {"schema", "knetlab.capture/1"},
      {"hook", hook},
      {"output", options.output},
      {"format", options.format == CaptureFormat::kPcap ? "pcap" : "pcapng"},
      {"filter", options.filter},
      {"buffer", BufferKindName(result.buffer_kind)},
      {"ended", CaptureEndName(result.end)},
      {"output_error",
       result.output_error == 0 ? Json(nullptr) : Json(std::generic_category().message(result.output_error))},
      {"duration_ns", result.duration_ns},
      {"bytes", result.bytes},
      {"verdicts", std::move(verdicts)},
      {"total", CountsOf(total)}};
}

}  // namespace knetlab
