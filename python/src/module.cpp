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

#include "gramless/call/arguments.h"
#include "gramless/call/arrays.h"
#include "gramless/call/function.h"
#include "gramless/call/mode.h"
#include "gramless/formula/atoms.h"
#include "gramless/formula/parsed_kernel.h"
#include "gramless/formula/signs.h"
#include "gramless/gramless.h"
#include "openmp.h"
#include "report.h"
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
  if (name == "ptx") return CodeText::ptx;
  throw ArgumentError(
      "explain(): expected code 'llvm', 'assembly', 'ptx' or None, got '" +
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
  for (const GammaSlot& slot : kernel.parsed().slots) {
    names.push_back(slot.atom);
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

/// What a run is to be like, and what tests force.
struct RunChoices {
  Options options;
  ForcedChoices forced;
};

/// A choice that tests force, by its name in C++.
struct Force {
  std::string_view name;
  void (*apply)(RunChoices& choices, int64_t number);
};

constexpr std::array kForces = {
    Force{"checked",
          [](RunChoices& c, int64_t) {
            Backend& backend = c.options.backend;
            if (backend == Backend::automatic) backend = Backend::checked;
          }},
    Force{"most", [](RunChoices& c,
                     int64_t n) { c.forced.most = static_cast<VectorIsa>(n); }},
    Force{"aarch64",
          [](RunChoices& c, int64_t n) { c.forced.is_aarch64 = n != 0; }},
    Force{"lanes",
          [](RunChoices& c, int64_t n) {
            c.forced.plan.lanes = static_cast<int>(n);
          }},
    Force{"lanes_along_kept",
          [](RunChoices& c, int64_t n) {
            c.forced.plan.lanes_along_kept = n != 0;
          }},
    Force{"kept_unroll",
          [](RunChoices& c, int64_t n) {
            c.forced.plan.kept_unroll = static_cast<int>(n);
          }},
    Force{"reduced_unroll",
          [](RunChoices& c, int64_t n) {
            c.forced.plan.reduced_unroll = static_cast<int>(n);
          }},
    Force{"longest_unrolled",
          [](RunChoices& c, int64_t n) { c.forced.plan.longest_unrolled = n; }},
    Force{"chunk", [](RunChoices& c, int64_t n) { c.forced.plan.chunk = n; }},
    Force{"splits", [](RunChoices& c, int64_t n) { c.forced.plan.splits = n; }},
};

/// Returns choices with those that tests force.
RunChoices read_forced(RunChoices choices, const nb::dict& forced) {
  for (const auto [key, value] : forced) {
    const auto name = nb::cast<std::string>(key);
    const auto force =
        std::find_if(kForces.begin(), kForces.end(),
                     [&](const Force& each) { return each.name == name; });
    if (force == kForces.end()) {
      throw ArgumentError("run(): expected the name of an option, got '" +
                          name + "'.");
    }
    force->apply(choices, nb::cast<int64_t>(value));
  }
  return choices;
}

/// Returns what takes memory from a function of Python.
TakeWorkspace python_memory(const nb::object& take) {
  if (take.is_none()) return {};
  return [&take](int64_t bytes) {
    const nb::gil_scoped_acquire gil;
    return reinterpret_cast<void*>(nb::cast<uintptr_t>(take(bytes)));
  };
}

/// Runs a function into row-major memory at the given addresses.
void run(const ArrayFunction& function, const std::vector<ArrayView>& arguments,
         const std::vector<uintptr_t>& results, std::string_view backend,
         int threads, const nb::dict& forced, uintptr_t stream,
         const nb::object& workspace) {
  Options options{
      .backend = parse_backend(backend),
      .threads = threads,
      .interrupt = python_signals(),
      .on_threads = threads == 1 ? RunOnThreads() : openmp_threads(),
      .stream = reinterpret_cast<void*>(stream),
      .workspace = python_memory(workspace)};
  const RunChoices choices = read_forced({std::move(options), {}}, forced);
  const nb::gil_scoped_release no_gil;
  const std::vector<ResultForm> forms =
      function.result_forms(arguments, choices.options.backend);
  std::vector<MutableArrayView> views;
  for (std::size_t k = 0; k < forms.size() && k < results.size(); ++k) {
    views.push_back({reinterpret_cast<void*>(results[k]), forms[k].dtype,
                     forms[k].shape, row_major_strides(forms[k].shape),
                     arguments.empty() ? Device{} : arguments[0].device});
  }
  run_function(function, arguments, views, choices.options, choices.forced);
}

nb::list result_forms(const ArrayFunction& function,
                      const std::vector<ArrayView>& arguments,
                      std::string_view backend) {
  nb::list forms;
  for (const ResultForm& form :
       function.result_forms(arguments, parse_backend(backend))) {
    nb::list shape;
    for (const int64_t extent : form.shape) shape.append(extent);
    forms.append(nb::make_tuple(nb::tuple(shape), dtype_name(form.dtype)));
  }
  return forms;
}

nb::list rows_of(const std::vector<ArrayForm>& arrays) {
  nb::list rows;
  for (const ArrayForm& array : arrays) {
    rows.append(nb::make_tuple(array.name, pair_index_name(array.pair),
                               array.columns, array.is_wide));
  }
  return rows;
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

nb::list atom_rows() {
  nb::list rows;
  for (const AtomRow& row : atom_table()) {
    rows.append(nb::make_tuple(row.name, row.parameters, row.formula,
                               row.log_formula, row.description));
  }
  return rows;
}

nb::list operator_signs() {
  nb::list signs;
  for (const FormulaOperator& row : formula_operators()) {
    signs.append(nb::make_tuple(row.name, sign_text(row)));
  }
  return signs;
}

DoctorReport examine(
    const std::vector<std::pair<std::string, std::string>>& versions) {
  DoctorReport report = doctor();
  for (const auto& [name, version] : versions) {
    report.versions.push_back({name, version});
  }
  return report;
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
      .def_prop_ro(
          "digest",
          [](const Kernel& self) {
            return std::make_pair(self.digest()[0], self.digest()[1]);
          },
          "Two numbers that equal kernels share.")
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
        return static_cast<Py_hash_t>(self.digest()[0] >> 2U);
      });

  m.def("formula_tree", &formula_tree, "text"_a, "function"_a, "is_atom"_a,
        "Returns a formula as parsed: ('number', value), ('name', name), "
        "('call', name, operands...), ('power', base, exponent), or an "
        "operator and its operands. Raises ValueError.");
  m.def(
      "check_backend",
      [](std::string_view name, std::string device) {
        check_backend(parse_backend(name), {std::move(device)}, name);
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
  m.def("catalogue", &atom_rows,
        "Returns name, parameters, formula, log formula and description of "
        "each atom. A parameter is a letter: 'm' for a metric, 's' for a "
        "scalar, '-' for a slot that is None.");
  m.def("operator_signs", &operator_signs,
        "Returns the name of each operator of formulas with its sign: "
        "'nonnegative', 'as operands' or ''.");

  nb::class_<DoctorReport>(m, "DoctorReport", "What was found of this machine.")
      .def("to_text", &text_of, nb::sig("def to_text(self) -> str"),
           "Returns lines to read.")
      .def("to_dict", &dict_of, "Returns what json.dumps() takes.");
  m.def("doctor", &examine, "versions"_a,
        nb::call_guard<nb::gil_scoped_release>(),
        "Looks at the machine and runs a small product by each engine. "
        "`versions`, names and texts, are put behind the library's own.");

  nb::class_<ArrayFunction>(m, "ArrayFunction",
                            "A differentiable function of arrays.")
      .def_static(
          "of",
          [](const Kernel& kernel, std::vector<ArrayView> x,
             std::vector<ArrayView> y, std::vector<Gamma> gamma,
             std::vector<ArrayView> b, std::string_view mode,
             std::vector<std::string> skip, bool is_read_back) {
            const Arguments arguments{std::move(x), std::move(y),
                                      std::move(gamma), std::move(b),
                                      parse_mode(mode)};
            return function_of(kernel,
                               check_arguments(kernel.parsed(), arguments),
                               {std::move(skip), is_read_back});
          },
          "kernel"_a, "x"_a, "y"_a, "gamma"_a, "b"_a, "mode"_a,
          "skip"_a = std::vector<std::string>(), "is_read_back"_a = false,
          "Checks the arguments of a kernel product and returns the function "
          "of their form. `skip` and `is_read_back` are for tests.")
      .def_prop_ro("is_logarithm", &ArrayFunction::is_logarithm,
                   "Whether the state of a logarithm stands behind it.")
      .def_prop_ro(
          "arguments",
          [](const ArrayFunction& self) { return rows_of(self.arguments()); },
          "Name, pair axis, columns of each argument, and whether it is "
          "float64 in calls of any dtype.")
      .def_prop_ro(
          "results",
          [](const ArrayFunction& self) { return rows_of(self.results()); },
          "The same of each result.")
      .def_prop_ro(
          "results_like",
          [](const ArrayFunction& self) { return self.state().results_like; },
          "Of each result the argument that it is the gradient of, or None.")
      .def("result_forms", &result_forms, "arguments"_a, "backend"_a,
           "Returns shape and dtype of each result for these arguments.")
      .def("vjp", &ArrayFunction::vjp, "wrt"_a, "cotangents"_a,
           "Returns the vector-Jacobian product: a function of the arguments "
           "and of the cotangents, by positions. Shared if this function is.")
      .def("run", &run, "arguments"_a, "results"_a, "backend"_a, "threads"_a,
           "forced"_a = nb::dict(), "stream"_a = 0, "workspace"_a = nb::none(),
           "Computes the results into row-major memory at the given "
           "addresses. `forced` holds choices that tests force. On a CUDA "
           "device, work is queued on a stream, and `workspace` returns the "
           "address of so many bytes there.")
      .def(
          "explain",
          [](const ArrayFunction& self, const std::vector<ArrayView>& arguments,
             std::string_view code, std::string_view arch,
             const nb::dict& forced) {
            const std::vector<ArraySpec>& specs = self.state().arguments;
            return explain_function(
                self, find_sizes("explain", specs, arguments).sizes,
                find_dtype(specs, arguments),
                {parse_code(code), arch, read_forced({}, forced).forced});
          },
          "arguments"_a, "code"_a = "", "arch"_a = "sm_80",
          "forced"_a = nb::dict(),
          "Returns formula, programs, plans, code ('llvm', 'assembly', 'ptx' "
          "for the GPU `arch`, or '') and times of the stages. The last "
          "arguments may be left out.");
}

}  // namespace gramless
