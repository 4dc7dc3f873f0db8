// What values are called in text and in messages; works on graphs that break the rules too.
#include <algorithm>

#include "neap/ir/graph.h"
#include "neap/ir/words.h"

namespace neap {

std::vector<std::string> value_names(const Graph& graph) {
  std::vector<std::string> names(static_cast<std::size_t>(std::max(0, graph.value_count())));
  const auto known = [&](ValueId id) { return id >= 0 && static_cast<std::size_t>(id) < names.size(); };
  for (const Input& input : graph.inputs) {
    if (known(input.value)) names[static_cast<std::size_t>(input.value)] = word(input.name);
  }
  int next = 0;
  const auto number = [&](ValueId id) {
    if (known(id) && names[static_cast<std::size_t>(id)].empty()) names[static_cast<std::size_t>(id)] = fmt::format("%{}", next++);
  };
  for (const NodePtr& node : graph.nodes()) {
    for (const ValueId id : node->inputs) number(id);
    for (const ValueId id : node->outputs) number(id);
  }
  for (const Output& output : graph.outputs) number(output.value);
  return names;
}

std::string place_of(const Graph& graph, const Node& node) {
  const std::vector<std::string> names = value_names(graph);
  std::string place;
  for (const ValueId id : node.outputs) {
    const bool known = id >= 0 && static_cast<std::size_t>(id) < names.size();
    place += (place.empty() ? "" : ", ") + (known ? names[static_cast<std::size_t>(id)] : fmt::format("value {}", id));
  }
  place += (place.empty() ? "" : " = ") + (node.map != nullptr ? "map" : word(node.op));
  if (!node.origin.empty()) place += ", from " + escaped(node.origin[0]);
  return place + ", in graph " + word(graph.name);
}

}  // namespace neap
