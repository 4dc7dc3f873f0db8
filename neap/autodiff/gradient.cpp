#include "neap/autodiff/gradient.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "neap/base/error.h"

namespace neap {
namespace {

// Values that depend on one of `inputs` through floating-point operations.
std::unordered_set<ValueId> reached_from(const Graph& graph, const std::vector<Var>& inputs) {
  std::unordered_set<ValueId> reached;
  for (const Var& input : inputs) reached.insert(input.id());
  for (const NodePtr& node : graph.nodes()) {
    if (!node->is_map() && !find_operator(node->op).differentiable) continue;
    const bool touched = std::any_of(node->inputs.begin(), node->inputs.end(), [&](ValueId id) { return reached.count(id) != 0; });
    if (!touched) continue;
    for (const ValueId id : node->outputs) {
      if (is_float(graph.type(id).dtype)) reached.insert(id);
    }
  }
  return reached;
}

std::string describe(const Node& node) {
  return fmt::format("node %{} ({}{})", node.outputs.empty() ? no_value : node.outputs[0], node.is_map() ? "map" : node.op,
                     node.origin.empty() ? "" : ", from " + node.origin[0]);
}

std::vector<Var> node_gradient(Builder& build, const Node& node, const std::vector<Var>& cotangents) {
  std::vector<Var> inputs, outputs;
  for (const ValueId id : node.inputs) inputs.push_back(id == no_value ? Var() : build.wrap(id));
  for (const ValueId id : node.outputs) outputs.push_back(build.wrap(id));
  if (node.is_map()) return map_gradient(build, *node.map, inputs, outputs, cotangents);
  const Call call = make_call(build.graph(), node);
  if (call.op().gradient != nullptr) {
    std::vector<Var> gradients = call.op().gradient({build, call, inputs, outputs, cotangents});
    gradients.resize(inputs.size());
    return gradients;
  }
  if (call.op().compose != nullptr) {
    throw Error(fmt::format("composite '{}' was not written out before differentiating", node.op), describe(node),
                "use gradient() or vjp() on the graph");
  }
  return map_gradient(build, define(call).map, inputs, outputs, cotangents);
}

bool without_gradient(const Node& node) {
  if (node.is_map()) return false;
  const Operator& op = find_operator(node.op);
  return op.compose != nullptr && op.gradient == nullptr && op.differentiable;
}

Var find_input(Builder& build, const std::string& name) {
  const Graph& graph = build.graph();
  for (const Input& input : graph.inputs) {
    if (input.name == name) return build.wrap(input.value);
  }
  throw Error(fmt::format("there is no input '{}' to differentiate with respect to", name), "graph " + graph.name);
}

Var find_output(Builder& build, const std::string& name) {
  const Graph& graph = build.graph();
  for (const Output& output : graph.outputs) {
    if (output.name == name || name.empty()) return build.wrap(output.value);
  }
  throw Error(fmt::format("there is no output '{}'", name), "graph " + graph.name);
}

void add_gradients(Builder& build, const std::vector<std::string>& names, const std::vector<Var>& inputs,
                   const std::vector<Var>& gradients) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Var gradient = gradients[i] ? gradients[i] : build.zeros_like(inputs[i]);
    build.graph().add_output(gradient.id(), "grad/" + names[i]);
  }
}

}  // namespace

std::vector<Var> backpropagate(Builder& build, const std::vector<Var>& outputs, const std::vector<Var>& cotangents,
                               const std::vector<Var>& inputs, const std::map<ValueId, CotangentHook>& hooks) {
  Graph& graph = build.graph();
  const std::unordered_set<ValueId> reached = reached_from(graph, inputs);
  std::unordered_map<ValueId, Var> flowing;
  const auto add = [&](ValueId id, const Var& cotangent) {
    Var& sum = flowing[id];
    sum = sum ? sum + cotangent : cotangent;
  };
  const auto take = [&](ValueId id) -> Var {
    const auto found = flowing.find(id);
    if (found == flowing.end()) return {};
    const auto hook = hooks.find(id);
    if (hook != hooks.end()) found->second = hook->second(build, found->second);
    return found->second;
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (reached.count(outputs[i].id()) != 0) add(outputs[i].id(), cotangents[i]);
  }
  const std::vector<NodePtr> forward = graph.nodes();  // appending below must not be walked
  for (auto it = forward.rbegin(); it != forward.rend(); ++it) {
    const Node& node = **it;
    std::vector<Var> arriving;
    bool any = false;
    for (const ValueId id : node.outputs) {
      arriving.push_back(reached.count(id) != 0 ? take(id) : Var());
      any |= static_cast<bool>(arriving.back());
    }
    if (!any) continue;
    std::vector<std::string> origin = node.origin;
    for (std::string& name : origin) name += " (gradient)";
    build.set_origin(std::move(origin));
    std::vector<Var> leaving;
    try {
      leaving = node_gradient(build, node, arriving);
    } catch (const Error& error) {
      throw Error(error.problem(), describe(node) + (error.place().empty() ? "" : ", " + error.place()), error.remedy());
    }
    for (std::size_t i = 0; i < leaving.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (!leaving[i] || id == no_value || reached.count(id) == 0) continue;
      NEAP_ASSERT(leaving[i].shape() == graph.type(id).shape && leaving[i].dtype() == graph.type(id).dtype,
                  " gradient of {} for input {} is {}, not {}", describe(node), i, leaving[i].type().to_string(),
                  graph.type(id).to_string());
      add(id, leaving[i]);
    }
  }
  build.set_origin({});
  std::vector<Var> gradients;
  for (const Var& input : inputs) gradients.push_back(take(input.id()));
  return gradients;
}

Graph gradient(const Graph& graph, const GradientOptions& options) {
  Graph result = expand_composites(graph, [](const Node& node) { return !without_gradient(node); });
  Builder build(result);
  const Var loss = find_output(build, options.loss);
  if (!is_float(loss.dtype()) || !(element_count(loss.shape()) == Dim(1))) {
    throw Error(fmt::format("the loss is {}, not one floating-point number", loss.type().to_string()), "graph " + graph.name,
                "reduce it with mean or sum");
  }
  std::vector<std::string> names = options.with_respect_to;
  if (names.empty()) {
    for (const Input& input : result.inputs) {
      if (input.role == Role::parameter) names.push_back(input.name);
    }
  }
  std::vector<Var> inputs;
  for (const std::string& name : names) inputs.push_back(find_input(build, name));
  std::map<ValueId, CotangentHook> hooks;
  for (const auto& [name, hook] : options.hooks) {
    ValueId named = no_value;
    for (ValueId id = 0; id < result.value_count(); ++id) {
      if (result.has_value(id) && result.value(id).name == name) named = id;
    }
    if (named == no_value)
      throw Error(fmt::format("there is no value '{}' to hook", name), "graph " + graph.name, "name it with Graph::set_name");
    hooks[named] = hook;
  }
  const std::vector<Var> gradients = backpropagate(build, {loss}, {build.full(loss.dtype(), loss.shape(), 1)}, inputs, hooks);
  add_gradients(build, names, inputs, gradients);
  remove_dead_nodes(result);
  return result;
}

Graph vjp(const Graph& graph, const std::vector<std::string>& outputs, const std::vector<std::string>& with_respect_to) {
  Graph result = expand_composites(graph, [](const Node& node) { return !without_gradient(node); });
  Builder build(result);
  std::vector<Var> made, cotangents, inputs;
  for (const std::string& name : outputs) {
    made.push_back(find_output(build, name));
    cotangents.push_back(build.input("cotangent/" + name, made.back().type()));
  }
  for (const std::string& name : with_respect_to) inputs.push_back(find_input(build, name));
  add_gradients(build, with_respect_to, inputs, backpropagate(build, made, cotangents, inputs));
  remove_dead_nodes(result);
  return result;
}

}  // namespace neap
