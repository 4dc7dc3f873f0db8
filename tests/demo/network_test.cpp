#include "neap/demo/network.h"

#include <gtest/gtest.h>

#include "neap/optim/adam.h"
#include "neap/train/step.h"

namespace neap::network_test {
namespace {

TEST(Network, HasAbout55000Parameters) {
  const auto net = efficient_net_28();
  EXPECT_NEAR(static_cast<double>(net->parameter_count()), 55000, 1000);
}

TEST(Network, TrainingStepIsOneGraph) {
  const auto net = efficient_net_28();
  const Graph step = training_step(*net, {{"images", Type::parse("f32[128,1,28,28]")}, {"labels", Type::parse("i64[128]")}},
                                   classification(*net), AdamW());
  EXPECT_EQ(step.outputs.front().name, "loss");
  EXPECT_EQ(step.outputs[1].name, "correct");
  std::size_t parameters = 0, updated = 0;
  for (const Input& input : step.inputs) parameters += input.role != Role::input ? 1 : 0;
  for (const Output& output : step.outputs) updated += output.updates >= 0 ? 1 : 0;
  EXPECT_EQ(updated, parameters);
}

}  // namespace
}  // namespace neap::network_test
