// Training by hand: loss, gradient and update are one graph; the loop gives it batches and keeps what it gives back. Two spirals are told
// apart by a small network.
#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "neap/nn/linear.h"
#include "neap/nn/sequential.h"
#include "neap/optim/adam.h"
#include "neap/tensor/compile.h"
#include "neap/train/step.h"

namespace {

using namespace neap;

struct Batch {
  Array points, arms;
};

// Point i lies on arm i % 2, further out the larger i is.
Batch spirals(std::int64_t count) {
  Batch batch{Array(DType::f32, {count, 2}), Array(DType::i64, {count})};
  for (std::int64_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(count), angle = 5 * t + std::numbers::pi * static_cast<double>(i % 2);
    batch.points.set(2 * i, t * std::cos(angle));
    batch.points.set(2 * i + 1, t * std::sin(angle));
    batch.arms.set_int(i, i % 2);
  }
  return batch;
}

}  // namespace

int main() {
  Sequential net;
  net.then<Linear>("first", 2, 32).then<Activation>("swish1", "swish");
  net.then<Linear>("second", 32, 32).then<Activation>("swish2", "swish").then<Linear>("last", 32, 2);
  net.initialize(7);

  const Batch batch = spirals(200);
  const Graph step = training_step(net, {{"images", Type{DType::f32, {200, 2}, {}}}, {"labels", Type{DType::i64, {200}, {}}}},
                                   classification(net), AdamW());
  Executable executable = make_executable(step);

  // The step's inputs: the batch, two numbers, then parameters (from the network) and the rule's state (zeros), which it updates in place.
  std::vector<Array> inputs{batch.points, batch.arms};
  std::size_t rate = 0, number = 0;
  for (std::size_t i = inputs.size(); i < step.inputs.size(); ++i) {
    const Input& input = step.inputs[i];
    const Type& type = step.type(input.value);
    if (input.name == "learning_rate") rate = i;
    if (input.name == "step") number = i;
    Sizes sizes;
    for (const Dim& size : type.shape) sizes.push_back(size.constant());
    inputs.push_back(input.role == Role::parameter ? net.find(input.name).value().array().clone() : Array::zeros(type.dtype, sizes));
  }

  double loss = 0, correct = 0;
  for (std::int64_t k = 1; k <= 400; ++k) {
    inputs[rate] = Array::full(inputs[rate].dtype(), {}, 0.01);
    inputs[number].set_int(0, k);
    const std::vector<Array> results = executable.run(inputs);
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      if (step.outputs[i].updates >= 0) inputs[static_cast<std::size_t>(step.outputs[i].updates)] = results[i];
    }
    loss = results[0].get(0);
    correct = results[1].get(0);
    if (k % 100 == 0) fmt::print("step {}: loss {:.4f}, {} of 200 right\n", k, loss, correct);
  }
  return correct >= 190 && loss < 0.2 ? 0 : 1;
}
