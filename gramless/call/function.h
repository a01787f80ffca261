// SPDX-License-Identifier: MIT
// How functions are built and run, with the choices that tests force.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/call.h"
#include "gramless/call/build.h"
#include "gramless/transform/log_domain.h"

namespace gramless {

/// How a function is built. Optional stages can be left out, to find out
/// whether one of them is to blame for something.
struct BuildOptions {
  std::vector<std::string> skip;  // Of `simplify`.
  /// For tests: whether each map-reduce is printed and read back.
  bool is_read_back = false;
};

/// The programs of a map-reduce on CUDA devices, which are made when the first
/// arrays on one come.
class GridPrograms {
 public:
  using Programs = std::vector<cuda::PreparedProgram>;

  const Programs& of(const MapReduce& map_reduce) const;

 private:
  mutable std::shared_ptr<const Programs> programs_;
};

/// A map-reduce as it is run.
struct Runnable {
  MapReduce map_reduce;
  std::vector<cpu::PreparedProgram> programs = {};
  std::vector<Program> reference_programs = {};
  GridPrograms grid_programs = {};
};

/// The map-reduces that run in front of one on centred points: see
/// transform/centre.h.
struct CentreSteps {
  Runnable totals;
  Runnable row_radii;
  Runnable column_radii;
};

/// The stages that ran, with their times in milliseconds.
using StageTimes = std::vector<std::pair<std::string, double>>;

struct ArrayFunction::State {
  /// In the table of functions.
  std::string key;
  BuildOptions options;
  LogDomain domain;
  bool is_logarithm = false;
  /// As it is differentiated.
  MapReduce map_reduce;
  std::vector<ArraySpec> arguments;
  std::vector<ArraySpec> results;
  /// Of each result the argument that it is a gradient of, if it is one: in a
  /// batch, it has its leading dimensions.
  std::vector<std::optional<std::size_t>> results_like;
  /// The same as users see them.
  std::vector<ArrayForm> argument_forms;
  std::vector<ArrayForm> result_forms;
  /// What runs on points as they are.
  Runnable runnable;
  /// The list of map-reduces that runs where points are near their mean, if
  /// there is one. Derivatives share the first steps, and so their results and
  /// the choice.
  std::shared_ptr<const CentreSteps> centre_steps;
  std::optional<Runnable> centred;
  StageTimes stages;
};

/// Returns the kernel product for arguments of a form, from the table of
/// functions that were used last; kernels of one structure share a function.
ArrayFunction function_of(const Kernel& kernel, const Signature& signature,
                          const BuildOptions& options = {});

/// Runs a function with choices forced.
void run_function(const ArrayFunction& function,
                  std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results,
                  const Options& options, const ForcedChoices& forced);

/// What code an explanation shows: of which form, for which GPU, and with which
/// choices forced.
struct CodeChoices {
  CodeText text = CodeText::none;
  std::string_view arch = "sm_80";
  ForcedChoices forced = {};
};

/// Returns what a function runs for arrays of the given sizes, as text.
std::string explain_function(const ArrayFunction& function, Sizes sizes,
                             DType dtype, const CodeChoices& code = {});

}  // namespace gramless
