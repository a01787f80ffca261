// SPDX-License-Identifier: MIT
// Draws the forms of a kernel's arguments.
#pragma once

#include "fuzz/stages.h"

namespace gramless::testing {

Signature draw_signature_of_name(Draw& draw, const ParsedKernel& kernel);
Signature draw_signature_of_formula(Draw& draw, const ParsedKernel& kernel);

}  // namespace gramless::testing
