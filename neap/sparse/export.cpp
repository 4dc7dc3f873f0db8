#include "neap/sparse/export.h"

#include <algorithm>
#include <set>

#include "neap/base/error.h"
#include "neap/ir/value_copies.h"
#include "neap/runtime/at_once.h"

namespace neap::sparse {
namespace {

// The name of a matrix whose components are inputs of the graph; empty where it is made of something else.
std::string matrix_name(const Graph& graph, const Uses& uses, const Node& dense, const SparseLayout& layout) {
  ValueId values = dense.inputs[0];
  if (const int at = uses.producer(values); at >= 0 && graph.nodes()[static_cast<std::size_t>(at)]->op == "cast")
    values = graph.nodes()[static_cast<std::size_t>(at)]->inputs[0];
  const std::string &name = graph.value(values).name, part = "." + layout.components[0].name;
  return uses.producer(values) < 0 && name.ends_with(part) ? name.substr(0, name.size() - part.size()) : "";
}

}  // namespace

std::optional<SparsityPlan> plan_of_notes(const std::map<std::string, std::string>& notes, const std::filesystem::path& file) {
  const auto note = notes.find(plan_note);
  if (note == notes.end()) return std::nullopt;
  return SparsityPlan().go_on(SparsityPlan::parse_json(note->second, file.string() + ", its note " + plan_note));
}

Exported for_export(const Graph& graph, std::map<std::string, Array> parameters) {
  Exported made{.parameters = std::move(parameters)};
  made.graph.name = graph.name;
  const Uses uses(graph);
  std::map<ValueId, std::string> matrices;  // by the value that the components make
  std::set<std::string> gone;               // components
  for (const NodePtr& node : graph.nodes()) {
    std::string_view what;
    const SparseLayout* layout = layout_of_operator(node->op, what);
    if (layout == nullptr || what != "dense") continue;
    const std::string name = matrix_name(graph, uses, *node, *layout);
    if (name.empty()) continue;
    matrices[node->outputs[0]] = name;
    const Call call = make_call(graph, *node);
    std::vector<Array> components;
    for (const InputSpec& component : layout->components) {
      components.push_back(made.parameters.at(name + "." + component.name));
      gone.insert(name + "." + component.name);
    }
    LayoutChoice choice = choice_of(*layout, call);
    if (components[0].dtype() != call.input(0).dtype) choice.values = components[0].dtype();
    components[0] = components[0].cast(call.input(0).dtype);
    made.parameters[name] = run_at_once(unpacking(choice, components, evaluate(call.dims("size"), {})), components)[0];
    made.plan.add(name, "keep_all", choice.to_string());
  }
  for (const std::string& component : gone) made.parameters.erase(component);

  ValueCopies copies(graph, made.graph);
  for (const Input& input : graph.inputs) {
    if (!gone.contains(input.name)) copies.bind(input.value, made.graph.add_input(input.name, graph.type(input.value), input.role));
  }
  std::map<std::string, ValueId> added;
  for (const auto& [value, name] : matrices) {
    const auto [at, fresh] = added.try_emplace(name, no_value);
    if (fresh) at->second = made.graph.add_input(name, type_of(made.parameters.at(name)), Role::parameter);
    copies.bind(value, at->second);
  }
  const auto known = [&](ValueId id) { return id == no_value || copies.has(id) || graph.value(id).constant.has_value(); };
  for (const NodePtr& node : graph.nodes()) {
    // What made the matrices of components, and conversions of these, is not needed any more.
    if (matrices.contains(node->outputs[0]) || !std::all_of(node->inputs.begin(), node->inputs.end(), known)) continue;
    made.graph.append(copies.of(*node));
  }
  for (const Output& output : graph.outputs) made.graph.add_output(copies.of(output.value), output.name, output.updates);
  return made;
}

}  // namespace neap::sparse
