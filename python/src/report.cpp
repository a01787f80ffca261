// SPDX-License-Identifier: MIT
// Converts reports of doctor().
#include "report.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cmath>

namespace nb = nanobind;

namespace gramless {
namespace {

/// Returns a text of the system, which may be no UTF-8.
nb::object text_of(const std::string& text) {
  return nb::steal(PyUnicode_DecodeUTF8(
      text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

nb::dict dict_of(const ProcessorReport& report) {
  nb::dict dict;
  dict["target"] = text_of(report.target);
  dict["instructions"] = text_of(report.instructions);
  dict["vector_bytes"] = report.vector_bytes;
  dict["used"] = report.used;
  dict["unused"] = report.unused;
  return dict;
}

nb::dict dict_of(const ThreadsReport& report) {
  nb::dict dict;
  dict["count"] = report.count;
  dict["processors"] = report.processors;
  dict["quota"] = report.quota;
  dict["omp_num_threads"] = text_of(report.omp_num_threads);
  return dict;
}

nb::dict dict_of(const DeviceReport& report) {
  nb::dict dict;
  dict["name"] = text_of(report.name);
  dict["model"] = text_of(report.model);
  dict["compute_capability"] = text_of(report.compute_capability);
  dict["memory"] = report.memory;
  dict["problem"] = text_of(report.problem);
  return dict;
}

nb::dict dict_of(const EngineReport& report) {
  nb::dict dict;
  dict["backend"] = text_of(report.backend);
  dict["device"] = text_of(report.device);
  dict["problem"] = text_of(report.problem);
  dict["did_run"] = report.did_run;
  // JSON has no NaN.
  dict["error"] =
      std::isfinite(report.error) ? nb::cast(report.error) : nb::none();
  dict["first_ms"] = report.first_ms;
  dict["next_ms"] = report.next_ms;
  return dict;
}

template <class Report>
nb::list list_of(const std::vector<Report>& reports) {
  nb::list list;
  for (const Report& report : reports) list.append(dict_of(report));
  return list;
}

nb::dict dict_of(const DriverReport& report) {
  nb::dict dict;
  dict["library"] = text_of(report.library);
  dict["path"] = text_of(report.path);
  dict["version"] = text_of(report.version);
  dict["problem"] = text_of(report.problem);
  dict["devices"] = list_of(report.devices);
  return dict;
}

}  // namespace

nb::object text_of(const DoctorReport& report) {
  return text_of(to_text(report));
}

nb::dict dict_of(const DoctorReport& report) {
  nb::dict versions;
  for (const auto& [name, version] : report.versions) {
    versions[name.c_str()] = version;
  }
  nb::dict dict;
  dict["versions"] = versions;
  dict["processor"] = dict_of(report.processor);
  dict["threads"] = dict_of(report.threads);
  dict["driver"] = dict_of(report.driver);
  dict["engines"] = list_of(report.engines);
  return dict;
}

}  // namespace gramless
