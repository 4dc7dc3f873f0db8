#include "neap/optim/lion.h"

namespace neap {

Var Lion::next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const {
  const Var before = graph.state("momentum", name, parameter);
  Var direction = unary("sign", before * options_.beta1 + gradient * (1 - options_.beta1));
  if (decays && options_.weight_decay > 0) direction = direction + parameter * options_.weight_decay;
  graph.update(before, before * options_.beta2 + gradient * (1 - options_.beta2));
  return parameter - direction * graph.learning_rate(parameter.dtype());
}

}  // namespace neap
