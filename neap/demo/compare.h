// A training step as written against the same step optimised: time, bytes, memory, and whether they compute the same.
#pragma once
#include <string>
#include <vector>

#include "neap/files/bytes.h"
#include "neap/nn/module.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap {

// One way to run the step, and what it cost.
struct MeasuredStep {
  Executable executable;
  std::vector<Cost> node_costs;      // modelled
  std::vector<double> node_seconds;  // measured, a mean
  Cost cost;
  double median_ms = 0;
  std::int64_t arena_bytes = 0;
  int interpreted = 0;  // nodes that were not compiled: then the times say nothing
};

// The worst of several arrays: the largest difference in an array divided by the array's largest element (of gradients: by a hundredth
// of the largest of all gradients, where that is more).
struct Difference {
  double relative = 0;
  std::string where;  // name of the array
  int arrays = 0;     // compared
};

struct StepComparison {
  MeasuredStep as_written, optimised;
  Difference loss, gradients, parameters;
  // Parameters whose gradient is zero but for rounding (below 1e-5 of the largest of all): what a norm takes out again. Adam divides
  // rounding by rounding there, so that what it makes of them is left out of `parameters`.
  std::vector<std::string> unmoved;
  int rounds = 0;
};

struct StepData {
  std::vector<Array> batch;  // of the step's first inputs
  double learning_rate = 0;
  std::int64_t step = 1;
  NamedArrays fixed;  // the step's fixed inputs
};

// `written`: the step's graph; `optimizer` holds the same one, optimised. Runs both in turn `rounds` times. As written
// each operator runs as a loop of its own: a precompiled one, or (`compile_written`) a kernel generated for it. Gradients are read off the
// first Adam mean that a step from no state makes; parameters are compared after a step from `trained`, the state of a run.
StepComparison compare_steps(const Graph& written, const Optimizer& optimizer, const Module& module, const NamedArrays& trained,
                             const StepData& data, int rounds, bool compile_written = false);

// The optimised step alone, on a state that starts from `trained`: some runs. `compile` false: by precompiled loops.
MeasuredStep measure_step(const Optimizer& optimizer, const Module& module, const NamedArrays& trained, const StepData& data, bool compile);

}  // namespace neap
