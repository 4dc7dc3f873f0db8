#include "neap/train/gradient_rules.h"

#include "neap/base/error.h"

namespace neap {

Var MovementScores::next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const {
  if (decays) {
    const Var before = graph.state("movement", name, gradient);
    graph.update(before, before - parameter * gradient);
  }
  return rule_->next(graph, name, parameter, gradient, decays);
}

ErrorFeedback::ErrorFeedback(const UpdateRule& rule, std::string_view format) : rule_(&rule), format_(sparse::OutputFormat::parse(format)) {
  if (format_.draws()) throw Error("a random choice would be the same in each step", "error feedback", "use magnitude or threshold");
}

Var ErrorFeedback::next(StepGraph& graph, const std::string& name, const Var& parameter, const Var& gradient, bool decays) const {
  if (!decays) return rule_->next(graph, name, parameter, gradient, decays);
  const Var before = graph.state("residual", name, gradient);
  const Var whole = before + gradient, kept = sparse::in_format(graph.build(), whole, format_, {});
  graph.update(before, whole - kept);
  return rule_->next(graph, name, parameter, kept, decays);
}

}  // namespace neap
