// Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1) and AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2).
#pragma once
#include "neap/optim/update_rule.h"

namespace neap {

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
};

// Weight decay is added to the gradient, times the parameter.
class Adam : public UpdateRule {
 public:
  explicit Adam(AdamOptions options = {}) : options_(options) {}
  Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const override;

 private:
  AdamOptions options_;
};

// Weight decay shrinks the parameter itself: w' = w (1 - rate * decay) - rate * m^ / (sqrt(v^) + epsilon).
class AdamW : public UpdateRule {
 public:
  explicit AdamW(AdamOptions options = {.weight_decay = 0.01}) : options_(options) {}
  Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const override;

 private:
  AdamOptions options_;
};

}  // namespace neap
