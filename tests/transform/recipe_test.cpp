// Recipes as values: printed, parsed, passed in; memory budgets.
#include "neap/transform/recipe.h"

#include <gtest/gtest.h>

#include "neap/ops/interpreter.h"
#include "neap/runtime/memory_plan.h"
#include "neap/transform/optimizer.h"
#include "tests/support/cases.h"

namespace neap::recipe_test {
namespace {

std::string problem_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.problem();
  }
  return "nothing";
}

TEST(Recipe, PrintsAndParsesBack) {
  const std::string text = to_string(default_recipe());
  EXPECT_EQ(to_string(parse_recipe(text)), text);
  const Recipe recipe = parse_recipe("# what fuses\n\n  fuse_scope buffer_kib=64 from 2\nbind_library by_cost=1 from 1 to 3\r\nlower");
  ASSERT_EQ(recipe.size(), 3U);
  EXPECT_EQ(to_string(recipe), "fuse_scope buffer_kib=64 from 2\nbind_library by_cost=1 from 1 to 3\nlower from 0\n");
}

TEST(Recipe, SaysWhatIsWrong) {
  EXPECT_EQ(problem_of([] { parse_recipe("lower\nmake_faster"); }), "there is no transformation 'make_faster'");
  EXPECT_EQ(problem_of([] { parse_recipe("fuse_scope kib=2"); }), "fuse_scope has no parameter 'kib'");
  EXPECT_EQ(problem_of([] { parse_recipe("fuse_scope buffer_kib=0"); }), "buffer_kib = 0 is outside 1 to 1024");
  EXPECT_EQ(problem_of([] { parse_recipe("fuse_scope buffer_kib=big"); }), "'big' is not a number");
  EXPECT_EQ(problem_of([] { parse_recipe("fuse_scope buffer_kib=99999999999999999999"); }), "'99999999999999999999' is not a number");
  EXPECT_EQ(problem_of([] { parse_recipe("lower from 5"); }), "a level is wanted behind 'from'");
  EXPECT_EQ(problem_of([] { parse_recipe("lower to"); }), "a level is wanted behind 'to'");
  EXPECT_EQ(problem_of([] { parse_recipe("lower soon"); }), "'soon' is neither a parameter nor a level");
}

TEST(Recipe, OnlyItsLinesAreRun) {
  const Graph graph = parse_graph(R"(graph main {
  input x : f32[N,3]
  %0 = exp(x) : f32[N,3]
  %1 = neg(%0) : f32[N,3]
  output y = %1
})");
  Optimizer optimizer(graph);
  optimizer.optimize(OptimizeOptions{.recipe = parse_recipe("lower\nfuse_vertical from 3\n")});
  EXPECT_EQ(optimizer.graph().nodes().size(), 1U);
  Optimizer lower(graph);
  lower.optimize(OptimizeOptions{.level = 2, .recipe = parse_recipe("lower\nfuse_vertical from 3\n")});
  EXPECT_EQ(lower.graph().nodes().size(), 2U);
}

// %0 lives from the start to the end, across the two sums.
const char* const kept_long = R"(graph main {
  input x : f32[300]
  %0 = map(x) i:300 { %0[i] = x[i] * 2.0 + 1.0 } : f32[300]
  %1 = map(%0) i:300 { %1[i] = sum(j:300, %0[j]) } : f32[300]
  %2 = map(%1) i:300 { %2[i] = sum(j:300, %1[j]) - %1[i] } : f32[300]
  %3 = map(%2, %0) i:300 { %3[i] = %2[i] * %0[i] } : f32[300]
  output y = %3
})";

TEST(Memory, ValuesAreComputedAgainToFitABudget) {
  const Graph graph = parse_graph(kept_long);
  const Recipe recipe = parse_recipe("recompute from 4");
  Optimizer optimizer(graph);
  const std::int64_t before = plan_memory(graph, {}).arena_bytes;
  optimizer.optimize(OptimizeOptions{.memory_bytes = before - 1, .recipe = recipe});
  EXPECT_LT(plan_memory(optimizer.graph(), {}).arena_bytes, before);
  const Array x = Array::full(DType::f32, {300}, 0.25);
  EXPECT_TRUE(testing::close(interpret(optimizer.graph(), {x})[0], interpret(graph, {x})[0], 1e-6));
  Optimizer free(graph);
  free.optimize(OptimizeOptions{.memory_bytes = before, .recipe = recipe});
  EXPECT_TRUE(free.steps().empty());
}

TEST(Memory, ABudgetThatCannotBeReachedIsRefusedWithTheLeast) {
  Optimizer optimizer(parse_graph(kept_long));
  try {
    optimizer.optimize(OptimizeOptions{.memory_bytes = 100, .recipe = parse_recipe("recompute from 4")});
    ADD_FAILURE();
  } catch (const Error& error) {
    const std::int64_t least = plan_memory(optimizer.graph(), {}).arena_bytes;
    EXPECT_EQ(error.problem(), fmt::format("the values between nodes take {} bytes at least, over the budget of 100", least));
  }
}

}  // namespace
}  // namespace neap::recipe_test
