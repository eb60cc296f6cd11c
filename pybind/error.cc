// SPDX-License-Identifier: Apache-2.0
#include "pybind/error.h"

#include <pybind11/pybind11.h>

#include <exception>
#include <string>
#include <utility>

#include "netns/error.h"

namespace knetlab {
namespace {

namespace py = pybind11;

// Names of files and verifier logs need not be UTF-8.
py::object Text(const std::string& text) {
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(decoded);
}

void Raise(const Error& error) {
  const ErrorParts& parts = error.parts();
  const py::object type = py::module_::import("knetlab._error").attr("Error");
  const py::object raised =
      type(Text(error.what()), py::arg("what") = Text(parts.what), py::arg("where") = Text(parts.where),
           py::arg("why") = Text(parts.why), py::arg("hint") = Text(parts.hint),
           py::arg("detail") = Text(parts.detail), py::arg("errno") = parts.code);
  PyErr_SetObject(type.ptr(), raised.ptr());
}

}  // namespace

void TranslateErrors() {
  py::register_exception_translator([](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(std::move(failure));
    } catch (const Error& error) {
      Raise(error);
    }
  });
}

}  // namespace knetlab
