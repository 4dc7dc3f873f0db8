#include "neap/optim/sgd.h"

namespace neap {

Var Sgd::next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const {
  Var direction = gradient;
  if (decays && options_.weight_decay > 0) direction = direction + parameter * options_.weight_decay;
  if (options_.momentum > 0) {
    const Var before = graph.state("velocity", name, parameter);
    const Var velocity = before * options_.momentum + direction;
    graph.update(before, velocity);
    direction = options_.nesterov ? direction + velocity * options_.momentum : velocity;
  }
  return parameter - direction * graph.learning_rate(parameter.dtype());
}

}  // namespace neap
