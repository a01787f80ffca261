// SPDX-License-Identifier: MIT
// What fuzzers share. The file of a target has a check of one text and ends
// with GRAMLESS_FUZZ_TARGET: where the compiler has libFuzzer this makes it a
// fuzzer, and in the program of all tests a short test.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace gramless::testing {

/// Something that a fuzzer found.
class Find : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Does all that is to be done with one text. Throws what it finds.
using FuzzCheck = void (*)(std::string_view text);

/// Throws a Find unless `holds`.
void require(bool holds, const std::string& what);

/// Throws a Find unless the message of an error has the right start, a
/// moderate length, no control characters, and is UTF-8 if the text is.
void require_message(const std::string& message, std::string_view start,
                     std::string_view text);

/// Throws a Find unless an error is about a limit on the size of texts.
void require_limit(const std::exception& error);

/// Returns a number that a text alone tells, to draw from.
unsigned seed_of(std::string_view text);

}  // namespace gramless::testing

// GRAMLESS_FUZZ_TARGET(Name, check, "fuzz/seeds.txt")
#ifdef GRAMLESS_LIBFUZZER
#include "fuzz/as_fuzzer.h"
#else
#include "fuzz/as_test.h"
#endif
