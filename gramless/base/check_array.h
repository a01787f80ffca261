// SPDX-License-Identifier: MIT
// Checks of single array views.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "gramless/arrays.h"

namespace gramless {

/// The name of an array in messages, `b` or `x[0]`. The text is only built when
/// an error needs it.
struct ArrayName {
  std::string_view name;
  std::optional<std::size_t> position = {};

  ArrayName(const char* text) : name(text) {}
  ArrayName(std::string_view text) : name(text) {}
  ArrayName(const std::string& text) : name(text) {}
  ArrayName(std::string_view list, std::size_t index)
      : name(list), position(index) {}
  [[nodiscard]] std::string text() const;
};

/// Throws an ArgumentError or DTypeError, `<function>(): expected <name> …`,
/// unless a view has a known dtype, an extent of 0 or more and a stride for
/// each dimension, offsets that can be counted, and memory if it has elements.
/// Arrays on the device `meta` have none.
void check_array(std::string_view function, const ArrayName& name,
                 const ArrayView& array);

/// Checks an array that is written to: no two of its elements may share an
/// address.
void check_array(std::string_view function, const ArrayName& name,
                 const MutableArrayView& array);

/// Returns whether two checked views could share an element. Views of different
/// columns of one matrix interleave, but share none.
bool may_overlap(const ArrayView& a, const ArrayView& b);

/// Returns a view for reading only.
ArrayView read_only(const MutableArrayView& array);

}  // namespace gramless
