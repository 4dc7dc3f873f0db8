// Between a library's call and loops of our own, both ways, with the libraries that there are; and what tuning makes of it.
#include <gtest/gtest.h>

#include <algorithm>

#include "neap/base/file.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "neap/transform/tune.h"
#include "tests/support/environment.h"
#include "tests/support/results.h"

namespace neap::implementation_test {
namespace {

void expect_same_result(const Graph& graph, const Graph& wanted) {
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) inputs.push_back(waves(evaluate(graph.type(input.value).shape, {{"N", 3}})));
  expect_close(Executable(graph).run(inputs)[0], interpret(wanted, inputs)[0], 1e-4, to_string(graph));
}

TEST(Implementation, GoesToLoopsAndBack) {
  const std::vector<std::string> graphs = {
      "graph main { input x : f32[N,33]\n input w : f32[17,33]\n %0 = matmul(x, w) transpose_b=true : f32[N,17] library onednn\n"
      " output y = %0 }",
      "graph main { input x : f32[N,2,5,7]\n input w : f32[2,7,3]\n %0 = matmul(x, w) : f32[N,2,5,3] library onednn\n output y = %0 }",
      "graph main { input x : f32[N,6,9,8]\n input w : f32[4,6,3,2]\n"
      " %0 = conv(x, w) strides=[2,1] pads=[1,0,1,1] dilations=[1,2] groups=1 : f32[N,4,5,7] library onednn\n output y = %0 }",
      "graph main { input x : f32[2,6,9]\n input w : f32[6,1,3]\n"
      " %0 = conv(x, w) strides=[1] pads=[1,1] dilations=[1] groups=6 : f32[2,6,9] library onednn\n output y = %0 }"};
  const Transformation& implementation = find_transformation("implementation");
  for (const std::string& text : graphs) {
    const Graph graph = parse_graph(text);
    Optimizer optimizer(graph);
    const Site site = optimizer.sites(implementation).at(0);
    optimizer.apply(implementation, site, {{"choice", 0}});
    ASSERT_TRUE(optimizer.graph().nodes()[0]->is_map());
    expect_same_result(optimizer.graph(), graph);
    ASSERT_EQ(optimizer.sites(implementation).size(), 1U);
    optimizer.apply(implementation, site, {{"choice", 1}});
    EXPECT_EQ(optimizer.graph().nodes()[0]->implementation, "onednn");
    EXPECT_EQ(optimizer.graph().nodes()[0]->op, graph.nodes()[0]->op);
    expect_same_result(optimizer.graph(), graph);
  }
}

// Loops, whose time on row-major pictures was counted as on others, took 12 times as long.
TEST(Implementation, GradientsOfFiltersThatAreReshapedAreTheLibrarys) {
  const Graph graph = parse_graph(R"(graph main {
  input x : f32[2,512,7,7]
  input dy : f32[2,512,7,7]
  %0 = conv_weight_gradient(x, dy) kernel_size=sizes[3,3] pads=[1,1,1,1] : f32[512,512,3,3]
  %1 = reshape(%0) shape=sizes[512,4608] : f32[512,4608]
  output y = %1
})");
  Optimizer optimizer(graph);
  optimizer.optimize();
  const auto is_library = [](const NodePtr& node) { return node->implementation == "onednn"; };
  EXPECT_TRUE(std::ranges::any_of(optimizer.graph().nodes(), is_library)) << to_string(optimizer.graph());
}

// Loops that were fused with what follows them, and are slow.
TEST(Implementation, TuningMakesALibrarysCallOfSlowLoops) {
  const Threads one(1);          // whatever else runs takes turns with it, and holds up no other
  const TemporaryFolder folder;  // in which nothing is known yet
  const Environment cache("NEAP_CACHE", folder.path().string());
  const Graph graph = parse_graph(R"(graph main {
  input x : f32[512,512]
  input w : f32[512,512]
  input b : f32[512]
  %0 = map(x, w, b) i:512 k:512 { %0[i,k] = max(sum(j:512, x[i,j] * w[j,k]) + b[k], 0.0) } : f32[512,512] schedule vector=k width=4 tile=[i:1]
  output y = %0
})");
  Optimizer optimizer(graph);
  const Tuning found = tune(optimizer, {.seconds = 60});
  EXPECT_EQ(found.kernels, 1);
  EXPECT_EQ(found.changed, 1);
  const Node& node = *optimizer.graph().nodes()[0];
  EXPECT_EQ(node.implementation, "onednn") << optimizer.history();
  EXPECT_NE(node.epilogue, nullptr);
  expect_same_result(optimizer.graph(), graph);
  Optimizer replayed(graph);
  replayed.replay(optimizer.history());
  EXPECT_EQ(structural_hash(replayed.graph()), structural_hash(optimizer.graph()));
}

}  // namespace
}  // namespace neap::implementation_test
