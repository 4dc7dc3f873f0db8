// Objectives and predictions over a whole dataset.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "neap/data/dataset.h"
#include "neap/files/bytes.h"
#include "neap/runtime/executable.h"
#include "neap/train/step.h"
#include "neap/transform/sparse_dispatch.h"

namespace neap {

// Of all examples: the mean loss, and each metric's sum divided by the number of examples ("correct" becomes the accuracy).
struct Evaluation {
  double loss = 0;
  std::map<std::string, double> metrics;
  std::int64_t examples = 0;
};

// The step's inputs for batches of a dataset: its fields, by name.
std::vector<StepInput> inputs_of(const Dataset& dataset, const Dim& batch);

// Inputs behind those of the data that are the same in every step: a graph, its vertices' features.
using FixedInputs = std::vector<std::pair<std::string, Array>>;
std::vector<StepInput> inputs_of(const FixedInputs& fixed);
std::vector<StepInput> inputs_of(const Dataset& dataset, const Dim& batch, const FixedInputs& fixed);

class Evaluator {
 public:
  // Compiles loss and metrics once, for every batch size. `level` is the optimizer's.
  Evaluator(Module& module, const Objective& objective, DatasetPtr dataset, std::int64_t batch = 250, int level = 4,
            FixedInputs fixed = {});
  // With these parameters and buffers by name.
  Evaluation run(const NamedArrays& parameters);

 private:
  DatasetPtr dataset_;
  FixedInputs fixed_;
  std::int64_t batch_;
  Executable executable_;
};

// net(first field) of each example, one row each, in evaluation mode.
Array predict(Layer& net, const Dataset& dataset, std::int64_t batch = 250, int level = 4, DenseFallback fallback = DenseFallback::said);

}  // namespace neap
