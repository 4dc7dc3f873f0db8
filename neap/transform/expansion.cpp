#include "neap/transform/expansion.h"

#include <algorithm>

#include "neap/ops/builder.h"
#include "neap/transform/map_edit.h"

namespace neap {

bool is_composite(const Node& node) { return !node.is_map() && find_operator(node.op).compose != nullptr; }

Expansion expansion(Graph& graph, const Node& composite) {
  const ValueId first_new = graph.value_count();
  std::vector<NodePtr> others = graph.nodes();
  graph.set_nodes({});
  Builder build(graph);
  build.set_origin(composite.origin);
  std::vector<Var> operands;
  for (const ValueId id : composite.inputs) operands.push_back(build.wrap(id));
  const std::vector<Var> results = build.expand(make_call(graph, composite), operands);
  Expansion made;
  std::unordered_map<ValueId, ValueId> named;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const ValueId result = results[i].id();
    if (result >= first_new && !graph.value(result).constant && named.emplace(result, composite.outputs[i]).second) continue;
    const auto known = named.find(result);
    made.replace[composite.outputs[i]] = known == named.end() ? result : known->second;
  }
  const auto rename = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      const auto found = named.find(id);
      if (found != named.end()) id = found->second;
    }
  };
  for (const NodePtr& node : graph.nodes()) {
    made.nodes.push_back(*node);
    made.nodes.back().kept = composite.kept;
    rename(made.nodes.back().inputs);
    rename(made.nodes.back().outputs);
  }
  graph.set_nodes(std::move(others));
  return made;
}

namespace {

class Walk {
 public:
  Walk(Graph& graph, const std::function<Fate(Node&)>& decide) : graph_(graph), decide_(decide) {}

  int run() {
    const std::vector<NodePtr> nodes = graph_.nodes();
    graph_.set_nodes({});
    for (const NodePtr& node : nodes) visit(node);
    graph_.set_nodes(std::move(made_));
    for (Output& output : graph_.outputs) output.value = resolve(output.value);
    graph_.compact();
    return edits_;
  }

 private:
  ValueId resolve(ValueId id) const {
    for (auto next = replaced_.find(id); next != replaced_.end(); next = replaced_.find(id)) id = next->second;
    return id;
  }

  void visit(NodePtr node) {
    Node changed = *node;
    bool rebound = false;
    for (ValueId& id : changed.inputs) {
      const ValueId now = id == no_value ? id : resolve(id);
      rebound |= now != id;
      id = now;
    }
    const Fate fate = decide_(changed);
    if (fate == Fate::unchanged && !rebound) {
      made_.push_back(std::move(node));
      return;
    }
    if (fate != Fate::unchanged) ++edits_;
    if (fate != Fate::expand) {
      made_.push_back(std::make_shared<const Node>(std::move(changed)));
      return;
    }
    Expansion written = expansion(graph_, changed);
    replaced_.insert(written.replace.begin(), written.replace.end());
    for (Node& inner : written.nodes) visit(std::make_shared<const Node>(std::move(inner)));
  }

  Graph& graph_;
  const std::function<Fate(Node&)>& decide_;
  std::vector<NodePtr> made_;
  std::unordered_map<ValueId, ValueId> replaced_;
  int edits_ = 0;
};

}  // namespace

int rewrite_nodes(Graph& graph, const std::function<Fate(Node&)>& decide) { return Walk(graph, decide).run(); }

Node as_map(const Graph& graph, const Node& primitive) {
  Node node;
  node.map = std::make_shared<const Map>(define(make_call(graph, primitive)).map);
  node.inputs = primitive.inputs;
  node.outputs = primitive.outputs;
  node.origin = primitive.origin;
  node.kept = primitive.kept;
  const bool complete = std::find(node.inputs.begin(), node.inputs.end(), no_value) == node.inputs.end();
  return complete ? node : without_unread(std::move(node));  // a map has no absent operands
}

}  // namespace neap
