// SPDX-License-Identifier: MIT
// Tests PTX: what the inner loops have, as texts, and that ptxas, where it is
// installed, assembles all of it, without spills. GRAMLESS_UPDATE=1 in the
// environment rewrites the file of texts.
#include "gramless/backend/cuda/ptx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "golden.h"
#include "gramless/base/text.h"
#include "gramless/call/function.h"
#include "gramless/codegen/cuda/add_kernel.h"
#include "gramless/codegen/cuda/grid_code.h"
#include "gramless/codegen/module.h"
#include "gramless/error.h"
#include "gramless/transform/expand.h"

namespace gramless {
namespace {

constexpr const char* kFile = "backend/cuda/kernels.txt";
constexpr SweepSizes kSizes{100000, 100000};

/// A line such as `gaussian(x,y); sum; D 3; E 1; order 0; float32`: the
/// product, or derivatives of an order by all arguments.
struct Case {
  explicit Case(const std::string& line) {
    std::istringstream stream(line);
    const auto field = [&](const char* name) {
      std::string text;
      std::getline(stream >> std::ws, text, ';');
      EXPECT_TRUE(text.starts_with(name)) << line;
      return text.substr(std::string(name).size());
    };
    kernel = field("");
    mode = field("");
    D = std::stoll(field("D "));
    E = std::stoll(field("E "));
    order = std::stoi(field("order "));
    dtype = field("") == "float32" ? DType::float32 : DType::float64;
  }

  std::string kernel;
  std::string mode;
  int64_t D = 0;
  int64_t E = 0;
  int order = 0;
  DType dtype = DType::float32;
};

std::vector<Program> programs_of(const Case& given) {
  const Kernel kernel(given.kernel);
  const ParsedKernel& parsed = kernel.parsed();
  Signature signature{parse_mode(given.mode), {}, given.E};
  signature.kernel.x_widths.assign(parsed.x_count, given.D);
  signature.kernel.y_widths.assign(parsed.y_count, given.D);
  for (const GammaSlot& slot : parsed.slots) {
    const bool is_none = slot.parameter == Parameter::none;
    signature.kernel.gammas.push_back(is_none ? GammaForm{}
                                              : GammaForm{1, PairIndex::none});
  }
  ArrayFunction function = function_of(kernel, signature);
  for (int order = 0; order < given.order; ++order) {
    std::vector<std::size_t> all;
    while (all.size() < function.arguments().size()) all.push_back(all.size());
    function = function.vjp(all, {0});
  }
  return plan_grid_sweeps(expand(function.state().runnable.map_reduce));
}

std::string ptx_of(const Program& program, const GridPlan& plan, int target) {
  return cuda::ptx(generate_grid(program, plan, cuda_target(target)));
}

// Loops.

/// Instructions of a loop.
struct Loop {
  int special =
      0;  // ex2, rcp and rsqrt, which the special functions' unit has.
  int arithmetic = 0;
  int loads = 0;
  int other = 0;
};

void count(const std::string& line, Loop& loop) {
  const std::size_t start = line.find_first_not_of("\t ");
  if (start == std::string::npos || line[start] == '$') return;
  const std::string text = line.substr(start);
  const std::string name = text.substr(0, text.find_first_of("\t "));
  const auto has = [&](const char* part) {
    return name.find(part) != std::string::npos;
  };
  if (name.starts_with("ld.")) {
    ++loop.loads;
  } else if (has(".approx")) {
    ++loop.special;
  } else if (has(".f32") || has(".f64")) {
    ++loop.arithmetic;
  } else {
    ++loop.other;
  }
}

/// Returns the loop without loops in it that has most special functions, or if
/// none has, most arithmetic.
Loop inner_loop(const std::string& ptx) {
  std::vector<std::string> lines;
  std::istringstream stream(ptx);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::map<std::string, std::size_t> labels;
  std::size_t last_end = 0;
  Loop best;
  for (std::size_t k = 0; k < lines.size(); ++k) {
    const std::string& line = lines[k];
    if (line.starts_with("$")) labels[line.substr(0, line.find(':'))] = k;
    const std::size_t at = line.find("bra");
    const std::size_t name = line.find('$');
    if (at == std::string::npos || name == std::string::npos) continue;
    const auto label = labels.find(line.substr(name, line.find(';') - name));
    if (label == labels.end() || label->second < last_end) continue;
    last_end = k;
    Loop loop;
    for (std::size_t n = label->second; n <= k; ++n) count(lines[n], loop);
    if (std::pair(loop.special, loop.arithmetic) >
        std::pair(best.special, best.arithmetic)) {
      best = loop;
    }
  }
  return best;
}

std::string text_of(const Case& given) {
  std::string text;
  for (const Program& program : programs_of(given)) {
    const GridPlan plan = make_grid_plan(program, kSizes, given.dtype);
    const Loop loop = inner_loop(ptx_of(program, plan, 80));
    text +=
        concat("sweep over ", kept_name(other_axis(program.kept)), ": ",
               plan.tile.kept_unroll, " by ", plan.tile.reduced_unroll,
               " pairs take ", loop.arithmetic, " arithmetic, ", loop.special,
               " special, ", loop.loads, " loads, ", loop.other, " other\n");
  }
  return text;
}

TEST(Ptx, HasTheLoopsOfTheFile) {
  testing::expect_texts_of(
      kFile, 12, [](const std::string& line) { return text_of(Case(line)); });
}

/// The limit of a gaussian in three dimensions: 9 for arithmetic, and at most
/// 1.5 beside it.
TEST(Ptx, TakesNineInstructionsForAPair) {
  const Program program =
      programs_of(Case("gaussian(x,y); sum; D 3; E 1; order 0; float32"))[0];
  const GridPlan plan = make_grid_plan(program, kSizes, DType::float32);
  const Loop loop = inner_loop(ptx_of(program, plan, 80));
  const int pairs = plan.tile.kept_unroll * plan.tile.reduced_unroll;
  EXPECT_EQ(loop.arithmetic + loop.special, 9 * pairs);
  EXPECT_LE(loop.loads + loop.other, pairs);
}

TEST(Ptx, RefusesWhatIsNoArchitecture) {
  EXPECT_EQ(cuda::capability_of("sm_75"), 75);
  EXPECT_EQ(cuda::capability_of("sm_121"), 121);
  for (const char* arch : {"sm_74", "sm_", "sm_80a", "80", ""}) {
    EXPECT_THROW(cuda::capability_of(arch), ArgumentError) << arch;
  }
  const Program program =
      programs_of(Case("linear(x,y); sum; D 1; E 1; order 0; float32"))[0];
  EXPECT_THROW(cuda::explain(program, {1, 1}, DType::float32, "sm_999"),
               CompileError);
}

// The assembler.

std::string find_ptxas() {
  std::istringstream path(std::getenv("PATH"));
  std::vector<std::string> folders;
  for (std::string folder; std::getline(path, folder, ':');) {
    folders.push_back(folder);
  }
  folders.emplace_back("/usr/local/cuda/bin");
  for (const std::string& folder : folders) {
    std::string file = folder + "/ptxas";
    if (std::filesystem::exists(file)) return file;
  }
  return "";
}

/// Returns what ptxas says of a module.
std::string assembled(const std::string& ptxas, const std::string& ptx,
                      int target) {
  std::string folder = ::testing::TempDir() + "/ptx_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return "error: no folder";
  const std::string source = folder + "/kernels.ptx";
  std::ofstream(source) << ptx;
  const std::string command =
      concat(ptxas, " -v -arch=sm_", target, " -o ", folder, "/kernels.cubin ",
             source, " 2>&1");
  std::string text;
  FILE* const pipe = popen(command.c_str(), "r");
  std::array<char, 256> buffer{};
  while (fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
    text += buffer.data();
  }
  const int status = pclose(pipe);
  std::filesystem::remove_all(folder);
  return status == 0 ? text : "error: " + text;
}

/// Returns the largest number in front of some words.
int largest_before(const std::string& text, const std::string& words) {
  int largest = 0;
  for (std::size_t at = text.find(words); at != std::string::npos;
       at = text.find(words, at + 1)) {
    const std::size_t start = text.find_last_not_of("0123456789", at - 1) + 1;
    largest = std::max(largest, std::stoi(text.substr(start, at - start)));
  }
  return largest;
}

/// Sums and log-sum-exps of few columns: registers alone.
TEST(Ptx, AssemblesCommonKernelsWithoutSpills) {
  const std::string ptxas = find_ptxas();
  if (ptxas.empty()) GTEST_SKIP() << "ptxas is not installed";
  for (const char* kernel :
       {"gaussian(x,y)", "laplacian(x,y)", "matern52(x,y)", "cauchy(x,y)"}) {
    for (const char* form :
         {"sum; D 3; E 1; order 0; float32", "sum; D 3; E 1; order 1; float32",
          "sum; D 10; E 3; order 0; float32", "lse; D 3; E 1; order 0; float32",
          "lse; D 3; E 1; order 1; float32", "sum; D 3; E 1; order 0; float64",
          "lse; D 2; E 1; order 0; float64"}) {
      const std::string line = concat(kernel, "; ", form);
      for (const Program& program : programs_of(Case(line))) {
        const GridPlan plan = make_grid_plan(program, kSizes, Case(line).dtype);
        for (const int target : {80, 90, 100}) {
          const std::string report =
              assembled(ptxas, ptx_of(program, plan, target), target);
          ASSERT_FALSE(report.starts_with("error")) << line << report;
          EXPECT_EQ(largest_before(report, " bytes spill stores"), 0) << line;
          EXPECT_EQ(largest_before(report, " bytes stack frame"), 0) << line;
          EXPECT_LE(largest_before(report, " registers"),
                    plan.tile.dtype == DType::float32 ? 128 : 192)
              << line;
        }
      }
    }
  }
}

/// A block finds the arrays of its problem in front of its loops: kept there,
/// their addresses would take a dozen registers more.
TEST(Ptx, KeepsNoAddressesInRegistersOfLoops) {
  const std::string ptxas = find_ptxas();
  if (ptxas.empty()) GTEST_SKIP() << "ptxas is not installed";
  const Program program =
      programs_of(Case("gaussian(x,y); sum; D 3; E 1; order 0; float32"))[0];
  const GridPlan plan = make_grid_plan(program, kSizes, DType::float32);
  for (const int target : {80, 90}) {
    const std::string report =
        assembled(ptxas, ptx_of(program, plan, target), target);
    EXPECT_LE(largest_before(report, " registers"), 80) << report;
  }
}

TEST(Ptx, AssemblesTheSumOfProblems) {
  const std::string ptxas = find_ptxas();
  if (ptxas.empty()) GTEST_SKIP() << "ptxas is not installed";
  for (const int target : {75, 80, 90, 100, 120}) {
    const std::string report =
        assembled(ptxas, cuda::ptx(generate_add(cuda_target(target))), target);
    ASSERT_FALSE(report.starts_with("error")) << report;
    EXPECT_EQ(largest_before(report, " bytes spill stores"), 0) << report;
    EXPECT_LE(largest_before(report, " registers"), 64) << report;
  }
}

TEST(Ptx, AssemblesAllKernels) {
  const std::string ptxas = find_ptxas();
  if (ptxas.empty()) GTEST_SKIP() << "ptxas is not installed";
  std::size_t count = 0;
  constexpr std::array kTargets = {75, 80, 90, 100, 120};
  const auto assemble = [&](const std::string& line) {
    for (const Program& program : programs_of(Case(line))) {
      const GridPlan plan = make_grid_plan(program, kSizes, Case(line).dtype);
      const int target = kTargets.at(count++ % kTargets.size());
      const std::string report =
          assembled(ptxas, ptx_of(program, plan, target), target);
      EXPECT_FALSE(report.starts_with("error")) << line << report;
    }
  };
  for (const char* kernel :
       {"inverse_multiquadric(x,y)", "multiquadric(x,y)", "distance(x,y)",
        "rational_quadratic(x,y)", "matern32(x,y)", "linear(x,y)", "binet(x,y)",
        "gaussian_oriented(x,y)", "gaussian_unoriented(x,y)",
        "periodic(x,y)"}) {
    assemble(concat(kernel, "; sum; D 3; E 1; order 1; float32"));
    assemble(concat(kernel, "; sum; D 2; E 1; order 0; float64"));
  }
  for (const char* form :
       {"sum; D 1; E 3; order 2; float32", "sum; D 100; E 64; order 1; float32",
        "sum; D 100; E 1; order 0; float64",
        "lse; D 10; E 64; order 0; float32",
        "lse; D 100; E 1; order 1; float64",
        "log_scaled; D 3; E 3; order 1; float32",
        "sinkhorn_cost; D 3; E 1; order 1; float32"}) {
    assemble(concat("gaussian(x,y); ", form));
  }
}

}  // namespace
}  // namespace gramless
