// SPDX-License-Identifier: MIT
// Builds the map-reduces of kernel products, mode by mode.
#include "gramless/name/build.h"

#include <algorithm>

#include "gramless/base/error.h"
#include "gramless/base/text.h"
#include "gramless/name/kernel_builder.h"

namespace gramless {
namespace {

class Builder {
 public:
  Builder(const ParsedKernel& kernel, const Signature& signature,
          const Differentiate& differentiate)
      : signature_(signature),
        kernel_(result_, kernel, signature, differentiate) {
    kernel_.declare_arguments();
    for (const ModeArgument& argument : row_of(signature.mode).arguments) {
      result_.arguments.push_back(spec_of(argument));
    }
  }

  MapReduce build_sum() {
    const bool is_logarithm = row_of(signature_.mode).is_logarithm;
    if (!is_logarithm) {
      result_.outputs = {{output("a"), term()}};
      return std::move(result_);
    }
    const ScaledExpr scaled = scaled_term();
    const ArraySpec shift = output("shift");
    result_.arguments.push_back(shift);
    const Expr exponent = rounded(scaled) - load(pool(), shift);
    result_.outputs = {
        {output("a"), scaled.factor * pool().apply(Function::exp2,
                                                   capped(exponent, scaled))}};
    return std::move(result_);
  }

  MapReduce build_shift() {
    const ScaledExpr scaled = scaled_term();
    Expr size = rounded(scaled);
    if (!scaled.factor->is_constant()) {
      size = size + pool().apply(Function::exponent, scaled.factor);
    }
    result_.outputs = {{output("shift"), size, Reduction::max}};
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

  /// Returns the spec of a result, which has as many columns as b.
  [[nodiscard]] ArraySpec output(const std::string& name) const {
    const std::span<const ModeArgument> arguments =
        row_of(signature_.mode).arguments;
    const bool has_signal_columns =
        std::any_of(arguments.begin(), arguments.end(),
                    [](const ModeArgument& a) { return a.has_signal_columns; });
    std::vector<Axis> axes;
    if (has_signal_columns) axes.push_back(signal_axis());
    return {name, PairIndex::i, axes};
  }

  /// Returns an argument of the mode.
  Expr argument(std::string_view name) {
    for (const ArraySpec& array : result_.arguments) {
      if (array.name == name) return load(pool(), array);
    }
    throw InternalError(concat("argument(): the mode has no '", name, "'."));
  }

  /// Returns the exponent of 2. It has the same bits in the shift and in the
  /// sum on its scale.
  Expr rounded(const ScaledExpr& scaled) {
    return pool().apply(Function::rounded, scaled.power_of_two());
  }
  /// Returns an exponent that is finite where the factor is 0.
  Expr capped(Expr exponent, const ScaledExpr& scaled) {
    if (scaled.factor->is_constant()) return exponent;
    return pool().apply(Function::capped, {exponent, scaled.factor});
  }

  /// Returns k exp(a + b), with potentials joined to the exponent first.
  Expr scaled_kernel(std::string_view a, std::string_view b) {
    ScaledExpr k = kernel_.scaled();
    k.exponent = k.exponent + argument(a) + argument(b);
    return k.factor * pool().apply(Function::exp2, capped(k.power_of_two(), k));
  }

  /// Returns what is summed over j.
  Expr term() {
    switch (signature_.mode) {
      case Mode::sum:
        return kernel_.value() * argument("b");
      case Mode::log_scaled:
        return scaled_kernel("A", "B") * argument("b");
      case Mode::log_scaled_barycenter:
        return scaled_kernel("A", "B") * (argument("b") - argument("C"));
      case Mode::sinkhorn_cost:
        return -kernel_.logarithm(kLowestLogarithm) * scaled_kernel("S", "T");
      case Mode::sinkhorn_primal:
        return (argument("U") + argument("V") - pool().constant(1)) *
               scaled_kernel("S", "T");
      case Mode::lse:
      case Mode::log_scaled_lse:
      case Mode::lse_mult_i:
        break;
    }
    throw InternalError("term(): the mode is a logarithm.");
  }

  /// Returns what is summed over j in a log-sum-exp.
  ScaledExpr scaled_term() {
    if (signature_.mode == Mode::lse_mult_i) {
      return {pool().constant(1),
              argument("H") * kernel_.logarithm() + argument("b"),
              pool().constant(0)};
    }
    ScaledExpr result = kernel_.scaled();
    result.exponent = result.exponent + argument("b");
    if (signature_.mode == Mode::log_scaled_lse) {
      result.exponent = result.exponent + argument("A") + argument("B");
    }
    return result;
  }

  const Signature& signature_;
  MapReduce result_{std::make_shared<ExprPool>(), {}, {}};
  KernelBuilder kernel_;
};

}  // namespace

std::string to_text(const Signature& signature) {
  std::string text = concat("mode ", row_of(signature.mode).name, " x");
  for (const int64_t columns : signature.x_columns) {
    text += concat(" ", columns);
  }
  text += " y";
  for (const int64_t columns : signature.y_columns) {
    text += concat(" ", columns);
  }
  text += concat(" E ", signature.signal, " gamma");
  for (const GammaForm& form : signature.gammas) {
    text += concat(" ", static_cast<int>(form.metric),
                   pair_index_name(form.pair), form.columns);
  }
  return text;
}

std::string x_name(std::size_t pair) { return concat("x", pair); }
std::string y_name(std::size_t pair) { return concat("y", pair); }
std::string gamma_name(std::size_t slot) { return concat("g", slot); }

MapReduce build_kernel_product(const ParsedKernel& kernel,
                               const Signature& signature,
                               const Differentiate& differentiate) {
  return Builder(kernel, signature, differentiate).build_sum();
}

MapReduce build_shift(const ParsedKernel& kernel, const Signature& signature,
                      const Differentiate& differentiate) {
  return Builder(kernel, signature, differentiate).build_shift();
}

}  // namespace gramless
