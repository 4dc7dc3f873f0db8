// Shrinks a random graph that fails to a small one that fails the same way.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "tests/support/random_graph.h"

namespace neap::testing {

// Whether a graph on these inputs still fails.
using Fails = std::function<bool(const RandomGraph&)>;

namespace detail {

inline RandomGraph without_unused(RandomGraph given) {
  remove_dead_nodes(given.graph);
  const Uses uses(given.graph);
  RandomGraph kept{given.seed, given.graph, {}};
  kept.graph.inputs.clear();
  const auto sizes = given.graph.symbols();
  for (std::size_t i = 0; i < given.inputs.size(); ++i) {
    const Input& input = given.graph.inputs[i];
    bool symbolic = false;  // it may be what gives a symbol its value
    for (const Dim& size : given.graph.type(input.value).shape) symbolic |= !size.is_constant();
    if (uses.users(input.value).empty() && !uses.is_output(input.value) && !symbolic) continue;
    kept.graph.inputs.push_back(input);
    kept.inputs.push_back(given.inputs[i]);
  }
  return kept;
}

// The value becomes an input, with the elements that it has.
inline std::optional<RandomGraph> with_input(const RandomGraph& given, std::size_t node) {
  const Node& cut = *given.graph.nodes()[node];
  RandomGraph made = given;
  std::unordered_map<ValueId, Array> elements;
  try {
    interpret(given.graph, given.inputs, [&](ValueId id, const Array& array) { elements[id] = array; });
  } catch (const Error&) {
    return std::nullopt;
  }
  Edit edit;
  edit.erase.insert(node);
  for (const ValueId id : cut.outputs) {
    if (elements.count(id) == 0) return std::nullopt;
    edit.replace[id] = made.graph.add_input("cut" + std::to_string(id), given.graph.type(id));
    made.inputs.push_back(elements.at(id));
  }
  apply(made.graph, edit);
  return without_unused(made);
}

}  // namespace detail

// A smaller graph for which `fails` still holds: fewer outputs, values turned into inputs, nodes passed over.
inline RandomGraph shrink(RandomGraph given, const Fails& fails) {
  const auto take = [&](const RandomGraph& smaller) {
    try {
      if (!fails(smaller)) return false;
    } catch (const std::exception&) {
      return false;
    }
    given = smaller;
    return true;
  };
  for (bool shrunk = true; shrunk;) {
    shrunk = false;
    for (std::size_t i = 0; i < given.graph.outputs.size() && given.graph.outputs.size() > 1;) {
      RandomGraph smaller = given;
      smaller.graph.outputs.erase(smaller.graph.outputs.begin() + static_cast<std::ptrdiff_t>(i));
      if (take(detail::without_unused(smaller))) {
        shrunk = true;
      } else {
        ++i;
      }
    }
    for (std::size_t i = 0; i < given.graph.outputs.size(); ++i) {  // what an output is made of, in its place
      const int maker = Uses(given.graph).producer(given.graph.outputs[i].value);
      if (maker < 0) continue;
      const NodePtr node = given.graph.nodes()[static_cast<std::size_t>(maker)];
      for (const ValueId operand : node->inputs) {
        if (operand == no_value || Uses(given.graph).producer(operand) < 0) continue;
        RandomGraph smaller = given;
        smaller.graph.outputs[i].value = operand;
        smaller.graph.outputs[i].updates = -1;
        if (!take(detail::without_unused(smaller))) continue;
        shrunk = true;
        break;
      }
    }
    for (std::size_t i = given.graph.nodes().size(); i-- > 0;) {
      if (i >= given.graph.nodes().size() || given.graph.nodes().size() < 2) continue;
      if (const auto smaller = detail::with_input(given, i); smaller && take(*smaller)) shrunk = true;
    }
    for (std::size_t i = 0; i < given.graph.nodes().size(); ++i) {
      const Node& node = *given.graph.nodes()[i];
      const bool read = node.outputs.size() != 1 || !Uses(given.graph).users(node.outputs[0]).empty();
      for (const ValueId operand : node.inputs) {
        if (operand == no_value || node.outputs.size() != 1) continue;
        if (read && !(given.graph.type(operand) == given.graph.type(node.outputs[0]))) continue;
        RandomGraph smaller = given;
        Edit edit;
        edit.erase.insert(i);
        edit.replace[node.outputs[0]] = operand;
        apply(smaller.graph, edit);
        if (!take(detail::without_unused(smaller))) continue;
        shrunk = true;
        break;
      }
    }
  }
  return given;
}

// The graph a call a line, for a report of what failed: "y3 = mul(x0: f64[2,3], x1: f64[3])".
inline std::string describe(const RandomGraph& given) {
  std::string text = "seed " + std::to_string(given.seed) + "\n";
  for (const Input& input : given.graph.inputs) {
    text += "  %" + std::to_string(input.value) + " = input " + input.name + ": " + given.graph.type(input.value).to_string() + "\n";
  }
  for (const NodePtr& node : given.graph.nodes()) {
    text += " ";
    for (const ValueId id : node->outputs) text += " %" + std::to_string(id) + ": " + given.graph.type(id).to_string();
    text += " = " + (node->is_map() ? std::string("map") : make_call(given.graph, *node).describe()) + " of";
    for (const ValueId id : node->inputs) text += " %" + std::to_string(id);
    text += "\n";
  }
  return text;
}

}  // namespace neap::testing
