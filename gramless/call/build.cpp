// SPDX-License-Identifier: MIT
// Builds the map-reduces of kernel products, mode by mode.
#include "gramless/call/build.h"

#include <algorithm>
#include <limits>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/kernel_builder.h"
#include "gramless/transform/logarithm.h"

namespace gramless {
namespace {

class Builder {
 public:
  Builder(const ParsedKernel& kernel, const Signature& signature)
      : signature_(signature) {
    declare_arguments(result_, kernel, signature.kernel);
    kernel_ = kernel_value(result_, kernel, signature.mode != Mode::sum);
    for (const ModeArgument& argument : row_of(signature.mode).arguments) {
      result_.arguments.push_back(spec_of(argument));
    }
  }

  MapReduce build() {
    const bool is_logarithm = row_of(signature_.mode).is_logarithm;
    result_.outputs = {
        {output("a"), term(),
         is_logarithm ? Reduction::log_sum_exp : Reduction::sum}};
    return std::move(result_);
  }

 private:
  ExprPool& pool() { return *result_.pool; }

  [[nodiscard]] Axis signal_axis() const { return {"e", 0, signature_.signal}; }

  [[nodiscard]] ArraySpec spec_of(const ModeArgument& argument) const {
    std::vector<Axis> axes;
    if (argument.has_signal_columns) axes.push_back(signal_axis());
    return {std::string(argument.name), argument.pair, axes};
  }

  /// Returns the spec of the result, which has as many columns as b.
  [[nodiscard]] ArraySpec output(const std::string& name) const {
    std::vector<Axis> axes;
    if (has_signal_columns(row_of(signature_.mode))) {
      axes.push_back(signal_axis());
    }
    return {name, PairIndex::i, axes};
  }

  /// Returns an argument of the mode.
  Expr argument(std::string_view name) {
    for (const ArraySpec& array : result_.arguments) {
      if (array.name == name) return load(pool(), array);
    }
    throw InternalError(concat("argument(): the mode has no '", name, "'."));
  }

  Expr exp(Expr exponent) { return pool().apply(Function::exp, exponent); }

  /// Returns an argument that is added to exponents.
  Expr logit(std::string_view name) {
    return pool().apply(Function::bounded, argument(name));
  }

  /// Returns k exp(a + b).
  Expr scaled_kernel(std::string_view a, std::string_view b) {
    return kernel_ * exp(logit(a) + logit(b));
  }

  /// Returns `value` where k is not 0, otherwise `at_zero`.
  Expr unless_zero(Expr value, Expr at_zero) {
    if (is_exponential(kernel_)) return value;
    const Expr sign = pool().apply(Function::sign, kernel_);
    const Expr mark = -pool().apply(Function::abs, sign);
    return pool().apply(Function::select, {mark, at_zero, value});
  }

  /// Returns k**H, 1 at H = 0: exp(H log k), which has no derivatives where k
  /// is 0, plus what is 0 elsewhere and has those of a product of k there.
  Expr power_of_kernel() {
    const Expr k = kernel_;
    const Expr h = argument("H");
    const Expr lowest =
        pool().constant(-std::numeric_limits<double>::infinity());
    const auto product = [&](Expr a, Expr b) {
      return pool().apply(Function::product0, {a, b});
    };
    const Expr sign = pool().apply(Function::sign, h);
    const Expr power = product(h, logarithm(k));
    if (!has_zeros(k)) {
      return exp(unless_zero(power, product(sign, lowest)));
    }
    const Expr mark = -pool().apply(Function::abs, h);
    const Expr at_zero =
        pool().apply(Function::select, {mark, lowest, sign * lowest});
    return exp(unless_zero(power, at_zero)) +
           pool().apply(Function::zero_power, {k, h});
  }

  /// Returns what is summed over j.
  Expr term() {
    switch (signature_.mode) {
      case Mode::sum:
        return kernel_ * argument("b");
      case Mode::lse:
        return kernel_ * exp(logit("b"));
      case Mode::log_scaled:
        return scaled_kernel("A", "B") * argument("b");
      case Mode::log_scaled_lse:
        return scaled_kernel("A", "B") * exp(logit("b"));
      case Mode::log_scaled_barycenter:
        return scaled_kernel("A", "B") * (argument("b") - argument("C"));
      case Mode::lse_mult_i:
        return power_of_kernel() * exp(logit("b"));
      case Mode::sinkhorn_cost:
        return -unless_zero(logarithm(kernel_), pool().constant(0)) *
               scaled_kernel("S", "T");
      case Mode::sinkhorn_primal:
        return (argument("U") + argument("V") - pool().constant(1)) *
               scaled_kernel("S", "T");
    }
    throw InternalError("term(): unknown mode.");
  }

  const Signature& signature_;
  MapReduce result_{std::make_shared<ExprPool>(), {}, {}};
  Expr kernel_;
};

}  // namespace

std::string to_text(const Signature& signature) {
  std::string text = concat("mode ", row_of(signature.mode).name, " x");
  for (const int64_t columns : signature.kernel.x_widths) {
    text += concat(" ", columns);
  }
  text += " y";
  for (const int64_t columns : signature.kernel.y_widths) {
    text += concat(" ", columns);
  }
  text += concat(" E ", signature.signal, " gamma");
  for (const GammaForm& form : signature.kernel.gammas) {
    text += form.columns
                ? concat(" ", pair_index_name(form.pair), *form.columns)
                : " None";
  }
  return text;
}

MapReduce build_kernel_product(const ParsedKernel& kernel,
                               const Signature& signature) {
  return Builder(kernel, signature).build();
}

}  // namespace gramless
