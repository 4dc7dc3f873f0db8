#include "neap/ir/graph.h"

#include <algorithm>
#include <set>

#include "neap/base/error.h"

namespace neap {

ValueId Graph::add_value(Type type, std::string name) {
  auto value = std::make_shared<Value>();
  value->type = std::move(type);
  value->name = std::move(name);
  values_.push_back(std::move(value));
  return value_count() - 1;
}

ValueId Graph::add_input(std::string name, Type type, Role role) {
  const ValueId id = add_value(std::move(type), name);
  inputs.push_back({id, std::move(name), role});
  return id;
}

ValueId Graph::add_constant(Array elements, std::string name, Layout layout) {
  Shape shape(elements.sizes().begin(), elements.sizes().end());
  auto value = std::make_shared<Value>();
  value->type = {elements.dtype(), std::move(shape), std::move(layout)};
  value->name = std::move(name);
  value->constant = std::move(elements);
  values_.push_back(std::move(value));
  return value_count() - 1;
}

void Graph::append(Node node) { nodes_.push_back(std::make_shared<const Node>(std::move(node))); }

void Graph::add_output(ValueId value, std::string name, int updates) { outputs.push_back({value, std::move(name), updates}); }

const Value& Graph::value(ValueId id) const {
  NEAP_ASSERT(has_value(id), " no value {} in graph {}", id, name);
  return *values_[static_cast<std::size_t>(id)];
}

void Graph::set_type(ValueId id, Type type) {
  auto changed = std::make_shared<Value>(value(id));
  changed->type = std::move(type);
  values_[static_cast<std::size_t>(id)] = std::move(changed);
}

void Graph::set_name(ValueId id, std::string name) {
  auto changed = std::make_shared<Value>(value(id));
  changed->name = std::move(name);
  values_[static_cast<std::size_t>(id)] = std::move(changed);
}

void Graph::compact() {
  std::vector<char> keep(values_.size(), 0);
  const auto mark = [&](ValueId id) {
    if (id != no_value) keep[static_cast<std::size_t>(id)] = 1;
  };
  for (const Input& input : inputs) mark(input.value);
  for (const Output& output : outputs) mark(output.value);
  for (const NodePtr& node : nodes_) {
    for (const ValueId id : node->inputs) mark(id);
    for (const ValueId id : node->outputs) mark(id);
  }
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (keep[i] == 0) values_[i] = nullptr;
  }
}

std::vector<std::string> Graph::symbols() const {
  std::set<std::string> found;
  for (const Input& input : inputs) {
    for (const Dim& size : type(input.value).shape) {
      for (std::string& symbol : size.symbols()) found.insert(std::move(symbol));
    }
  }
  return {found.begin(), found.end()};
}

Uses::Uses(const Graph& graph)
    : producers(static_cast<std::size_t>(graph.value_count()), -1), consumers(static_cast<std::size_t>(graph.value_count())) {
  const auto& nodes = graph.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const ValueId id : nodes[i]->outputs) producers[static_cast<std::size_t>(id)] = static_cast<int>(i);
    for (const ValueId id : nodes[i]->inputs) {
      if (id == no_value) continue;
      auto& users = consumers[static_cast<std::size_t>(id)];
      if (users.empty() || users.back() != static_cast<int>(i)) users.push_back(static_cast<int>(i));
    }
  }
  for (const Output& output : graph.outputs) graph_outputs.insert(output.value);
}

void apply(Graph& graph, const Edit& edit) {
  const auto resolve = [&](ValueId id) {
    for (auto next = edit.replace.find(id); next != edit.replace.end(); next = edit.replace.find(id)) id = next->second;
    return id;
  };
  const auto rebind = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) id = resolve(id);
  };
  std::vector<NodePtr> nodes;
  nodes.reserve(graph.nodes().size());
  const auto insert = [&](std::size_t position) {
    const auto found = edit.before.find(position);
    if (found == edit.before.end()) return;
    for (Node node : found->second) {
      rebind(node.inputs);
      nodes.push_back(std::make_shared<const Node>(std::move(node)));
    }
  };
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    insert(i);
    if (edit.erase.count(i) != 0) continue;
    const NodePtr& node = graph.nodes()[i];
    const bool affected = std::any_of(node->inputs.begin(), node->inputs.end(), [&](ValueId id) { return edit.replace.count(id) != 0; });
    if (!affected) {
      nodes.push_back(node);
      continue;
    }
    Node changed = *node;
    rebind(changed.inputs);
    nodes.push_back(std::make_shared<const Node>(std::move(changed)));
  }
  insert(graph.nodes().size());
  graph.set_nodes(std::move(nodes));
  for (Output& output : graph.outputs) output.value = resolve(output.value);
  graph.compact();
}

int remove_dead_nodes(Graph& graph) {
  std::vector<char> live(static_cast<std::size_t>(graph.value_count()), 0);
  for (const Output& output : graph.outputs) live[static_cast<std::size_t>(output.value)] = 1;
  std::vector<NodePtr> kept;
  const auto& nodes = graph.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    const Node& node = **it;
    if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return live[static_cast<std::size_t>(id)] != 0; }))
      continue;
    for (const ValueId id : node.inputs) {
      if (id != no_value) live[static_cast<std::size_t>(id)] = 1;
    }
    kept.push_back(*it);
  }
  const int removed = static_cast<int>(nodes.size() - kept.size());
  std::reverse(kept.begin(), kept.end());
  graph.set_nodes(std::move(kept));
  graph.compact();
  return removed;
}

}  // namespace neap
