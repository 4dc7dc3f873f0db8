// Lion (Chen et al. 2023, arXiv:2302.06675, algorithm 2): w' = w - rate * (sign(b1 m + (1 - b1) g) + decay w), m' = b2 m + (1 - b2) g.
#pragma once
#include "neap/optim/update_rule.h"

namespace neap {

struct LionOptions {
  double beta1 = 0.9, beta2 = 0.99;
  double weight_decay = 0;
};

class Lion : public UpdateRule {
 public:
  explicit Lion(LionOptions options = {}) : options_(options) {}
  Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const override;

 private:
  LionOptions options_;
};

}  // namespace neap
