// SPDX-License-Identifier: MIT
// Tests programs and plans as texts. GRAMLESS_UPDATE=1 in the environment
// rewrites the file: read the difference before you commit it.
#include "gramless/plan/plan.h"
#include "gramless/plan/stored_values.h"
#include "gramless/plan/sweeps.h"

#include <gtest/gtest.h>

#include <sstream>

#include "evaluate.h"
#include "golden.h"
#include "gramless/ir/reader.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

constexpr const char* kFile = "plan/plans.txt";

/// A line such as `gaussian(x,y); scalar; product; 100 x 200; float32; 32`.
struct Case {
  explicit Case(const std::string& line) {
    std::istringstream stream(line);
    std::string size;
    const auto field = [&] {
      std::string text;
      std::getline(stream >> std::ws, text, ';');
      return text;
    };
    name = field();
    const std::string form = field();
    metric = form == "scalar"     ? Metric::scalar
             : form == "diagonal" ? Metric::diagonal
                                  : Metric::full;
    is_gradient = field() == "gradient";
    stream >> sizes.kept >> size >> sizes.reduced;
    std::getline(stream, size, ';');
    dtype = field() == "float32" ? DType::float32 : DType::float64;
    stream >> vector_bytes;
  }

  std::string name;
  Metric metric = Metric::scalar;
  bool is_gradient = false;
  SweepSizes sizes;
  DType dtype = DType::float64;
  int vector_bytes = 32;
};

std::string text_of(const Case& given) {
  MapReduce map_reduce = testing::product_of(given.name, given.metric);
  if (given.is_gradient) {
    std::vector<std::size_t> all;
    for (std::size_t k = 0; k < map_reduce.arguments.size(); ++k) {
      all.push_back(k);
    }
    map_reduce = vjp(map_reduce, all, {0});
  }
  std::string text;
  for (const SweepWays& ways :
       plan_sweeps(expand(simplify(apply_log_domain(map_reduce, {}))))) {
    const Program& program =
        choose_way(ways, given.sizes.kept, given.sizes.reduced);
    SweepSizes sizes = given.sizes;
    if (program.kept == Kept::columns) std::swap(sizes.kept, sizes.reduced);
    text += to_text(program) + to_text(make_plan(program, sizes, given.dtype,
                                                 given.vector_bytes, {},
                                                 /*has_reasons=*/true));
  }
  return text;
}

TEST(Plan, IsTheOneInTheFile) {
  testing::expect_texts_of(
      kFile, 12, [](const std::string& line) { return text_of(Case(line)); });
}

// Each level uses the one below twice: walked path by path, that is 2**64
// steps.
TEST(Plan, VisitsEachValueOfManyElementsOnce) {
  const Axis d{"d", 0, 5};
  const ArraySpec x{"x0", PairIndex::i, {d}};
  const ArraySpec y{"y0", PairIndex::j, {d}};
  MapReduce sums{std::make_shared<ExprPool>(), {x, y}, {}};
  ExprPool& pool = *sums.pool;
  const Expr point = load(pool, x);
  Expr value = pool.multiply({point, load(pool, y)});
  for (int level = 0; level < 64; ++level) {
    value = pool.multiply({value, pool.add({value, point})});
  }
  sums.outputs.push_back({{"a", PairIndex::i, {d}}, value});
  const Program program = lower(sums).front();
  const Plan plan = make_plan(program, {100, 100}, DType::float32, 32);
  EXPECT_TRUE(has_many_elements(program, program.outputs[0], plan.tile));
}

/// Returns the schedule for some columns, and no rows to speak of.
Schedule schedule_of(const std::string& text, int64_t columns) {
  const Program program = lower(read_map_reduce(text)).front();
  return make_plan(program, {1, columns}, DType::float32, 64).schedule;
}

// Few pairs, and yet milliseconds of reading columns.
TEST(Plan, SharesThePackingOfLongColumnsAmongThreads) {
  for (const char* text : {
           "arguments y[j,d:100]\n"
           "a[i,d:100] = sum_j(y[j,d])",
           "arguments y[j,d:100]\n"
           "a[i] = max_j(sum(d, y[j,d]**2))",
       }) {
    constexpr int64_t kColumns = 10'000;
    const Schedule schedule = schedule_of(text, kColumns);
    EXPECT_FALSE(schedule.is_small) << text;
    EXPECT_TRUE(schedule.is_packed_once) << text;
    EXPECT_GE(kColumns / schedule.chunk, 8) << text;
    EXPECT_TRUE(schedule_of(text, 100).is_small) << text;
  }
}

}  // namespace
}  // namespace gramless
