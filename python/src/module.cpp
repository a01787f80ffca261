// SPDX-License-Identifier: MIT
// gramless._core: the engine for arrays of any Python library.
#include <nanobind/nanobind.h>
#include <nanobind/operators.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

#include "gramless/gramless.h"
#include "trees.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace gramless {
namespace {

DType parse_dtype(std::string_view name) {
  if (name == "float32") return DType::float32;
  if (name == "float64") return DType::float64;
  throw DTypeError("Array(): expected dtype 'float32' or 'float64', got '" +
                   std::string(name) + "'.");
}

PairIndex parse_rows(std::string_view name) {
  if (name == "i") return PairIndex::i;
  if (name == "j") return PairIndex::j;
  throw ArgumentError("Gamma(): expected rows 'i' or 'j', got '" +
                      std::string(name) + "'.");
}

CodeText parse_code(std::string_view name) {
  if (name.empty()) return CodeText::none;
  if (name == "llvm") return CodeText::llvm;
  if (name == "assembly") return CodeText::assembly;
  throw ArgumentError(
      "explain(): expected code 'llvm', 'assembly' or None, got '" +
      std::string(name) + "'.");
}

ArrayView make_array(uintptr_t pointer, std::vector<int64_t> shape,
                     std::vector<int64_t> strides, std::string_view dtype,
                     std::string device) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): how Python hands over memory.
  return {reinterpret_cast<const void*>(pointer),
          parse_dtype(dtype),
          std::move(shape),
          std::move(strides),
          {std::move(device)}};
}

MutableArrayView as_mutable(const ArrayView& view) {
  return {const_cast<void*>(view.data), view.dtype, view.shape, view.strides,
          view.device};
}

/// An atom: its name, formulas of its value and its logarithm, and the atom of
/// the catalogue that it is, '' for none.
using Atom = std::tuple<std::string, std::string, std::string, std::string>;

Kernel make_kernel(std::string name, const std::vector<Atom>& given) {
  std::vector<OwnFormula> atoms;
  for (const auto& [atom_name, sum, log, atom] : given) {
    atoms.push_back({atom_name, sum, log, atom});
  }
  return Kernel(std::move(name), atoms);
}

std::vector<std::string> atoms_of(const Kernel& kernel) {
  std::vector<std::string> names;
  for (const AtomUse& use : kernel.parsed().atoms) {
    names.push_back(use.name);
  }
  return names;
}

/// Returns an interrupt that lets Python handle signals, ten times a second.
Interrupt python_signals() {
  using Clock = std::chrono::steady_clock;
  return [last = Clock::now()]() mutable {
    if (Clock::now() - last < std::chrono::milliseconds(100)) return;
    last = Clock::now();
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
  };
}

/// An option of runs that tests force, by its name in C++.
struct Force {
  std::string_view name;
  void (*apply)(Options& options, int64_t number);
};

constexpr std::array kForces = {
    Force{"checked",
          [](Options& o, int64_t) {
            const bool is_free = o.backend == Backend::automatic;
            if (is_free) o.backend = Backend::checked;
          }},
    Force{"most",
          [](Options& o, int64_t n) { o.most = static_cast<VectorIsa>(n); }},
    Force{"lanes", [](Options& o,
                      int64_t n) { o.overrides.lanes = static_cast<int>(n); }},
    Force{"lanes_along_kept",
          [](Options& o, int64_t n) { o.overrides.lanes_along_kept = n != 0; }},
    Force{"kept_copies",
          [](Options& o, int64_t n) {
            o.overrides.kept_copies = static_cast<int>(n);
          }},
    Force{"reduced_copies",
          [](Options& o, int64_t n) {
            o.overrides.reduced_copies = static_cast<int>(n);
          }},
    Force{"longest_unrolled",
          [](Options& o, int64_t n) { o.overrides.longest_unrolled = n; }},
    Force{"chunk", [](Options& o, int64_t n) { o.overrides.chunk = n; }},
    Force{"splits", [](Options& o, int64_t n) { o.overrides.splits = n; }},
};

/// Reads options of runs that tests force.
void force_options(const nb::dict& forced, Options& options) {
  for (const auto [key, value] : forced) {
    const auto name = nb::cast<std::string>(key);
    const auto force =
        std::find_if(kForces.begin(), kForces.end(),
                     [&](const Force& each) { return each.name == name; });
    if (force == kForces.end()) {
      throw ArgumentError("run(): expected the name of an option, got '" +
                          name + "'.");
    }
    force->apply(options, nb::cast<int64_t>(value));
  }
}

void run_function(const ArrayFunction& function,
                  const std::vector<ArrayView>& arguments,
                  const std::vector<ArrayView>& results,
                  std::string_view backend, int threads,
                  const nb::dict& forced) {
  std::vector<MutableArrayView> targets;
  for (const ArrayView& view : results) targets.push_back(as_mutable(view));
  Options options{parse_backend(backend), threads, python_signals()};
  force_options(forced, options);
  const nb::gil_scoped_release no_gil;
  function(arguments, targets, options);
}

using Spec = std::pair<std::string, int64_t>;

/// Returns pair axis and columns of each array.
std::vector<Spec> specs_of(const std::vector<ArraySpec>& arrays) {
  std::vector<Spec> specs;
  for (const ArraySpec& array : arrays) {
    specs.emplace_back(pair_index_name(array.pair), array.columns());
  }
  return specs;
}

nb::list mode_rows() {
  nb::list rows;
  for (const ModeRow& row : mode_table()) {
    std::vector<std::pair<std::string, std::string>> arguments;
    for (const ModeArgument& each : row.arguments) {
      arguments.emplace_back(each.name, pair_index_name(each.pair));
    }
    rows.append(
        nb::make_tuple(row.name, row.older_name, arguments, row.is_logarithm));
  }
  return rows;
}

nb::list catalogue_rows() {
  nb::list rows;
  for (const AtomRow& row : catalogue()) {
    rows.append(nb::make_tuple(row.name, row.formula, row.log_formula,
                               row.description));
  }
  return rows;
}

void register_exceptions() {
  nb::register_exception_translator(
      [](const std::exception_ptr& pointer, void*) {
        try {
          std::rethrow_exception(pointer);
        } catch (const DTypeError& error) {
          PyErr_SetString(PyExc_TypeError, error.what());
        } catch (const ArgumentError& error) {
          PyErr_SetString(PyExc_ValueError, error.what());
        } catch (const UnsupportedError& error) {
          PyErr_SetString(PyExc_NotImplementedError, error.what());
        } catch (const Error& error) {
          PyErr_SetString(PyExc_RuntimeError, error.what());
        }
      });
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The engine of Gramless, for arrays given by pointer and strides.";
  register_exceptions();
  // Graphs of torch and caches outlive the module when a process ends.
  nb::set_leak_warnings(false);

  nb::class_<ArrayView>(m, "Array",
                        "A view of an array: address, shape and strides (in "
                        "elements), dtype and device. The memory must live "
                        "as long as calls use the view.")
      .def(
          "__init__",
          [](ArrayView* self, uintptr_t pointer, std::vector<int64_t> shape,
             std::vector<int64_t> strides, std::string_view dtype,
             std::string device) {
            new (self) ArrayView(make_array(pointer, std::move(shape),
                                            std::move(strides), dtype,
                                            std::move(device)));
          },
          "pointer"_a, "shape"_a, "strides"_a, "dtype"_a, "device"_a = "cpu");

  nb::class_<Gamma>(m, "Gamma",
                    "A gamma slot: an array or None, and the pair axis, 'i' "
                    "or 'j', that the rows of a 2-d array stand for.")
      .def(
          "__init__",
          [](Gamma* self, std::optional<ArrayView> array,
             std::string_view rows) {
            new (self) Gamma{std::move(array), parse_rows(rows)};
          },
          "array"_a.none(), "rows"_a = "j");

  nb::class_<Signature>(m, "Signature",
                        "What a function depends on, beside the kernel.")
      .def(nb::self == nb::self)
      .def("__hash__",
           [](const Signature& self) {
             return nb::hash(nb::cast(to_text(self)));
           })
      .def("__str__", [](const Signature& self) { return to_text(self); });

  nb::class_<Kernel>(m, "Kernel", "A kernel, by its name.")
      .def(
          "__init__",
          [](Kernel* self, std::string name) {
            new (self) Kernel(std::move(name));
          },
          "name"_a)
      .def_static("of_atoms", &make_kernel, "name"_a, "atoms"_a,
                  "A kernel by a name that is made of these atoms alone: of "
                  "each its name, formulas of its value and its logarithm, "
                  "and the atom of the catalogue that it is, '' for none.")
      .def_static(
          "of_formula",
          [](std::string sum, std::string log) {
            return Kernel(OwnFormula{"", std::move(sum), std::move(log), ""});
          },
          "sum"_a, "log"_a,
          "A kernel by formulas of its value, its logarithm or both; '' for "
          "none.")
      .def_prop_ro("name", &Kernel::name)
      .def_prop_ro("structure", &Kernel::structure,
                   "A text that equal kernels share.")
      .def_prop_ro("atoms", &atoms_of,
                   "The atom of each gamma slot, as the name writes it.")
      .def_prop_ro(
          "pairs", [](const Kernel& self) { return self.parsed().pairs; },
          "The pairs of variables.")
      .def_prop_ro("tree", &tree_of,
                   "The name as parsed: ('number', value), ('atom', name, "
                   "slot, pair), ('own', name, slot, pair), ('formula',), "
                   "('power', base, exponent), or an operator and its "
                   "operands.")
      .def(nb::self == nb::self)
      .def("__hash__", [](const Kernel& self) {
        return nb::hash(nb::cast(self.structure()));
      });

  m.def(
      "check_arguments",
      [](const Kernel& kernel, std::vector<ArrayView> x,
         std::vector<ArrayView> y, std::vector<Gamma> gamma,
         std::vector<ArrayView> b, std::string_view mode) {
        return check_arguments(kernel.parsed(),
                               {std::move(x), std::move(y), std::move(gamma),
                                std::move(b), parse_mode(mode)});
      },
      "kernel"_a, "x"_a, "y"_a, "gamma"_a, "b"_a, "mode"_a,
      "Checks the arguments of a kernel product and returns their signature.");

  m.def("formula_tree", &formula_tree, "text"_a, "function"_a, "is_atom"_a,
        "Returns a formula as parsed: ('number', value), ('name', name), "
        "('call', name, operands...), ('power', base, exponent), or an "
        "operator and its operands. Raises ValueError.");
  m.def(
      "check_backend",
      [](std::string_view name, std::string device) {
        check_backend(parse_backend(name), {std::move(device)});
      },
      "name"_a, "device"_a,
      "Raises ValueError for an unknown backend, or what it raises for arrays "
      "of a device that it cannot run on.");
  m.def(
      "parse_mode",
      [](std::string_view name) { return row_of(parse_mode(name)).name; },
      "name"_a, "Returns the name of a mode, or raises ValueError.");
  m.def("modes", &mode_rows,
        "Returns name, older name, the arguments with their pair axes and "
        "whether the result is a logarithm, for each mode.");
  m.def("catalogue", &catalogue_rows,
        "Returns name, formula, log formula and description of each atom.");

  nb::class_<ArrayFunction>(m, "ArrayFunction",
                            "A differentiable function of arrays.")
      .def(
          "__init__",
          [](ArrayFunction* self, const Kernel& kernel,
             const Signature& signature, std::vector<std::string> skip,
             bool is_read_back) {
            new (self) ArrayFunction(kernel, signature,
                                     {std::move(skip), is_read_back});
          },
          "kernel"_a, "signature"_a, "skip"_a = std::vector<std::string>(),
          "is_read_back"_a = false)
      .def_static(
          "shared",
          [](const Kernel& kernel, const Signature& signature,
             std::vector<std::string> skip, bool is_read_back) {
            return ArrayFunction::shared(kernel, signature,
                                         {std::move(skip), is_read_back});
          },
          "kernel"_a, "signature"_a, "skip"_a = std::vector<std::string>(),
          "is_read_back"_a = false,
          "Returns the function of a kernel, from a table of those used last.")
      .def_prop_ro(
          "arguments",
          [](const ArrayFunction& self) { return specs_of(self.arguments()); },
          "Pair axis ('i', 'j' or '') and columns of each argument.")
      .def_prop_ro(
          "results",
          [](const ArrayFunction& self) { return specs_of(self.results()); },
          "The same for each result.")
      .def_prop_ro("is_logarithm", &ArrayFunction::is_logarithm,
                   "Whether the state of a logarithm stands behind it.")
      .def(
          "result_dtype",
          [](const ArrayFunction& self, std::size_t result,
             std::string_view dtype, std::string_view backend) {
            return dtype_name(self.result_dtype(result, parse_dtype(dtype),
                                                parse_backend(backend)));
          },
          "result"_a, "dtype"_a, "backend"_a,
          "Returns the dtype of a result for arguments of a dtype.")
      .def("vjp", &ArrayFunction::vjp, "wrt"_a, "cotangents"_a,
           "Returns the vector-Jacobian product: a function of the arguments "
           "and of the cotangents, by positions. Shared if this function is.")
      .def("run", &run_function, "arguments"_a, "results"_a, "backend"_a,
           "threads"_a, "forced"_a = nb::dict(),
           "Computes the results into the given arrays. `forced` holds "
           "choices that tests force.")
      .def(
          "explain",
          [](const ArrayFunction& self, int64_t M, int64_t N,
             std::string_view dtype, std::string_view code) {
            return self.explain({M, N}, parse_dtype(dtype), parse_code(code));
          },
          "M"_a, "N"_a, "dtype"_a, "code"_a = "",
          "Returns formula, programs, plans, code ('llvm', 'assembly' or '') "
          "and times of the stages.");
}

}  // namespace gramless
