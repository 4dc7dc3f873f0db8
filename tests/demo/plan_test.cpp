// The optimizer's plan of the demo's network: the same whoever wrote the network down, and good at the rates of several machines.
#include "neap/sparse/plan.h"

#include <gtest/gtest.h>

#include "neap/demo/network.h"
#include "neap/onnx/onnx.h"
#include "neap/optim/adam.h"
#include "neap/train/step.h"
#include "neap/transform/optimizer.h"

namespace neap::plan_test {
namespace {

// Bytes and flops a second: what two cores were measured to do on a busy and on an idle machine, and a larger machine.
class Plan : public testing::TestWithParam<Rates> {
 protected:
  static Graph network(std::int64_t batch) {
    const auto net = efficient_net_28();
    net->initialize(1);
    return inference_graph(*net, {"images", {DType::f32, {batch, 1, 28, 28}, {}}});
  }
  static Optimizer optimized(const Graph& graph) {
    Optimizer optimizer(graph, CostModel({}, GetParam()));
    optimizer.optimize();
    return optimizer;
  }
};

// Batch norm and swish are calls in one and several nodes in the other.
TEST_P(Plan, IsTheSameForTheNetworkReadBackFromItsOnnxFile) {
  for (const std::int64_t batch : {1, 128}) {
    const Graph graph = network(batch);
    const Optimizer module = optimized(graph), file = optimized(read_onnx_bytes(onnx_bytes(graph), ""));
    EXPECT_EQ(module.graph().nodes().size(), file.graph().nodes().size());
    EXPECT_DOUBLE_EQ(module.cost().bytes, file.cost().bytes);
    EXPECT_DOUBLE_EQ(module.cost().flops, file.cost().flops);
    EXPECT_NEAR(module.cost().seconds, file.cost().seconds, 1e-9);
  }
}

// 93 MB, where images lay row by row and maps of batches stood between those of images.
TEST_P(Plan, KeepsWhatABlockHandsOnInCache) {
  const Optimizer plan = optimized(network(128));
  EXPECT_LT(plan.cost().bytes, 10e6);
  EXPECT_LE(plan.graph().nodes().size(), 7U);
}

// Filters that are computed (from values and masks) lie as given ones do, and their gradients are summed in the same scopes.
TEST(TrainingPlan, WithMasksIsAsGoodAsWithout) {
  const auto seconds = [](bool masks) {
    const auto net = efficient_net_28();
    net->initialize(1);
    if (masks) sparse::sparsify(*net, sparse::SparsityPlan().add("*.weight", "magnitude sparsity=0.9", "masked"));
    const Graph step = training_step(*net, {{"images", {DType::f32, {128, 1, 28, 28}, {}}}, {"labels", {DType::i64, {128}, {}}}},
                                     classification(*net), AdamW());
    Optimizer optimizer(step, CostModel({}, Rates{26e9, 178e9, 240e9}));
    optimizer.optimize();
    return optimizer.cost().seconds;
  };
  EXPECT_LT(seconds(true), 1.05 * seconds(false));
}

INSTANTIATE_TEST_SUITE_P(Rates, Plan,
                         testing::Values(Rates{26e9, 178e9, 240e9}, Rates{49e9, 172e9, 236e9}, Rates{20e9, 90e9, 120e9},
                                         Rates{80e9, 300e9, 1200e9}));

}  // namespace
}  // namespace neap::plan_test
