// SPDX-License-Identifier: MIT
// Checks of the caller's arrays: what one view alone can say wrongly.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "gramless/arrays.h"

namespace gramless {

/// What messages call an array: a name, or one of a list, `x[0]`. Its text is
/// made where it is wanted.
struct ArrayName {
  std::string_view name;
  std::optional<std::size_t> position = {};

  ArrayName(const char* text) : name(text) {}
  ArrayName(std::string_view text) : name(text) {}
  ArrayName(const std::string& text) : name(text) {}
  ArrayName(std::string_view list, std::size_t place)
      : name(list), position(place) {}
  [[nodiscard]] std::string text() const;
};

/// Throws an ArgumentError or DTypeError, `<function>(): expected <name> …`,
/// unless a view has a known dtype, an extent of 0 or more and a stride for
/// each dimension, offsets that can be counted, and memory if it has elements.
/// Arrays on the device `meta` have none.
void check_array(std::string_view function, const ArrayName& name,
                 const ArrayView& array);

/// Checks an array that is written to: also that no two of its elements, which
/// have at most two dimensions, lie at one address.
void check_array(std::string_view function, const ArrayName& name,
                 const MutableArrayView& array);

/// Returns whether two checked views could share an element. Those whose
/// addresses lie among each other do not where they are columns of one matrix.
bool may_overlap(const ArrayView& a, const ArrayView& b);

/// Returns a view for reading only.
ArrayView read_only(const MutableArrayView& array);

}  // namespace gramless
