// Formats of a graph's values, and what they share with those of a module's.
#include <map>

#include "neap/base/error.h"
#include "neap/base/hash.h"
#include "neap/ir/origin.h"
#include "neap/ir/value_copies.h"
#include "neap/sparse/format_edit.h"

namespace neap::sparse {
namespace {

std::string origin_of(const Node& node) { return node.origin.empty() ? node.op : node.origin.front(); }

}  // namespace

const FormatRule* rule_for(const std::vector<FormatRule>& rules, const std::string& name, std::vector<bool>& seen) {
  const FormatRule* found = nullptr;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!matches(rules[i].names, name)) continue;
    seen[i] = true;
    if (found == nullptr) found = &rules[i];
  }
  return found;
}

void check_all_seen(const std::vector<FormatRule>& rules, const std::vector<bool>& seen, const std::string& known) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!seen[i])
      throw Error(fmt::format("'{}' names no floating-point value", rules[i].names), "sparsity plan", "some that there are: " + known);
  }
}

Var formatted_by(const FormatRule& rule, const std::string& name, Builder& build, const Var& value, const FormatInputs& inputs) {
  try {
    return in_format(build, value, rule.format, inputs);
  } catch (const Error& error) {
    throw Error(error.problem(), fmt::format("value '{}', rule '{}' ({})", name, rule.names, rule.format.to_string()), error.remedy());
  }
}

void check_gradient_format(const FormatRule& rule, const std::string& name, const Type& type) {
  Graph graph;
  Builder build(graph);
  FormatInputs inputs;
  if (rule.format.draws()) inputs.seed = build.constant(Array::scalar(std::int64_t{0}));
  if (!rule.mask.empty()) inputs.mask = build.constant(rule.mask);
  formatted_by(rule, name + " (gradient)", build, build.input("x", type), inputs);
}

std::int64_t stream_of(const std::string& name) { return static_cast<std::int64_t>(hash_bytes(name).low >> 2); }

Attributes cotangent_attributes(const std::string& name, const FormatRule& rule) {
  return {{"format", rule.format.to_string()}, {"stream", rule.format.draws() ? stream_of(name) : 0}};
}

GraphFormats::GraphFormats(Builder& build, const SparsityPlan& plan)
    : build_(build), plan_(plan), outputs_seen_(plan.outputs.size(), false), gradients_seen_(plan.gradients.size(), false) {}

FormatInputs GraphFormats::inputs_of(const std::string& name, const FormatRule& rule) {
  FormatInputs inputs{.stream = stream_of(name)};
  if (rule.format.draws()) inputs.seed = build_.constant(Array::scalar(static_cast<std::int64_t>(plan_.seed)));
  if (!rule.mask.empty()) inputs.mask = build_.constant(rule.mask);
  return inputs;
}

Var GraphFormats::with_gradient(const std::string& name, const Var& value, const FormatRule& rule) {
  if (rule.format.keeps_all()) return value;
  check_gradient_format(rule, name, value.type());
  const FormatInputs inputs = inputs_of(name, rule);
  return build_.call("format_cotangent", {value, inputs.seed, inputs.mask}, cotangent_attributes(name, rule));
}

Var GraphFormats::parameter(const std::string& name, const Var& value) {
  const FormatRule* rule = rule_for(plan_.gradients, name, gradients_seen_);
  return rule == nullptr ? value : with_gradient(name, value, *rule);
}

Var GraphFormats::changed(const std::string& name, Var value, Done& done) {
  build_.set_scope(name);
  if (const FormatRule* rule = rule_for(plan_.outputs, name, outputs_seen_); rule != nullptr && rule != done.output) {
    if (!rule->format.keeps_all()) value = formatted_by(*rule, name, build_, value, inputs_of(name, *rule));
    done.output = rule;
  }
  if (const FormatRule* rule = rule_for(plan_.gradients, name, gradients_seen_); rule != nullptr && rule != done.gradient) {
    value = with_gradient(name, value, *rule);
    done.gradient = rule;
  }
  build_.set_scope("");
  return value;
}

void GraphFormats::append(const Graph& graph, const std::vector<Var>& inputs) {
  constexpr std::size_t most_known = 300;
  std::string known;
  ValueCopies copies(graph, build_.graph());
  for (std::size_t i = 0; i < inputs.size(); ++i) copies.bind(graph.inputs[i].value, inputs[i].id());
  std::map<std::string, const Node*> last;  // of the nodes that one of the file became
  for (const NodePtr& node : graph.nodes()) last[origin_place(origin_of(*node))] = node.get();
  for (const NodePtr& node : graph.nodes()) {
    const std::string origin = origin_of(*node), name = origin_place(origin);  // of a file: the node's own
    build_.graph().append(copies.of(*node));
    for (std::size_t i = 0; i < node->outputs.size(); ++i) {
      if (!is_float(graph.type(node->outputs[i]).dtype)) continue;
      const std::string behind = i == 0 ? "" : fmt::format("[{}]", i);
      if (known.size() < most_known) known += fmt::format("{}'{}'", known.empty() ? "" : ", ", origin + behind);
      Done done;  // a rule that fits both names counts once
      Var value = changed(origin + behind, build_.wrap(copies.of(node->outputs[i])), done);
      if (last[name] == node.get() && name != origin) value = changed(name + behind, value, done);
      copies.bind(node->outputs[i], value.id());
    }
  }
  check_all_seen(plan_.outputs, outputs_seen_, known);
  check_all_seen(plan_.gradients, gradients_seen_, known);
  for (const Output& output : graph.outputs) build_.graph().add_output(copies.of(output.value), output.name, output.updates);
}

}  // namespace neap::sparse
