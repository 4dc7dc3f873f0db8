#include "neap/transform/rebuild.h"

#include "neap/transform/call_edit.h"

namespace neap {

ValueId Rebuild::resolve(ValueId id) const {
  for (auto next = replaced_.find(id); next != replaced_.end(); next = replaced_.find(id)) id = next->second;
  return id;
}

int Rebuild::run(const std::function<Var(const Node&)>& instead) {
  const std::vector<NodePtr> nodes = graph_.nodes();
  graph_.set_nodes({});
  int edits = 0;
  for (const NodePtr& node : nodes) {
    Node now = *node;
    for (ValueId& id : now.inputs) id = id == no_value ? id : resolve(id);
    build_.set_origin(node->origin);
    if (const Var other = instead(now)) {
      replaced_[node->outputs[0]] = other.id();
      ++edits;
    } else {
      graph_.append(std::move(now));
    }
  }
  for (Output& output : graph_.outputs) output.value = resolve(output.value);
  if (edits > 0) remove_dead_nodes(graph_);
  return edits;
}

const Node* Rebuild::maker(ValueId value) {
  const std::vector<NodePtr>& nodes = graph_.nodes();
  for (; known_ < nodes.size(); ++known_) {
    for (const ValueId id : nodes[known_]->outputs) makers_[id] = nodes[known_];
  }
  const auto found = makers_.find(value);
  return found == makers_.end() ? nullptr : found->second.get();
}

const Node* Rebuild::maker(ValueId value, std::string_view op) {
  const Node* node = maker(value);
  return node != nullptr && is_call_of(*node, op) ? node : nullptr;
}

Var Rebuild::written_out(ValueId result) {
  const auto known = written_out_.find(result);
  if (known != written_out_.end()) return known->second;
  const Node node = *maker(result);
  std::vector<Var> operands;
  for (const ValueId id : node.inputs) operands.push_back(id == no_value ? Var() : build_.wrap(id));
  return written_out_[result] = build_.expand(make_call(graph_, node), operands)[0];
}

}  // namespace neap
