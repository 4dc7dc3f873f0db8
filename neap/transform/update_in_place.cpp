// Orders the stages of a map so that what updates an input comes after every stage that reads the input's old elements: then the update is
// written over them, with no copy beside.
#include <algorithm>

#include "neap/ir/map_walk.h"
#include "neap/transform/transformation.h"

namespace neap::update_in_place_transformation {
namespace {

// Stages that any order serves: each assigns an output of its own, and none reads what another makes.
bool free_to_order(const Map& map) {
  if (map.stages.size() < 2 || !map.locals.empty()) return false;
  std::vector<int> targets;
  for (const Stage& stage : map.stages) {
    if (!stage.axes.empty() || stage.accumulate != Accumulate::none) return false;
    targets.push_back(stage.target);
  }
  std::sort(targets.begin(), targets.end());
  return std::adjacent_find(targets.begin(), targets.end()) == targets.end();
}

// By stage: the operand that its result is to be written over; -1 where there is none.
std::vector<std::int64_t> updated_operands(const Graph& graph, const Node& node) {
  std::vector<std::int64_t> updated;
  for (const Stage& stage : node.map->stages) {
    updated.push_back(-1);
    for (const Output& output : graph.outputs) {
      if (output.updates < 0 || output.value != node.outputs[static_cast<std::size_t>(stage.target)]) continue;
      const ValueId input = graph.inputs[static_cast<std::size_t>(output.updates)].value;
      const auto operand = std::find(node.inputs.begin(), node.inputs.end(), input);
      if (operand != node.inputs.end()) updated.back() = operand - node.inputs.begin();
    }
  }
  return updated;
}

// Which stage comes when: always the first that no other has to precede; where they wait for each other, the first of all.
std::vector<std::size_t> order_of(const Graph& graph, const Node& node) {
  const std::vector<Stage>& stages = node.map->stages;
  const std::vector<std::int64_t> updated = updated_operands(graph, node);
  std::vector<std::size_t> left(stages.size()), order;
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
  while (!left.empty()) {
    const auto waits = [&](std::size_t stage) {
      return updated[stage] >= 0 && std::any_of(left.begin(), left.end(), [&](std::size_t other) {
               return other != stage && reads(stages[other].value, updated[stage]);
             });
    };
    auto next = std::find_if_not(left.begin(), left.end(), waits);
    if (next == left.end()) next = left.begin();
    order.push_back(*next);
    left.erase(next);
  }
  return order;
}

int order_all(Graph& graph, const Parameters&, Pass&) {
  int edits = 0;
  for (std::size_t at = 0; at < graph.nodes().size(); ++at) {
    const NodePtr node = graph.nodes()[at];
    if (!node->is_map() || !free_to_order(*node->map)) continue;
    const std::vector<std::size_t> order = order_of(graph, *node);
    if (std::is_sorted(order.begin(), order.end())) continue;
    Map map = *node->map;
    for (std::size_t i = 0; i < order.size(); ++i) map.stages[i] = node->map->stages[order[i]];
    Node changed = *node;
    changed.map = std::make_shared<const Map>(std::move(map));
    graph.replace_node(at, std::move(changed));
    ++edits;
  }
  return edits;
}

const RegisterTransformation update_in_place{{.name = "update_in_place",
                                              .level = 4,
                                              .about = "writes updates of inputs last, so that they take the place of the old elements",
                                              .needs_gain = false,
                                              .apply_everywhere = order_all}};

}  // namespace
}  // namespace neap::update_in_place_transformation
