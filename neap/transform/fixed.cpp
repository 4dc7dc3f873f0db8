#include "neap/transform/fixed.h"

#include <algorithm>

namespace neap {

bool depends_on_fixed_alone(const Graph& graph, const Node& node, const std::vector<char>& fixed) {
  const auto is_fixed = [&](ValueId id) { return id != no_value && fixed[static_cast<std::size_t>(id)] != 0; };
  return std::any_of(node.inputs.begin(), node.inputs.end(), is_fixed) &&
         std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId id) { return id == no_value || is_fixed(id) || graph.value(id).constant.has_value(); });
}

std::vector<char> fixed_values(const Graph& graph) {
  std::vector<char> fixed(static_cast<std::size_t>(graph.value_count()), 0);
  for (const Input& input : graph.inputs) fixed[static_cast<std::size_t>(input.value)] = input.role == Role::fixed ? 1 : 0;
  for (const NodePtr& node : graph.nodes()) {
    if (!depends_on_fixed_alone(graph, *node, fixed)) continue;
    for (const ValueId id : node->outputs) fixed[static_cast<std::size_t>(id)] = 1;
  }
  return fixed;
}

}  // namespace neap
