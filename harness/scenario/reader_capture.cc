// SPDX-License-Identifier: Apache-2.0
// `capture:`: what of a scenario's programs is captured while it runs.
#include "harness/filter/classic.h"
#include "harness/program/instrument_options.h"
#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_keys.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::int64_t kMostBytes = 262'144;
constexpr std::int64_t kMostSample = 1'000'000'000;

std::string ReadFilter(const Node& node) {
  const std::string& filter = node.String("a pcap-filter expression");
  try {
    CompileExpression(filter);
  } catch (const Error& error) {
    node.Fail(error.parts().why, error.parts().hint);
  }
  return filter;
}

}  // namespace

CaptureSpec ReadCaptureSection(const Node& node, const ReadContext& context) {
  const Fields fields = node.RequireMap("a capture", kCaptureKeys);
  CaptureSpec capture;
  capture.mark = node.mark();
  capture.file = fields.At("file").String("a file");
  if (const auto programs = fields.Find("programs")) {
    for (const Node& program : programs->Items("a list of programs"))
      capture.programs.push_back(context.programs.Require(program));
  }
  if (const auto verdicts = fields.Find("verdicts")) capture.verdicts = ReadLabels(*verdicts, "a verdict");
  if (const auto filter = fields.Find("filter")) capture.filter = ReadFilter(*filter);
  if (const auto before = fields.Find("before")) capture.before = before->Boolean();
  if (const auto snaplen = fields.Find("snaplen"))
    capture.snaplen = static_cast<std::uint32_t>(snaplen->Integer(1, kMostBytes));
  if (const auto sample = fields.Find("sample"))
    capture.sample = static_cast<std::uint32_t>(sample->Integer(1, kMostSample));
  if (const auto method = fields.Find("method")) {
    constexpr const char* kWaysToInstrument = "exits, bypass, wrapper or static stubs";
    capture.method = method->Text(kWaysToInstrument);
    if (!InstrumentMethodByName(capture.method)) method->FailType(kWaysToInstrument);
  }
  return capture;
}

}  // namespace knetlab
