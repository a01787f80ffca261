// SPDX-License-Identifier: MIT
// Tests that each array of each public function may be wrong in no way: the
// errors as texts. GRAMLESS_UPDATE=1 in the environment rewrites the file: read
// the difference before you commit it.
#include <gramless/gramless.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>
#include <tuple>

#include "gramless/call/function.h"
#include "gramless/call/mode.h"
#include "gramless/error.h"

namespace gramless {
namespace {

constexpr const char* kFile = "call/wrong_arrays.txt";
constexpr int64_t kHuge = int64_t{1} << 62;

/// A view of either kind, which a fault changes.
using View = MutableArrayView;

ArrayView reading(const View& view) {
  return {view.data, view.dtype, view.shape, view.strides, view.device};
}

/// One way to be wrong. Those of strides alone are right in an argument.
struct Fault {
  const char* name;
  std::function<void(View&)> apply;
  bool is_of_results = false;
};

void reshape(View& view, std::vector<int64_t> shape) {
  view.strides = row_major_strides(shape);
  view.shape = std::move(shape);
}

/// Changes an extent, counted from the last one.
void resize(View& view, std::size_t from_last, int64_t change) {
  std::vector<int64_t> shape = view.shape;
  shape.at(shape.size() - from_last) += change;
  reshape(view, shape);
}

const std::vector<Fault>& faults() {
  static const std::vector<Fault> all = {
      {"null", [](View& v) { v.data = nullptr; }},
      {"another dtype", [](View& v) { v.dtype = DType::float32; }},
      {"no dtype", [](View& v) { v.dtype = static_cast<DType>(7); }},
      {"another device", [](View& v) { v.device = {"cuda:0"}; }},
      {"negative rows", [](View& v) { v.shape.front() = -1; }},
      {"negative columns", [](View& v) { v.shape.back() = -3; }},
      {"one column more", [](View& v) { resize(v, 1, 1); }},
      {"one row more",
       [](View& v) { resize(v, std::min<std::size_t>(2, v.shape.size()), 1); }},
      {"no rows", [](View& v) { v.shape.front() = 0; }},
      {"a dimension less",
       [](View& v) { v.shape.pop_back(), v.strides.pop_back(); }},
      {"a dimension more",
       [](View& v) { v.shape.push_back(1), v.strides.push_back(1); }},
      {"a stride less", [](View& v) { v.strides.pop_back(); }},
      {"a stride more", [](View& v) { v.strides.push_back(1); }},
      {"no strides", [](View& v) { v.strides.clear(); }},
      {"too many elements", [](View& v) { reshape(v, {kHuge, 4}); }},
      {"too many bytes", [](View& v) { reshape(v, {kHuge, 1}); }},
      {"huge strides",
       [](View& v) { v.strides.assign(v.strides.size(), -kHuge); }},
      {"stride 0 of rows", [](View& v) { v.strides.front() = 0; }, true},
      {"stride 0 of columns", [](View& v) { v.strides.back() = 0; }, true},
      {"rows that overlap",
       [](View& v) { v.strides.front() = v.shape.back() - 1; }, true},
      {"rows that overlap backwards",
       [](View& v) { v.strides.front() = 1 - v.shape.back(); }, true},
  };
  return all;
}

template <class E>
std::string text_of(const char* kind, const E& error) {
  return std::string(kind) + ": " + error.what();
}

/// Returns kind and message of the error of a call, or that there was none.
std::string outcome(const std::function<void()>& call) {
  try {
    call();
  } catch (const DTypeError& error) {
    return text_of("DTypeError", error);
  } catch (const ArgumentError& error) {
    return text_of("ArgumentError", error);
  } catch (const DeviceError& error) {
    return text_of("DeviceError", error);
  } catch (const std::exception& error) {
    return text_of("another error", error);
  }
  return "no error";
}

/// A call of M = 5, N = 7, D = 3 and E = 2, whose arrays a test makes wrong.
class Call {
 public:
  View& add(const std::string& name, std::vector<int64_t> shape) {
    std::size_t size = 1;
    for (const int64_t extent : shape) size *= static_cast<std::size_t>(extent);
    memory_.push_back(std::vector<double>(size, 0.5));
    names_.push_back(name);
    views_.push_back(View::contiguous(memory_.back().data(), std::move(shape)));
    return views_.back();
  }

  std::function<void(std::span<const View> views)> run;
  std::size_t results = 0;  // The last views.

  /// Returns a line for each array and each fault.
  [[nodiscard]] std::string errors(const std::string& title) const {
    std::ostringstream text;
    EXPECT_NO_THROW(run(views_)) << title;
    for (std::size_t k = 0; k < views_.size(); ++k) {
      const bool is_result = k + results >= views_.size();
      for (const Fault& fault : faults()) {
        if (fault.is_of_results && !is_result) continue;
        if (fault.is_of_results && views_[k].shape.size() < 2) continue;
        std::vector<View> views = views_;
        fault.apply(views[k]);
        text << title << "; " << names_[k] << "; " << fault.name << "\n  "
             << outcome([&] { run(views); }) << "\n";
      }
    }
    return text.str();
  }

 private:
  std::vector<std::vector<double>> memory_;
  std::vector<std::string> names_;
  std::vector<View> views_;
};

/// Adds the arrays of a kernel product of one pair and a metric for each j.
void add_arrays(Call& call, Mode mode) {
  call.add("x[0]", {5, 3});
  call.add("y[0]", {7, 3});
  call.add("gamma[0]", {7, 9});
  for (const ModeArgument& each : row_of(mode).arguments) {
    call.add(std::string(each.name), {each.pair == PairIndex::i ? 5 : 7,
                                      each.has_signal_columns ? 2 : 1});
  }
}

/// Returns the arguments of a product, all views but the last `results`.
Arguments arguments_of(std::span<const View> views, Mode mode,
                       std::size_t results) {
  Arguments arguments;
  arguments.mode = mode;
  arguments.x = {reading(views[0])};
  arguments.y = {reading(views[1])};
  arguments.gamma = {{reading(views[2]), PairIndex::j}};
  for (const View& view : views.subspan(3, views.size() - 3 - results)) {
    arguments.b.push_back(reading(view));
  }
  return arguments;
}

Call product(Mode mode, Backend backend) {
  Call call;
  add_arrays(call, mode);
  call.add("result", {5, mode == Mode::lse_mult_i ? 1 : 2});
  call.results = 1;
  call.run = [mode, backend](std::span<const View> views) {
    kernel_product(Kernel("gaussian(x,y)"), arguments_of(views, mode, 1),
                   views.back(), {backend, 1, {}});
  };
  return call;
}

Call explanation(Mode mode) {
  Call call;
  add_arrays(call, mode);
  call.run = [mode](std::span<const View> views) {
    explain(Kernel("gaussian(x,y)"), arguments_of(views, mode, 0));
  };
  return call;
}

/// A call of a function with arrays of its own shapes.
Call function(const ArrayFunction& function, Backend backend) {
  Call call;
  const auto add = [&](const ArrayForm& spec) {
    std::vector<int64_t> shape = {spec.columns};
    if (spec.pair != PairIndex::none) {
      shape.insert(shape.begin(), spec.pair == PairIndex::i ? 5 : 7);
    }
    call.add(spec.name, shape);
  };
  for (const ArrayForm& spec : function.arguments()) add(spec);
  for (const ArrayForm& spec : function.results()) add(spec);
  call.results = function.results().size();
  call.run = [function, backend](std::span<const View> views) {
    std::vector<ArrayView> arguments;
    for (const View& view : views.first(function.arguments().size())) {
      arguments.push_back(reading(view));
    }
    function(arguments, views.subspan(arguments.size()), {backend, 1, {}});
  };
  return call;
}

Call result_forms(const ArrayFunction& function) {
  Call call;
  call.add("x0", {5, 3});
  call.add("y0", {7, 3});
  call.run = [function](std::span<const View> views) {
    std::ignore =
        function.result_forms({{reading(views[0]), reading(views[1])}});
  };
  return call;
}

ArrayFunction gaussian(Mode mode) {
  const Kernel kernel("gaussian(x,y)");
  return function_of(kernel, {mode, {{3}, {3}, {{3, PairIndex::none}}}, 2});
}

std::string errors() {
  const Mode many = Mode::log_scaled_barycenter;
  const ArrayFunction sum = gaussian(Mode::sum);
  return product(many, Backend::automatic).errors("kernel_product") +
         product(Mode::lse, Backend::automatic).errors("kernel_product, lse") +
         function(sum, Backend::automatic).errors("ArrayFunction") +
         function(sum.vjp({0, 2}), Backend::automatic).errors("vjp") +
         result_forms(sum).errors("result_forms");
}

TEST(WrongArrays, AreTheOnesInTheFile) {
  const std::string actual = errors();
  std::ifstream file(kFile);
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str());
  if (std::getenv("GRAMLESS_UPDATE") != nullptr) std::ofstream(kFile) << actual;
}

// result_forms() takes shapes as they are: the call checks them.
TEST(WrongArrays, AreAllErrors) {
  std::istringstream lines(errors());
  std::string what;
  for (std::string line; std::getline(lines, line); what = line) {
    if (what.starts_with("result_forms")) continue;
    EXPECT_EQ(line.find("another error"), std::string::npos) << what;
    EXPECT_EQ(line.find("no error"), std::string::npos) << what;
  }
}

TEST(WrongArrays, AreTheSameForAllBackends) {
  for (const Backend backend : {Backend::reference, Backend::checked}) {
    for (const Mode mode : {Mode::log_scaled_barycenter, Mode::lse}) {
      EXPECT_EQ(product(mode, backend).errors(""),
                product(mode, Backend::automatic).errors(""));
    }
  }
  const ArrayFunction sum = gaussian(Mode::sum);
  EXPECT_EQ(function(sum, Backend::checked).errors(""),
            function(sum, Backend::automatic).errors(""));
}

TEST(WrongArrays, AreNotOtherDTypesOfTheReference) {
  const ArrayFunction sum = gaussian(Mode::sum);
  const std::vector<double> x(15, 0.5);
  const std::vector<float> y(21, 0.25F);
  const std::vector<double> gamma(3, 0);
  const std::vector<float> b(14, 1);
  std::vector<float> a(10);
  sum({{ArrayView::contiguous(x.data(), {5, 3}),
        ArrayView::contiguous(y.data(), {7, 3}),
        ArrayView::contiguous(gamma.data(), {3}),
        ArrayView::contiguous(b.data(), {7, 2})}},
      {{View::contiguous(a.data(), {5, 2})}}, {Backend::reference, 1, {}});
  EXPECT_EQ(a, std::vector<float>(10, 7));
}

TEST(WrongArrays, AreTheSameForExplain) {
  const Mode mode = Mode::log_scaled_barycenter;
  const std::string all =
      std::regex_replace(product(mode, Backend::automatic).errors(""),
                         std::regex("kernel_product"), "explain");
  const std::string some = explanation(mode).errors("");
  EXPECT_EQ(all.substr(0, some.size()), some);
  EXPECT_EQ(all.find("result"), some.size() + 2);
}

TEST(WrongArrays, AreOfOneMemory) {
  const ArrayFunction sum = gaussian(Mode::sum);
  std::vector<double> memory(200, 0.5);
  const auto view = [&](std::size_t start, int64_t rows, int64_t columns) {
    return View{&memory[start], DType::float64, {rows, columns}, {9, 1}, {}};
  };
  const std::vector<ArrayView> arguments = {
      reading(view(0, 5, 3)), reading(view(100, 7, 3)),
      reading(View::contiguous(&memory[190], {3})), reading(view(3, 7, 2))};
  const auto run = [&](const View& result) {
    return outcome([&] { sum(arguments, {{result}}, {}); });
  };
  EXPECT_EQ(run(view(4, 5, 2)),
            "ArgumentError: ArrayFunction(): expected a to have memory of its "
            "own, got some of that of b.");
  EXPECT_EQ(run(view(100, 5, 2)),
            "ArgumentError: ArrayFunction(): expected a to have memory of its "
            "own, got some of that of y0.");
  EXPECT_EQ(run(view(5, 5, 2)), "no error");
}

TEST(WrongOptions, AreErrors) {
  const Kernel kernel("gaussian(x,y)");
  const std::vector<double> x(15, 0.5);
  std::vector<double> a(10);
  Arguments arguments;
  arguments.x = {ArrayView::contiguous(x.data(), {5, 3})};
  arguments.y = arguments.x;
  arguments.gamma = {{ArrayView::contiguous(x.data(), {1})}};
  arguments.b = {ArrayView::contiguous(x.data(), {5, 2})};
  const auto run = [&](int threads, const PlanOverrides& overrides) {
    const ArrayFunction function = ArrayFunction::of(kernel, arguments);
    return outcome([&] {
      run_function(function, flatten(arguments),
                   {{View::contiguous(a.data(), {5, 2})}},
                   {Backend::automatic, threads}, {.plan = overrides});
    });
  };
  EXPECT_EQ(run(-1, {}),
            "ArgumentError: ArrayFunction(): expected threads of 0 or more, "
            "got -1.");
  EXPECT_EQ(run(1, {.splits = 0}),
            "ArgumentError: ArrayFunction(): expected splits of 1 or more, "
            "got 0.");
  EXPECT_EQ(run(1, {.kept_unroll = -3}),
            "ArgumentError: ArrayFunction(): expected kept_unroll of 1 or "
            "more, got -3.");
}

/// Arguments of a Gaussian product of 5 and 5 points.
Arguments arguments_in(const std::vector<double>& memory) {
  const ArrayView points = ArrayView::contiguous(memory.data(), {5, 3});
  return {.x = {points},
          .y = {points},
          .gamma = {{ArrayView::contiguous(memory.data(), {1})}},
          .b = {points}};
}

// Each way to leave out an argument, by the function that is called.
TEST(WrongArguments, AreMissing) {
  const Kernel kernel("gaussian(x,y)");
  std::vector<double> memory(15, 0.5);
  struct Case {
    void (*leave_out)(Arguments&);
    const char* message;
  };
  const std::vector<Case> cases = {
      {[](Arguments& a) { a.x.clear(); },
       "1 tensor in x, one for each pair of variables of the kernel, got 0."},
      {[](Arguments& a) { a.y.clear(); },
       "1 tensor in y, one for each pair of variables of the kernel, got 0."},
      {[](Arguments& a) { a.gamma.clear(); },
       "1 gamma, one for each parameter of the kernel's atoms (gaussian), got "
       "0."},
      {[](Arguments& a) { a.gamma = {{}}; },
       "gamma[0] to be a tensor or a number for 'gaussian', got None."},
      {[](Arguments& a) { a.b.clear(); },
       "1 tensor (b) behind y in mode 'sum', got 0."},
      {[](Arguments& a) { a.x[0] = {}; },
       "x[0] to have memory for (), got a null pointer."},
  };
  for (const Case& one : cases) {
    Arguments arguments = arguments_in(memory);
    one.leave_out(arguments);
    const auto expected = [&](const std::string& function) {
      return "ArgumentError: " + function + "(): expected " + one.message;
    };
    EXPECT_EQ(outcome([&] {
                kernel_product(kernel, arguments,
                               View::contiguous(memory.data(), {5, 3}));
              }),
              expected("kernel_product"));
    EXPECT_EQ(outcome([&] { std::ignore = explain(kernel, arguments); }),
              expected("explain"));
    EXPECT_EQ(
        outcome([&] { std::ignore = ArrayFunction::of(kernel, arguments); }),
        expected("ArrayFunction::of"));
  }
  EXPECT_EQ(
      outcome([&] { kernel_product(kernel, arguments_in(memory), {}); }),
      "ArgumentError: kernel_product(): expected result to have memory for "
      "(), got a null pointer.");
}

TEST(WrongArguments, AreOfNoEnumerator) {
  const Kernel kernel("gaussian(x,y)");
  const std::vector<double> memory(25, 0.5);
  std::vector<double> a(15);
  const auto run = [&](const Arguments& arguments, Backend backend) {
    return outcome([&] {
      kernel_product(kernel, arguments, View::contiguous(a, {5, 3}),
                     {backend, 1});
    });
  };
  Arguments arguments = arguments_in(memory);
  EXPECT_EQ(run(arguments, static_cast<Backend>(9)),
            "ArgumentError: ArrayFunction(): expected a backend, got an "
            "unknown one, 9.");
  arguments.mode = static_cast<Mode>(99);
  EXPECT_EQ(run(arguments, Backend::automatic),
            "ArgumentError: kernel_product(): expected a mode, got an unknown "
            "one, 99.");
  arguments = arguments_in(memory);
  arguments.gamma = {
      {ArrayView::contiguous(memory.data(), {5, 3}), PairIndex::none}};
  EXPECT_EQ(run(arguments, Backend::automatic),
            "ArgumentError: kernel_product(): expected gamma[0] to have rows "
            "for PairIndex::i or PairIndex::j, got PairIndex::none for (5, "
            "3).");
}

TEST(WrongArguments, HaveNoPosition) {
  const ArrayFunction sum = gaussian(Mode::sum);
  EXPECT_EQ(sum.position_of("x0"), 0U);
  EXPECT_EQ(sum.position_of("b"), 3U);
  EXPECT_EQ(sum.vjp({0}).position_of("cot_a"), 4U);
  EXPECT_EQ(outcome([&] { std::ignore = sum.position_of("x1"); }),
            "ArgumentError: ArrayFunction::position_of(): expected one of the "
            "arguments 'x0', 'y0', 'g0', 'b', got 'x1'. Did you mean 'x0'?");
  EXPECT_EQ(outcome([&] { std::ignore = sum.vjp({4}); }),
            "ArgumentError: ArrayFunction::vjp(): expected positions among 4 "
            "arguments, got 4.");
}

TEST(WrongArrays, AreCounted) {
  const ArrayFunction sum = gaussian(Mode::sum);
  std::vector<double> memory(100);
  const auto view = View::contiguous(memory.data(), {5, 3});
  const std::vector<ArrayView> few(3, reading(view));
  const std::vector<ArrayView> many(5, reading(view));
  EXPECT_EQ(outcome([&] { sum(few, {{view}}); }),
            "ArgumentError: ArrayFunction(): expected 4 arguments (x0, y0, "
            "g0, b), got 3.");
  EXPECT_EQ(outcome([&] { sum(std::vector(4, reading(view)), {}); }),
            "ArgumentError: ArrayFunction(): expected 1 result (a), got 0.");
  EXPECT_EQ(outcome([&] { std::ignore = sum.result_forms(many); }),
            "ArgumentError: ArrayFunction::result_forms(): expected at most 4 "
            "arguments, got 5.");
  EXPECT_EQ(outcome([&] { std::ignore = sum.explain(many); }),
            "ArgumentError: ArrayFunction::explain(): expected at most 4 "
            "arguments, got 5.");
  EXPECT_EQ(sum.result_forms({}).at(0).shape, (std::vector<int64_t>{0, 2}));
}

}  // namespace
}  // namespace gramless
