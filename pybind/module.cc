// SPDX-License-Identifier: Apache-2.0
// The extension module knetlab._knetlab: the calls of harness/scenario as they are. What Python sees is in
// knetlab/__init__.py. Documents cross over as JSON text, so that they are the command's to the byte.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/scenario/documents.h"
#include "harness/scenario/facilities.h"
#include "harness/scenario/filter_check.h"
#include "harness/scenario/filter_documents.h"
#include "harness/scenario/filter_forms.h"
#include "harness/scenario/report.h"
#include "harness/scenario/runner.h"
#include "harness/scenario/try.h"
#include "pybind/error.h"
#include "pybind/interruptible.h"

namespace knetlab {
namespace {

namespace py = pybind11;

constexpr std::int64_t kNoCode = -1;  // of a packet that never got to the program

// One number of each packet.
template <typename Number, typename Of>
py::array_t<Number> Column(const TryResult& result, Of of) {
  py::array_t<Number> column(static_cast<py::ssize_t>(result.packets.size()));
  std::transform(result.packets.begin(), result.packets.end(), column.mutable_data(), of);
  return column;
}

py::array_t<std::int64_t> Codes(const TryResult& result) {
  return Column<std::int64_t>(result,
                              [](const TriedPacket& packet) { return packet.result.code.value_or(kNoCode); });
}

py::array_t<bool> Reached(const TryResult& result) {
  return Column<bool>(result, [](const TriedPacket& packet) { return packet.result.code.has_value(); });
}

py::array_t<std::int64_t> Lengths(const TryResult& result) {
  return Column<std::int64_t>(
      result, [](const TriedPacket& packet) { return static_cast<std::int64_t>(packet.length); });
}

TryResult TryOf(std::string object, std::string capture, std::string program, std::string hook,
                std::string rig, std::optional<std::size_t> limit, bool cost) {
  const TryOptions options = {.object = std::move(object),
                              .program = std::move(program),
                              .capture = std::move(capture),
                              .hook = std::move(hook),
                              .rig = std::move(rig),
                              .limit = limit,
                              .cost = cost};
  return CallInterruptibly<TryResult>(
      [&options](std::stop_token stop) { return Try(options, std::move(stop)); });
}

RunReport RunOf(const std::vector<std::string>& paths, std::string rig, int jobs, int repeat,
                std::optional<double> timeout, std::vector<std::string> filters, std::uint64_t seed,
                bool fail_fast, bool keep, bool update_golden, std::string store, std::string label) {
  RunOptions options;
  options.rig = std::move(rig);
  options.jobs = jobs;
  options.repeat = repeat;
  options.timeout_s = timeout;
  options.filters = std::move(filters);
  options.seed = seed;
  options.fail_fast = fail_fast;
  options.keep = keep;
  options.update_golden = update_golden;
  options.store = std::move(store);
  options.label = std::move(label);
  return CallInterruptibly<RunReport>(
      [&paths, &options](const std::stop_token& stop) { return RunScenarios(paths, options, stop); });
}

// Why what ran is not all in the store; empty where it is, or where there is none.
std::string Unrecorded(const RunReport& report) {
  return report.recorded && report.recorded->failure ? report.recorded->failure->what() : "";
}

std::string Doctor() {
  return CallInterruptibly<std::string>(
      [](const std::stop_token&) { return DumpDocument(DoctorDocument(ProbeFacilities())); });
}

FilterOutput FilterOutputOf(const std::string& target, std::string match, std::string otherwise) {
  return {.hook = FilterHookByName(target), .match = std::move(match), .otherwise = std::move(otherwise)};
}

// No loading: it cannot take long.
std::string FilterDocumentOf(const std::string& expression, const std::string& target, std::string match,
                             std::string otherwise, bool optimise) {
  const FilterOutput output = FilterOutputOf(target, std::move(match), std::move(otherwise));
  return DumpDocument(FilterDocument(FilterOf(expression, output.hook, optimise), output));
}

py::bytes FilterFormOf(const std::string& expression, const std::string& target, const std::string& form,
                       std::string match, std::string otherwise, bool optimise) {
  FilterOutput output = FilterOutputOf(target, std::move(match), std::move(otherwise));
  output.form = FilterFormByName(form);
  return EmitFilter(FilterOf(expression, output.hook, optimise), output);
}

std::string CheckFiltersOf(std::vector<std::string> expressions, std::vector<std::string> captures,
                           bool optimise) {
  const FilterCheckOptions options = {
      .expressions = std::move(expressions), .captures = std::move(captures), .optimise = optimise};
  return CallInterruptibly<std::string>([&options](const std::stop_token& stop) {
    return DumpDocument(FilterCheckDocument(CheckFilters(options, stop)));
  });
}

}  // namespace

PYBIND11_MODULE(_knetlab, module) {
  TranslateErrors();
  module.attr("__version__") = KNETLAB_VERSION;

  py::class_<TryResult>(module, "TryResult")
      .def("codes", &Codes)
      .def("reached", &Reached)
      .def("lengths", &Lengths)
      .def(
          "document", [](const TryResult& result) { return DumpDocument(TryDocument(result)); },
          py::call_guard<py::gil_scoped_release>());

  py::class_<RunReport>(module, "RunReport")
      .def("ok", &RunReport::ok)
      .def("unrecorded", &Unrecorded)
      .def(
          "report",
          [](const RunReport& report, const std::string& format) {
            return MakeReport(format, RunDocument(report));
          },
          py::arg("format"), py::call_guard<py::gil_scoped_release>())
      .def(
          "document", [](const RunReport& report) { return DumpDocument(RunDocument(report)); },
          py::call_guard<py::gil_scoped_release>());

  module.def("try_program", &TryOf, py::arg("object"), py::arg("capture"), py::arg("program"),
             py::arg("hook"), py::arg("rig"), py::arg("limit"), py::arg("cost"));
  module.def("run_scenarios", &RunOf, py::arg("paths"), py::arg("rig"), py::arg("jobs"), py::arg("repeat"),
             py::arg("timeout"), py::arg("filters"), py::arg("seed"), py::arg("fail_fast"), py::arg("keep"),
             py::arg("update_golden"), py::arg("store"), py::arg("label"));
  module.def("doctor", &Doctor);
  module.def("filter_document", &FilterDocumentOf, py::arg("expression"), py::arg("target"), py::arg("match"),
             py::arg("otherwise"), py::arg("optimise"));
  module.def("filter_form", &FilterFormOf, py::arg("expression"), py::arg("target"), py::arg("form"),
             py::arg("match"), py::arg("otherwise"), py::arg("optimise"));
  module.def("check_filters", &CheckFiltersOf, py::arg("expressions"), py::arg("captures"),
             py::arg("optimise"));
}

}  // namespace knetlab
