// SPDX-License-Identifier: MIT
// Fuzzes kernel names: a name is refused with a proper message, or passes all
// stages from its tree to programs, with random forms of its arguments.
#include "fuzz/running.h"
#include "fuzz/signatures.h"
#include "fuzz/target.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

// Longer names are read, but not built: time is better spent on many.
constexpr std::size_t kMostAtoms = 5;
constexpr std::size_t kLongestBuilt = 300;

/// Checks that a name in brackets says the same.
void check_structure(const std::string& name, const ParsedKernel& kernel) {
  const Digest digest = kernel.digest();
  try {
    require(parse_kernel(" (" + name + ") ").digest() == digest,
            "brackets change the structure");
  } catch (const ArgumentError& error) {
    require_limit(error);
  }
}

void check_kernel_name(std::string_view text) {
  const std::string name(text);
  ParsedKernel kernel;
  try {
    kernel = parse_kernel(name);
  } catch (const ArgumentError& error) {
    require_message(error.what(), "Kernel(): expected ", text);
    return;
  }
  check_structure(name, kernel);
  if (kernel.atoms.size() > kMostAtoms || name.size() > kLongestBuilt) return;
  Draw draw(text);
  const Signature signature = draw_signature_of_name(draw, kernel);
  try {
    check_build(kernel, signature);
    if (is_to_run(draw, text)) {
      check_running(draw, Kernel(name), signature);
    }
  } catch (const std::exception& error) {
    throw Find(to_text(signature) + ": " + error.what());
  }
}

}  // namespace

GRAMLESS_FUZZ_TARGET(KernelName, check_kernel_name, "fuzz/kernel_name.txt")

}  // namespace gramless::testing
