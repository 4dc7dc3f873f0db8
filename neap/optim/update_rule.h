// optim/: how parameters follow their gradients: update rules written as ordinary operators in the step's own graph, and schedules.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "neap/ops/builder.h"

namespace neap {

// The step's graph as a rule sees it: scalars that the caller gives each step, and state that the step updates.
class StepGraph {
 public:
  // Adds the inputs "learning_rate" (f32, f64 where a parameter is) and "step" (i64, 1 in the first step) unless they are there.
  explicit StepGraph(Builder& build);

  Builder& build() { return *build_; }
  Var learning_rate(DType dtype);  // in the dtype that an update is computed in
  Var step(DType dtype);
  // A number that all parameters' updates share: made by `make` the first time, under this name.
  Var shared(const std::string& name, DType dtype, const std::function<Var()>& make);
  // A state input "optimizer/SLOT/PARAMETER" like `like`. All state starts as zeros.
  Var state(const std::string& slot, const std::string& parameter, const Var& like);
  void update(const Var& input, const Var& value);  // an output "next/NAME" that replaces the input's elements

 private:
  Builder* build_;
  std::map<std::pair<std::string, DType>, Var> shared_;
};

// What becomes of one parameter in a step. Computed in f32, in f64 for f64 parameters.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  // The new value of `parameter`; `decays` says whether weight decay is for it.
  virtual Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const = 0;
};

struct UpdateOptions {
  double clip_norm = 0;        // > 0: gradients are scaled so that the norm of all of them is at most this (Pascanu et al. 2013)
  double clip_value = 0;       // > 0: each element of a gradient is kept within +- this
  bool decay_vectors = false;  // whether weight decay is for biases and scales of norms too, not for matrices alone
  // > 0: keeps "average/PARAMETER", the exponential moving average of each parameter with this decay. The decay grows from 0 in the first
  // step as (step - 1) / (step + 9), so that the first values are soon forgotten.
  double average = 0;
};

// Turns a graph with outputs "grad/NAME" (see gradient.h) into one with outputs "next/NAME" that update the parameters and the rule's
// state. Error where a parameter has no gradient in it.
void append_updates(Graph& graph, const UpdateRule& rule, const UpdateOptions& options = {});

}  // namespace neap
