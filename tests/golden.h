// SPDX-License-Identifier: MIT
// Compares texts with those in a file of cases.
#pragma once

#include <functional>
#include <string>

namespace gramless::testing {

/// Expects that `text_of` gives for each case of a file, a line `= <case>`, the
/// lines that follow it there, and that there are at least so many cases. With
/// GRAMLESS_UPDATE=1 in the environment it rewrites the file.
void expect_texts_of(const char* path, int least_cases,
                     const std::function<std::string(std::string)>& text_of);

}  // namespace gramless::testing
