// Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013): v' = m v + g, w' = w - rate * v'.
#pragma once
#include "neap/optim/update_rule.h"

namespace neap {

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;    // w' = w - rate * (g + m v')
  double weight_decay = 0;  // added to the gradient, times the parameter
};

class Sgd : public UpdateRule {
 public:
  explicit Sgd(SgdOptions options = {}) : options_(options) {}
  Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const override;

 private:
  SgdOptions options_;
};

}  // namespace neap
