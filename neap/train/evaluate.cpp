#include "neap/train/evaluate.h"

#include <algorithm>
#include <cstring>

#include "neap/base/error.h"
#include "neap/tensor/compile.h"

namespace neap {

std::vector<StepInput> inputs_of(const Dataset& dataset, const Dim& batch) {
  std::vector<StepInput> inputs;
  for (const Field& field : dataset.fields()) {
    Shape shape{batch};
    shape.insert(shape.end(), field.sizes.begin(), field.sizes.end());
    inputs.push_back({field.name, {field.dtype, std::move(shape), {}}});
  }
  return inputs;
}

std::vector<StepInput> inputs_of(const FixedInputs& fixed) {
  std::vector<StepInput> inputs;
  for (const auto& [name, array] : fixed) {
    inputs.push_back({name, type_of(array), Role::fixed});
  }
  return inputs;
}

std::vector<StepInput> inputs_of(const Dataset& dataset, const Dim& batch, const FixedInputs& fixed) {
  std::vector<StepInput> inputs = inputs_of(dataset, batch);
  for (StepInput& input : inputs_of(fixed)) inputs.push_back(std::move(input));
  return inputs;
}

Evaluator::Evaluator(Module& module, const Objective& objective, DatasetPtr dataset, std::int64_t batch, int level, FixedInputs fixed)
    : dataset_(std::move(dataset)),
      fixed_(std::move(fixed)),
      batch_(batch),
      executable_(make_executable(evaluation_step(module, inputs_of(*dataset_, Dim::symbol("N"), fixed_), objective), level)) {
  if (batch < 1) throw Error(fmt::format("batches of {} examples", batch), "evaluation", "at least 1");
}

Evaluation Evaluator::run(const NamedArrays& parameters) {
  Evaluation total{.examples = dataset_->count()};
  const Graph& graph = executable_.graph();
  for (std::int64_t begin = 0; begin < total.examples; begin += batch_) {
    const std::int64_t end = std::min(begin + batch_, total.examples);
    std::vector<Array> inputs = dataset_->range(begin, end);
    for (const auto& [name, array] : fixed_) inputs.push_back(array);
    for (std::size_t i = inputs.size(); i < graph.inputs.size(); ++i) inputs.push_back(parameters.at(graph.inputs[i].name));
    const std::vector<Array> results = executable_.run(inputs);
    total.loss += results[0].get(0) * static_cast<double>(end - begin);
    for (std::size_t i = 1; i < results.size(); ++i) total.metrics[graph.outputs[i].name] += results[i].get(0);
  }
  const double count = static_cast<double>(std::max<std::int64_t>(1, total.examples));
  total.loss /= count;
  for (auto& [name, value] : total.metrics) value /= count;
  return total;
}

Array predict(Layer& net, const Dataset& dataset, std::int64_t batch, int level, DenseFallback fallback) {
  Executable executable = make_executable(inference_graph(net, inputs_of(dataset, Dim::symbol("N")).at(0)), level, fallback);
  Array all;
  std::int64_t row = 0;
  for (std::int64_t begin = 0; begin < dataset.count(); begin += batch) {
    const std::int64_t end = std::min(begin + batch, dataset.count());
    const Array rows = executable.run({dataset.range(begin, end)[0]})[0];
    if (begin == 0) {
      Sizes sizes = rows.sizes();
      row = rows.bytes() / std::max<std::int64_t>(1, sizes[0]);
      sizes[0] = dataset.count();
      all = Array(rows.dtype(), sizes);
    }
    if (rows.bytes() > 0) std::memcpy(all.raw() + begin * row, rows.raw(), static_cast<std::size_t>(rows.bytes()));
  }
  return all;
}

}  // namespace neap
