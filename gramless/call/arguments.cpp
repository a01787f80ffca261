// SPDX-License-Identifier: MIT
// Implements the checks of a kernel product's arguments.
#include "gramless/call/arguments.h"

#include <algorithm>

#include "gramless/base/check_array.h"
#include "gramless/base/text.h"
#include "gramless/call/batch.h"
#include "gramless/error.h"

namespace gramless {
namespace {

/// The public function that was called, which errors name.
struct Caller {
  std::string_view name;

  template <class E = ArgumentError, class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw E(concat(name, "(): expected ", parts...));
  }
};

/// The extents of an array of two dimensions or more, behind leading ones.
int64_t rows_of(const ArrayView& array) {
  return array.shape[array.shape.size() - 2];
}
int64_t columns_of(const ArrayView& array) { return array.shape.back(); }

std::string described(const ArrayName& name, const ArrayView& array) {
  return concat(name, " ", shape_text(array.shape));
}

/// An array with the name that its user knows it by.
struct Named {
  ArrayName name;
  const ArrayView* array;
};

std::vector<Named> named_arrays(const Arguments& arguments) {
  std::vector<Named> result;
  result.reserve(arguments.x.size() + arguments.y.size() +
                 arguments.gamma.size() + arguments.b.size());
  for (std::size_t p = 0; p < arguments.x.size(); ++p) {
    result.push_back({{"x", p}, &arguments.x[p]});
  }
  for (std::size_t p = 0; p < arguments.y.size(); ++p) {
    result.push_back({{"y", p}, &arguments.y[p]});
  }
  for (std::size_t slot = 0; slot < arguments.gamma.size(); ++slot) {
    const auto& array = arguments.gamma[slot].array;
    if (array) result.push_back({{"gamma", slot}, &*array});
  }
  const auto& rows = row_of(arguments.mode).arguments;
  for (std::size_t k = 0; k < arguments.b.size(); ++k) {
    const ArrayName name =
        k < rows.size() ? ArrayName(rows[k].name) : ArrayName("bs", k);
    result.push_back({name, &arguments.b[k]});
  }
  return result;
}

/// Returns the atom of each gamma slot, of many the first.
std::string atom_names(const ParsedKernel& kernel) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> names;
  for (const GammaSlot& slot : kernel.slots) {
    names.emplace_back(names.size() < kMost ? slot.atom : "...");
    if (names.size() > kMost) break;
  }
  return join(names, ", ");
}

void check_counts(const Caller& caller, const ParsedKernel& kernel,
                  const Arguments& arguments) {
  const auto check_tensors = [&](std::string_view name, std::size_t count,
                                 std::size_t expected) {
    if (count == expected) return;
    caller.fail(expected, " tensor", expected == 1 ? "" : "s", " in ", name,
                kernel.is_whole()
                    ? ", one for each of its variables in the formula, got "
                    : ", one for each pair of variables of the kernel, got ",
                count, ".");
  };
  check_tensors("x", arguments.x.size(), kernel.x_count);
  check_tensors("y", arguments.y.size(), kernel.y_count);
  const std::size_t slots = kernel.slots.size();
  if (arguments.gamma.size() != slots) {
    caller.fail(slots, " gamma", slots == 1 ? "" : "s",
                kernel.is_whole()
                    ? ", one for each of its variables in the formula, got "
                    : concat(", one for each parameter of the kernel's atoms (",
                             atom_names(kernel), "), got "),
                arguments.gamma.size(), ".");
  }
  const ModeRow& mode = row_of(arguments.mode);
  if (arguments.b.size() != mode.arguments.size()) {
    std::vector<std::string> names;
    for (const ModeArgument& each : mode.arguments) {
      names.emplace_back(each.name);
    }
    caller.fail(names.size(), " tensor", names.size() == 1 ? "" : "s", " (",
                join(names, ", "), ") behind y in mode '", mode.name, "', got ",
                arguments.b.size(), ".");
  }
  if (mode.needs_logarithm && !kernel.is_nonnegative()) {
    caller.fail("a kernel that is known not to be negative in mode '",
                mode.name,
                "', which uses its logarithm, got one that may be negative.");
  }
}

void check_arrays(const Caller& caller, const std::vector<Named>& arrays) {
  for (const auto& [name, array] : arrays) {
    check_array(caller.name, name, *array);
  }
  if (arrays.empty()) return;
  const auto& [first_name, first] = arrays.front();
  for (const auto& [name, array] : arrays) {
    if (array->dtype != first->dtype) {
      caller.fail<DTypeError>("all tensors to have one dtype, got ", first_name,
                              " ", dtype_name(first->dtype), " and ", name, " ",
                              dtype_name(array->dtype), ".");
    }
    if (array->device != first->device) {
      caller.fail<DeviceError>("all tensors to be on one device, got ",
                               first_name, " on ", first->device.name, " and ",
                               name, " on ", array->device.name, ".");
    }
  }
}

/// Checks that the leading dimensions of all arrays broadcast.
void check_leading(const Caller& caller, const std::vector<Named>& arrays) {
  const auto has_none = [](const Named& named) {
    return named.array->shape.size() <= 2;
  };
  if (std::all_of(arrays.begin(), arrays.end(), has_none)) return;
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    for (std::size_t other = 0; other < k; ++other) {
      std::vector<int64_t> batch;
      if (broadcast(batch, leading_dimensions(arrays[other].array->shape)) &&
          broadcast(batch, leading_dimensions(arrays[k].array->shape))) {
        continue;
      }
      caller.fail(arrays[other].name, " and ", arrays[k].name,
                  " to have leading dimensions that broadcast, got ",
                  described(arrays[other].name, *arrays[other].array), " and ",
                  described(arrays[k].name, *arrays[k].array), ".");
    }
  }
}

/// Checks one array of a pair: two dimensions behind leading ones, and as many
/// rows as the first.
void check_rows(const Caller& caller, const ArrayName& name,
                const ArrayView& array, std::string_view form,
                const Named& first) {
  if (array.shape.size() < 2) {
    caller.fail(
        name, " to have two dimensions, ", form, ", got ",
        shape_text(array.shape), ".",
        array.shape.size() == 1
            ? concat(" Write '", name, ".view(-1, 1)'", " for one column.")
            : std::string());
  }
  if (rows_of(array) != rows_of(*first.array)) {
    caller.fail(first.name, " and ", name,
                " to have the same number of rows, got ",
                described(first.name, *first.array), " and ",
                described(name, array), ".");
  }
}

/// Whether only own formulas use a pair.
bool has_own_widths(const ParsedKernel& kernel, std::size_t pair) {
  return std::all_of(
      kernel.atoms.begin(), kernel.atoms.end(),
      [&](const AtomUse& use) { return use.pair != pair || use.atom->is_own; });
}

void check_points(const Caller& caller, const ParsedKernel& kernel,
                  const Arguments& arguments) {
  for (std::size_t p = 0; p < arguments.x.size(); ++p) {
    check_rows(caller, {"x", p}, arguments.x[p], "(M, D)",
               {"x[0]", &arguments.x[0]});
  }
  for (std::size_t p = 0; p < arguments.y.size(); ++p) {
    check_rows(caller, {"y", p}, arguments.y[p], "(N, D)",
               {"y[0]", &arguments.y[0]});
  }
  // Each argument of a formula has a width of its own.
  for (std::size_t p = 0; p < kernel.pairs.size(); ++p) {
    const ArrayView& x = arguments.x[p];
    const ArrayView& y = arguments.y[p];
    if (columns_of(x) == columns_of(y) || has_own_widths(kernel, p)) continue;
    caller.fail(ArrayName("x", p), " and ", ArrayName("y", p),
                " to have the same number of columns, got ",
                described({"x", p}, x), " and ", described({"y", p}, y), ".");
  }
}

/// The first array of each pair axis: it tells the number of rows.
struct RowArrays {
  std::optional<Named> i;
  std::optional<Named> j;
};

RowArrays row_arrays(const Arguments& arguments) {
  RowArrays rows;
  if (!arguments.x.empty()) rows.i = {"x[0]", &arguments.x[0]};
  if (!arguments.y.empty()) rows.j = {"y[0]", &arguments.y[0]};
  const auto& names = row_of(arguments.mode).arguments;
  for (std::size_t k = 0; k < names.size(); ++k) {
    std::optional<Named>& first =
        names[k].pair == PairIndex::i ? rows.i : rows.j;
    if (!first) first = {names[k].name, &arguments.b[k]};
  }
  return rows;
}

/// Checks the arrays of the mode; returns E.
int64_t check_mode_arguments(const Caller& caller, const Arguments& arguments) {
  const ModeRow& mode = row_of(arguments.mode);
  const RowArrays rows = row_arrays(arguments);
  int64_t signal = 1;
  std::optional<Named> first;
  for (std::size_t k = 0; k < mode.arguments.size(); ++k) {
    const ModeArgument& row = mode.arguments[k];
    const ArrayView& array = arguments.b[k];
    const ArrayName name(row.name);
    const bool is_i = row.pair == PairIndex::i;
    const Named& like = is_i ? *rows.i : *rows.j;
    const std::string_view form = row.has_signal_columns
                                      ? (is_i ? "(M, E)" : "(N, E)")
                                      : (is_i ? "(M, 1)" : "(N, 1)");
    check_rows(caller, name, array, form, like);
    if (!row.has_signal_columns) {
      if (columns_of(array) == 1) continue;
      caller.fail(name, " to have one column, ", form, ", in mode '", mode.name,
                  "', got ", shape_text(array.shape), ".");
    }
    if (first && columns_of(*first->array) != columns_of(array)) {
      caller.fail(first->name, " and ", name,
                  " to have the same number of columns, got ",
                  described(first->name, *first->array), " and ",
                  described(name, array), ".");
    }
    if (!first) first = {name, &array};
    signal = columns_of(array);
  }
  if (!rows.i) {
    caller.fail(
        "an argument indexed by i, which tells the number of rows M, got a "
        "kernel without pairs of variables in mode '",
        mode.name, "', which has none.");
  }
  return signal;
}

/// Checks the kind of a slot: None, or an array.
void check_presence(const Caller& caller, const ArrayName& name,
                    std::size_t position, const GammaSlot& slot,
                    const Gamma& gamma) {
  if (slot.parameter == Parameter::unknown) return;
  const bool is_wanted = slot.parameter != Parameter::none;
  if (is_wanted && !gamma.array) {
    caller.fail(name, " to be a tensor or a number for '",
                slot.atom.empty() ? concat("G_", position) : slot.atom,
                "', got None.");
  }
  if (!is_wanted && gamma.array) {
    caller.fail(name, " to be None, because '", slot.atom,
                "' takes no parameter, got ", shape_text(gamma.array->shape),
                ".");
  }
}

/// Returns what else a shape of other rows than those of a pair axis may mean.
std::string rows_hint(const ArrayName& name, const ArrayView& array,
                      int64_t dimension, const Arguments& arguments) {
  const int64_t rows = rows_of(array);
  if (rows == dimension && columns_of(array) == dimension) {
    return array.shape.size() > 2
               ? concat(" Flatten a matrix for each problem: '", name,
                        ".flatten(-2).unsqueeze(-2)'.")
               : concat(" Flatten a matrix that is the same for all pairs: '",
                        name, ".view(-1)'.");
  }
  const std::vector<int64_t> batch = batch_of(flatten(arguments));
  if (batch.empty() || batch.back() != rows) return {};
  return concat(" Write '", name, ".view(", rows, ", 1, ", columns_of(array),
                ")' for one of each problem.");
}

/// A gamma of one row behind leading dimensions is a constant of its batch.
PairIndex check_gamma_rows(const Caller& caller, const ArrayName& name,
                           const Gamma& gamma, int64_t dimension,
                           const Arguments& arguments) {
  const ArrayView& array = *gamma.array;
  if (array.shape.size() < 2) return PairIndex::none;
  if (array.shape.size() > 2 && rows_of(array) == 1) return PairIndex::none;
  if (gamma.rows != PairIndex::i && gamma.rows != PairIndex::j) {
    caller.fail(
        name, " to have rows for PairIndex::i or PairIndex::j, got ",
        gamma.rows == PairIndex::none ? "PairIndex::none" : "an unknown index",
        " for ", shape_text(array.shape), ".");
  }
  const bool by_i = gamma.rows == PairIndex::i;
  const RowArrays arrays = row_arrays(arguments);
  const int64_t rows = rows_of(*(by_i ? arrays.i : arrays.j)->array);
  if (rows_of(array) == rows) return gamma.rows;
  caller.fail(name, " to have ", by_i ? "M" : "N", " = ", rows,
              " rows, one for each ", by_i ? "i" : "j", ", got ",
              shape_text(array.shape), ".",
              rows_hint(name, array, dimension, arguments));
}

GammaForm check_gamma(const Caller& caller, std::size_t position,
                      const GammaSlot& slot, const Arguments& arguments) {
  const Gamma& gamma = arguments.gamma[position];
  const ArrayName name("gamma", position);
  check_presence(caller, name, position, slot, gamma);
  if (!gamma.array) return {};
  const std::vector<int64_t>& shape = gamma.array->shape;
  const bool is_scalar = slot.parameter == Parameter::scalar;
  const bool has_dimension = is_scalar || slot.parameter == Parameter::metric;
  const int64_t dimension =
      has_dimension ? columns_of(arguments.x[slot.pair]) : -1;
  const PairIndex pair =
      check_gamma_rows(caller, name, gamma, dimension, arguments);
  const int64_t columns = shape.empty() ? 1 : shape.back();
  if (!has_dimension || columns == 1) return {columns, pair};
  if (is_scalar) {
    caller.fail(name, " to have one column for '", slot.atom, "', got ",
                shape_text(shape), ".");
  }
  if (columns == dimension || columns == dimension * dimension) {
    return {columns, pair};
  }
  caller.fail(name, " to have 1, D = ", dimension,
              " or D*D = ", dimension * dimension, " columns for '", slot.atom,
              "', got ", shape_text(shape), ".");
}

}  // namespace

Signature check_arguments(const ParsedKernel& kernel,
                          const Arguments& arguments,
                          std::string_view function) {
  const Caller caller{function};
  if (static_cast<std::size_t>(arguments.mode) >= mode_table().size()) {
    caller.fail("a mode, got an unknown one, ",
                static_cast<int>(arguments.mode), ".");
  }
  check_counts(caller, kernel, arguments);
  const std::vector<Named> arrays = named_arrays(arguments);
  check_arrays(caller, arrays);
  check_points(caller, kernel, arguments);
  Signature signature;
  signature.mode = arguments.mode;
  signature.signal = check_mode_arguments(caller, arguments);
  for (const ArrayView& x : arguments.x) {
    signature.kernel.x_widths.push_back(columns_of(x));
  }
  for (const ArrayView& y : arguments.y) {
    signature.kernel.y_widths.push_back(columns_of(y));
  }
  for (std::size_t slot = 0; slot < kernel.slots.size(); ++slot) {
    signature.kernel.gammas.push_back(
        check_gamma(caller, slot, kernel.slots[slot], arguments));
  }
  check_leading(caller, arrays);
  return signature;
}

void check_result(const Arguments& arguments, const MutableArrayView& result) {
  const Caller caller{"kernel_product"};
  check_array(caller.name, "result", result);
  const std::vector<Named> arrays = named_arrays(arguments);
  const auto& [name, first] = arrays.at(0);
  if (result.dtype != first->dtype) {
    caller.fail<DTypeError>("result of dtype ", dtype_name(first->dtype),
                            ", as ", name, ", got ", dtype_name(result.dtype),
                            ".");
  }
  if (result.device != first->device) {
    caller.fail<DeviceError>("result on ", first->device.name, ", where ", name,
                             " is, got ", result.device.name, ".");
  }
  std::vector<int64_t> expected = batch_of(flatten(arguments));
  const bool has_signal = has_signal_columns(row_of(arguments.mode));
  const std::string form =
      concat(expected.empty() ? "(" : "(..., ", has_signal ? "M, E)" : "M, 1)");
  expected.push_back(rows_of(*row_arrays(arguments).i->array));
  expected.push_back(check_mode_arguments(caller, arguments));
  if (result.shape == expected) return;
  caller.fail("result of the shape ", form, " = ", shape_text(expected),
              ", got ", shape_text(result.shape), ".");
}

std::vector<ArrayView> flatten(const Arguments& arguments) {
  std::vector<ArrayView> arrays;
  for (const Named& named : named_arrays(arguments)) {
    arrays.push_back(*named.array);
  }
  return arrays;
}

}  // namespace gramless
