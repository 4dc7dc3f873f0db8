// Update rules around others, for methods of sparse training that look at gradients. What they keep is state of the step, so checkpoints
// hold it.
#pragma once
#include "neap/optim/update_rule.h"
#include "neap/sparse/format.h"

namespace neap {

// Keeps in the slot "movement" of each matrix how far it moved away from 0: the sum of -w dL/dw over the steps (Sanh et al. 2020,
// arXiv:2005.07683). With gradients straight through the mask also of what is left out.
class MovementScores : public UpdateRule {
 public:
  explicit MovementScores(const UpdateRule& rule) : rule_(&rule) {}
  Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const override;

 private:
  const UpdateRule* rule_;
};

// The rule sees of each matrix's gradient what a format keeps, such as "keep_all | dense | magnitude sparsity=0.99"; the rest is kept in
// the slot "residual" and added to the next step's (error feedback: Stich et al. 2018, arXiv:1809.07599).
class ErrorFeedback : public UpdateRule {
 public:
  // Error for a format that is none, or draws.
  ErrorFeedback(const UpdateRule& rule, std::string_view format);
  Var next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const override;

 private:
  const UpdateRule* rule_;
  sparse::OutputFormat format_;
};

}  // namespace neap
