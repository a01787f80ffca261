// SPDX-License-Identifier: MIT
// What doctor() found, as Python's own types.
#pragma once

#include <nanobind/nanobind.h>

#include "gramless/doctor.h"

namespace gramless {

/// Returns lines to read, with other bytes than UTF-8 as escapes.
nanobind::object text_of(const DoctorReport& report);

/// Returns the report as nested dicts and lists with the names of its members,
/// which JSON can hold.
nanobind::dict dict_of(const DoctorReport& report);

}  // namespace gramless
