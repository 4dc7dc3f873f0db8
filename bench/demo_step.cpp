#include "bench/demo_step.h"

#include <random>

#include "neap/optim/adam.h"
#include "neap/train/step.h"

namespace neap::bench {
namespace {

Array first_value(const Graph& graph, const Input& input, const Module& network, std::int64_t batch) {
  const Type& type = graph.type(input.value);
  const Sizes sizes = evaluate(type.shape, {});
  if (input.name == "images") return random_array(sizes, 1, 0, 1);
  if (input.name == "labels") {
    Array labels(type.dtype, sizes);
    for (std::int64_t i = 0; i < batch; ++i) labels.set_int(i, i * 7 % 10);
    return labels;
  }
  if (input.name == "learning_rate") return Array::full(type.dtype, sizes, 1e-3);
  if (input.name == "step") return Array::full(type.dtype, sizes, 1);
  if (input.name.starts_with("optimizer/")) return Array::zeros(type.dtype, sizes);
  return network.find(input.name).value().array().clone();
}

}  // namespace

DemoStep demo_step(std::int64_t batch) {
  std::unique_ptr<Sequential> network = efficient_net_28();
  network->initialize(1);
  return step_of(std::move(network), batch);
}

DemoStep step_of(std::unique_ptr<Sequential> network, std::int64_t batch) {
  DemoStep made{std::move(network), {}, {}};
  made.graph = training_step(*made.network, {{"images", {DType::f32, {batch, 1, 28, 28}, {}}}, {"labels", {DType::i64, {batch}, {}}}},
                             classification(*made.network), AdamW());
  for (const Input& input : made.graph.inputs) made.inputs.push_back(first_value(made.graph, input, *made.network, batch));
  return made;
}

std::vector<Array> copies(const std::vector<Array>& arrays) {
  std::vector<Array> made;
  for (const Array& array : arrays) made.push_back(array.clone());
  return made;
}

Array random_array(const Sizes& sizes, std::uint64_t seed, double low, double high) {
  std::mt19937_64 random(seed);
  Array made(DType::f32, sizes);
  for (float& value : made.values<float>())
    value = static_cast<float>(low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53);  // the same with every library
  return made;
}

}  // namespace neap::bench
