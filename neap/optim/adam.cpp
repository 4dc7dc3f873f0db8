#include "neap/optim/adam.h"

#include <cmath>

namespace neap {
namespace {

// 1 - beta^step, exact for small steps.
Var correction(StepGraph& graph, double beta, DType dtype) { return -unary("expm1", graph.step(dtype) * std::log(beta)); }

// rate * m^ / (sqrt(v^) + epsilon), with m^ = m / (1 - beta1^step) and v^ = v / (1 - beta2^step).
Var adam_step(StepGraph& graph, const std::string& name, const Var& gradient, const AdamOptions& options) {
  const DType dtype = gradient.dtype();
  const Var mean_before = graph.state("mean", name, gradient), square_before = graph.state("square", name, gradient);
  const Var mean = mean_before * options.beta1 + gradient * (1 - options.beta1);
  const Var square = square_before * options.beta2 + gradient * gradient * (1 - options.beta2);
  graph.update(mean_before, mean);
  graph.update(square_before, square);
  const Var rate = graph.shared("rate", dtype, [&] { return graph.learning_rate(dtype) / correction(graph, options.beta1, dtype); });
  const Var scale = graph.shared("scale", dtype, [&] { return unary("rsqrt", correction(graph, options.beta2, dtype)); });
  return mean * rate / (sqrt(square) * scale + options.epsilon);
}

}  // namespace

Var Adam::next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const {
  const bool adds = decays && options_.weight_decay > 0;
  return parameter - adam_step(graph, name, adds ? gradient + parameter * options_.weight_decay : gradient, options_);
}

Var AdamW::next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const {
  const Var step = adam_step(graph, name, gradient, options_);
  if (!decays || options_.weight_decay == 0) return parameter - step;
  const DType dtype = parameter.dtype();
  return parameter * graph.shared("kept", dtype, [&] { return 1 - graph.learning_rate(dtype) * options_.weight_decay; }) - step;
}

}  // namespace neap
