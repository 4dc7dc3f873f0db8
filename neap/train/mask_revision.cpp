#include "neap/train/mask_revision.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/sparse/plan.h"
#include "neap/tensor/compile.h"

namespace neap {
namespace {

const std::string values_part = ".values", mask_part = ".mask";

// Parameters in the layout "masked".
std::vector<std::string> masked_names(const Module& module, const std::string& pattern) {
  std::vector<std::string> names;
  bool any = false;
  for (const Parameter* buffer : module.buffers()) {
    std::string name = buffer->name();
    if (!name.ends_with(mask_part)) continue;
    any = true;
    name.resize(name.size() - mask_part.size());
    if (sparse::matches(pattern, name)) names.push_back(name);
  }
  if (!any) throw Error("no parameter is masked", "mask revision", "sparsify the network in the layout \"masked\" first");
  if (names.empty()) throw Error("no masked parameter is named '" + pattern + "'", "mask revision", "'*' stands for any characters");
  return names;
}

bool is_due(std::int64_t step, const RevisionOptions& options) { return step > 0 && step < options.until && step % options.every == 0; }

RevisionOptions checked(RevisionOptions options) {
  if (options.every < 1) throw Error(fmt::format("every {} steps", options.every), "mask revision", "at least 1");
  return options;
}

// An array of the state as sparsifiers look at it.
Array as_matrix(const Array& array) { return array.empty() ? array : array.reshape(matrix_sizes(array.sizes())); }

// Elements that `next` keeps and `before` did not start from 0.
void start_grown(Array& array, const Array& before, const Array& next) {
  for (std::int64_t i = 0; i < array.count(); ++i) {
    if (next.get(i) != 0 && before.get(i) == 0) array.set(i, 0);
  }
}

// The "new value" of a parameter is its gradient.
class GradientAlone : public UpdateRule {
 public:
  Var next(StepGraph&, const std::string&, const Var&, const Var& gradient, bool) const override { return gradient; }
};

}  // namespace

SparsifierSchedule growing_magnitude(sparse::SparsitySchedule sparsity) {
  return [sparsity = std::move(sparsity)](std::int64_t step) {
    sparse::SparsifierChoice choice = sparse::SparsifierChoice::parse("magnitude");
    choice.numbers["sparsity"] = sparsity(step);
    return choice;
  };
}

GradualPruning::GradualPruning(const Module& module, SparsifierSchedule sparsifier, RevisionOptions options)
    : names_(masked_names(module, options.names)), sparsifier_(std::move(sparsifier)), options_(checked(options)) {}

bool GradualPruning::operator()(std::int64_t step, const std::vector<Array>&, StepState& state) const {
  if (!is_due(step, options_)) return false;
  std::vector<sparse::Sparsified> given;
  for (const std::string& name : names_) {
    const Array& mask = state.array(name + mask_part);
    const Array values = options_.revive ? state.array(name + values_part) : sparse::with_zeros(state.array(name + values_part), mask);
    const std::string slot = fmt::format("optimizer/{}/{}{}", options_.scores, name, values_part);
    const Array scores = options_.scores.empty() ? Array() : state.array(slot);
    given.push_back({.weights = as_matrix(values), .scores = as_matrix(scores), .place = "parameter '" + name + "'"});
  }
  const std::vector<Array> masks = sparsifier_(step).keep_together(given);
  for (std::size_t i = 0; i < names_.size(); ++i) copy_elements(masks[i], state.array(names_[i] + mask_part));
  return true;
}

// The dense gradient: that of the masked values when nothing is masked and what was masked is 0.
struct Regrowth::Gradients {
  Gradients(Module& module, const std::vector<StepInput>& inputs, const Objective& objective)
      : graph(training_step(module, inputs, objective, GradientAlone())), state(graph, module), executable(make_executable(graph, 4)) {}

  // By parameter, as the step at hand would see it.
  NamedArrays of(const std::vector<std::string>& names, std::int64_t step, const std::vector<Array>& batch, const StepState& now) {
    for (const auto& [name, array] : state.arrays()) copy_elements(now.arrays().at(name), state.array(name));
    for (const std::string& name : names) {
      Array &values = state.array(name + values_part), &mask = state.array(name + mask_part);
      copy_elements(sparse::with_zeros(values, mask), values);
      copy_elements(Array::full(DType::boolean, mask.sizes(), 1), mask);
    }
    const std::vector<Array> results = executable.run(state.inputs(batch, 0, step + 1));
    NamedArrays gradients;
    for (std::size_t i = 0; i < results.size(); ++i) {
      for (const std::string& name : names) {
        if (graph.outputs[i].name == fmt::format("next/{}{}", name, values_part)) gradients[name] = results[i].clone();
      }
    }
    return gradients;
  }

  Graph graph;
  StepState state;
  Executable executable;
};

Regrowth::Regrowth(Module& module, const std::vector<StepInput>& inputs, const Objective& objective, const std::string& sparsifier,
                   sparse::SparsitySchedule share, RevisionOptions options)
    : names_(masked_names(module, options.names)), sparsifier_(sparsifier), share_(std::move(share)), options_(checked(options)) {
  if (sparsifier != "rigl" && sparsifier != "set") throw Error("'" + sparsifier + "' does not regrow", "mask revision", "use rigl or set");
  if (sparsifier == "rigl") gradients_ = std::make_shared<Gradients>(module, inputs, objective);
}

bool Regrowth::operator()(std::int64_t step, const std::vector<Array>& batch, StepState& state) const {
  if (!is_due(step, options_)) return false;
  NamedArrays gradients;
  if (gradients_ != nullptr) gradients = gradients_->of(names_, step, batch, state);
  for (const std::string& name : names_) {
    Array &values = state.array(name + values_part), &mask = state.array(name + mask_part);
    sparse::SparsifierChoice choice = sparse::SparsifierChoice::parse(sparsifier_);
    choice.numbers["moved"] = share_(step);
    const Array next = choice.keep({.weights = as_matrix(values),
                                    .scores = gradients_ != nullptr ? as_matrix(gradients.at(name)) : Array(),
                                    .before = as_matrix(mask),
                                    .seed = options_.seed,
                                    .draw = step,
                                    .place = "parameter '" + name + "'"});
    start_grown(values, mask, next);
    for (const auto& [slot, array] : state.arrays()) {
      if (!slot.starts_with("optimizer/") || !slot.ends_with(fmt::format("/{}{}", name, values_part))) continue;
      start_grown(state.array(slot), mask, next);
    }
    copy_elements(next, mask);
  }
  return true;
}

}  // namespace neap
