#include "neap/sparse/format_edit.h"

#include "neap/base/error.h"
#include "neap/nn/dropout.h"
#include "neap/tensor/record.h"
#include "neap/tensor/trace.h"

namespace neap::sparse {
namespace {

constexpr std::size_t most_known = 300;  // characters of names that an error lists

// What a rule takes besides the value, as tensors: a seed where it draws, and its mask.
Tensors inputs_of(const FormatRule& rule, std::uint64_t seed) {
  Tensor draws;
  if (rule.format.draws()) draws = RandomSeed::there() ? RandomSeed::use() : Tensor::scalar(static_cast<std::int64_t>(seed));
  return {draws, rule.mask.empty() ? Tensor() : Tensor(rule.mask)};
}

Tensor formatted(const std::string& name, const Tensor& value, const FormatRule& rule, std::uint64_t seed) {
  if (rule.format.keeps_all()) return value;
  Graph graph;
  Builder build(graph);
  const Tensors more = inputs_of(rule, seed);
  Tensors given{value};
  const auto input = [&](const char* what, const Tensor& tensor) {
    if (!tensor) return Var();
    given.push_back(tensor);
    return build.input(what, tensor.type());
  };
  const Var x = build.input("x", value.type());
  const FormatInputs inputs{input("seed", more[0]), input("mask", more[1]), stream_of(name)};
  build.set_scope(name);
  graph.add_output(formatted_by(rule, name, build, x, inputs).id(), "y");
  return record_graph(graph, given).front();
}

Tensor with_formatted_gradient(const std::string& name, const Tensor& value, const FormatRule& rule, std::uint64_t seed) {
  if (rule.format.keeps_all()) return value;
  check_gradient_format(rule, name, value.type());
  const Tensors more = inputs_of(rule, seed);
  return call("format_cotangent", {value, more[0], more[1]}, cotangent_attributes(name, rule));
}

}  // namespace

FormatEdit::FormatEdit(std::vector<FormatRule> outputs, std::vector<FormatRule> gradients, std::uint64_t seed,
                       const std::vector<std::string>& parameters, std::set<std::string> composed)
    : outputs_(std::move(outputs)),
      gradients_(std::move(gradients)),
      seed_(seed),
      composed_(std::move(composed)),
      outputs_seen_(outputs_.size(), false),
      gradients_seen_(gradients_.size(), false) {
  for (const std::string& name : parameters) {
    const FormatRule* rule = rule_for(gradients_, name, gradients_seen_);
    if (rule != nullptr && rule->format.draws())
      throw Error("a random choice of a parameter's gradient would be the same in each step", "parameter '" + name + "'",
                  "draw among the values that it is computed of");
  }
}

Tensor FormatEdit::result(const std::string& name, const Tensor& value) {
  if (!is_float(value.dtype())) return value;
  if (known_.size() < most_known && !name.empty()) known_ += (known_.empty() ? "'" : ", '") + name + "'";
  const bool again = made_.value.record() == value.record() && made_.value.output() == value.output();
  Made made = again ? made_ : Made{value};
  if (const FormatRule* rule = rule_for(outputs_, name, outputs_seen_); rule != nullptr && rule != made.output) {
    made.output = rule;
    made.value = formatted(name, made.value, *rule, seed_);
  }
  if (const FormatRule* rule = rule_for(gradients_, name, gradients_seen_); rule != nullptr && rule != made.gradient) {
    made.gradient = rule;
    made.value = with_formatted_gradient(name, made.value, *rule, seed_);
  }
  if (made.output != nullptr || made.gradient != nullptr) made_ = made;
  return made.value;
}

Tensor FormatEdit::gradient(const std::string& parameter, const Tensor& value) {
  const FormatRule* rule = rule_for(gradients_, parameter, gradients_seen_);
  const std::string whole = parameter.substr(0, parameter.rfind('.'));
  if (rule == nullptr && composed_.contains(whole)) rule = rule_for(gradients_, whole, gradients_seen_);
  return rule == nullptr ? value : formatted(parameter + " (gradient)", value, *rule, seed_);
}

void FormatEdit::finish() const {
  check_all_seen(outputs_, outputs_seen_, known_);
  check_all_seen(gradients_, gradients_seen_, known_);
}

}  // namespace neap::sparse
