// Products by a library whose operands are parts of other tensors: no copy is made of them.
#include <gtest/gtest.h>

#include <algorithm>

#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/support/results.h"

namespace neap::fold_view_test {
namespace {

// Scores of two heads whose queries and keys lie side by side in rows of one tensor; a part of a layer's weights.
constexpr const char* text = R"(graph main {
  input x : f32[N,65,384]
  input w : f32[256,128]
  %0 = slice(x) starts=sizes[0] stops=sizes[128] axes=[2] : f32[N,65,128]
  %1 = reshape(%0) shape=sizes[N,65,2,64] : f32[N,65,2,64]
  %2 = transpose(%1) permutation=[0,2,1,3] : f32[N,2,65,64]
  %3 = slice(x) starts=sizes[128] stops=sizes[256] axes=[2] : f32[N,65,128]
  %4 = reshape(%3) shape=sizes[N,65,2,64] : f32[N,65,2,64]
  %5 = transpose(%4) permutation=[0,2,1,3] : f32[N,2,65,64]
  %6 = matmul(%2, %5) transpose_b=true : f32[N,2,65,65]
  %7 = slice(x) starts=sizes[256] stops=sizes[384] axes=[2] : f32[N,65,128]
  %8 = slice(w) starts=sizes[128] stops=sizes[256] : f32[128,128]
  %9 = matmul(%7, %8) : f32[N,65,128]
  output scores = %6
  output values = %9
})";

Optimizer optimized(const Graph& graph, bool views) {
  OptimizeOptions options;
  if (!views) std::erase_if(options.recipe, [](const RecipeLine& line) { return line.transformation == "fold_view"; });
  Optimizer optimizer(graph, CostModel({{"N", 8}}, Rates{26e9, 178e9, 240e9}));
  optimizer.optimize(options);
  return optimizer;
}

TEST(FoldView, PartsOfTensorsAreMultipliedWhereTheyStand) {
  const Graph graph = parse_graph(text);
  const Optimizer copied = optimized(graph, false), seen = optimized(graph, true);
  EXPECT_EQ(seen.graph().nodes().size(), 2U) << to_string(seen.graph());
  EXPECT_GT(copied.graph().nodes().size(), 2U);
  // Each of the four parts is read once, and neither written nor read again.
  const double parts = 8.0 * 65 * 384 * 4 + 128 * 128 * 4, results = 8.0 * 65 * (2 * 65 + 128) * 4;
  EXPECT_DOUBLE_EQ(seen.cost().bytes, parts + results);
  EXPECT_GE(copied.cost().bytes, seen.cost().bytes + 2 * 8.0 * 65 * 256 * 4);

  Executable executable(seen.graph());
  for (const std::int64_t size : {1, 3, 8}) {
    const std::vector<Array> inputs{waves({size, 65, 384}), waves({256, 128})};
    const std::vector<Array> wanted = interpret(graph, inputs), got = executable.run(inputs);
    for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-4, "output " + std::to_string(i));
  }
}

}  // namespace
}  // namespace neap::fold_view_test
