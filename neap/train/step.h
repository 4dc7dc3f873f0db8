// train/: a network, an objective, an update rule and data become a run: one graph for a whole step, and what drives it.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "neap/autodiff/gradient.h"
#include "neap/nn/module.h"
#include "neap/optim/update_rule.h"
#include "neap/tensor/grad.h"

namespace neap {

struct StepInput {
  std::string name;
  Type type;
  Role role = Role::input;  // or fixed: the same in every step, so that what depends on it alone is computed once
};

// What a step measures: the loss to make small (one floating-point number), and numbers to watch.
struct Measures {
  Tensor loss;
  std::vector<std::pair<std::string, Tensor>> metrics;
};
using Objective = std::function<Measures(const Tensors& inputs)>;

// Inputs images and labels [N] (integers): mean cross entropy of net(images), and the metric "correct": how many were right.
Objective classification(Layer& net, double label_smoothing = 0);

struct StepOptions {
  std::string name = "step";
  UpdateOptions update;
  std::map<std::string, CotangentHook> hooks;  // see GradientOptions
};

// A whole training step as one graph. Inputs: these, the module's parameters and buffers by name, "seed" where a layer draws random numbers
// (see nn/dropout.h), "learning_rate" and "step" (1 in the first), the rule's state. Outputs: "loss", the metrics, and the new value
// "next/NAME" of each parameter, buffer and state.
Graph training_step(Module& module, const std::vector<StepInput>& inputs, const Objective& objective, const UpdateRule& rule,
                    const StepOptions& options = {});

// Loss and metrics in evaluation mode. Inputs: these, then parameters and buffers.
Graph evaluation_step(Module& module, const std::vector<StepInput>& inputs, const Objective& objective);

// What f computes of these inputs in evaluation mode, as "output". Inputs: these, then parameters and buffers.
Graph prediction_step(Module& module, const std::vector<StepInput>& inputs, const std::function<Tensor(const Tensors& inputs)>& f);

// The network alone in evaluation mode: outputs by name. `constants`: parameters are part of the graph, as for export or building;
// otherwise they are inputs.
Graph inference_graph(Layer& net, const StepInput& input, bool constants = true, const std::string& output = "output");

}  // namespace neap
