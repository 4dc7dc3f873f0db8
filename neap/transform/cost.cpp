#include "neap/transform/cost.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "neap/ops/builder.h"
#include "neap/ops/operator.h"

namespace neap {

Cost& Cost::operator+=(const Cost& other) {
  bytes += other.bytes;
  flops += other.flops;
  seconds += other.seconds;
  return *this;
}

Cost Cost::operator-(const Cost& other) const { return {bytes - other.bytes, flops - other.flops, seconds - other.seconds}; }

CostModel::CostModel(Symbols symbols, const Rates& rates) : symbols_(std::move(symbols)), rates_(rates) {}

double CostModel::evaluate(const Dim& dim) const {
  if (dim.is_constant()) return static_cast<double>(dim.constant());
  Symbols symbols = symbols_;
  for (const std::string& symbol : dim.symbols()) symbols.emplace(symbol, 128);
  return static_cast<double>(dim.evaluate(symbols));
}

double CostModel::bytes(const Type& type) const { return evaluate(storage_bytes(type)); }

namespace {

// Flops of a call: of its definition; of a composite, of what it is made of.
Dim call_flops(const Graph& graph, const Node& node) {
  const Call call = make_call(graph, node);
  const auto of_map = [](const Map& map) {
    Dim total = 0, points = 1;
    for (const Axis& axis : map.axes) points *= axis.extent;
    for (const Stage& stage : map.stages) total += points * flops(stage.value);
    return total;
  };
  if (call.op().define != nullptr) return of_map(define(call).map);
  Graph body;
  Builder build(body);
  std::vector<Var> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    inputs.push_back(node.inputs[i] == no_value ? Var() : build.input(fmt::format("x{}", i), graph.type(node.inputs[i])));
  }
  for (const Var& output : build.expand(call, inputs)) body.add_output(output.id(), "y");
  Dim total = 0;
  const Graph primitives = expand_composites(body);
  for (const NodePtr& inner : primitives.nodes()) total += of_map(define(make_call(primitives, *inner)).map);
  return total;
}

}  // namespace

Cost CostModel::node(const Graph& graph, const Node& node) const {
  Cost cost;
  if (node.is_map()) {
    const Volume moved = volume(graph, node);
    cost.bytes = evaluate(moved.bytes());
    cost.flops = evaluate(moved.flops);
  } else {
    for (const ValueId id : node.inputs) {
      if (id != no_value) cost.bytes += bytes(graph.type(id));
    }
    for (const ValueId id : node.outputs) cost.bytes += bytes(graph.type(id));
    cost.flops = evaluate(call_flops(graph, node));
  }
  cost.seconds = std::max(cost.bytes / rates_.copy_bytes_per_second, cost.flops / rates_.flops_per_second) + rates_.call_seconds;
  return cost;
}

Cost CostModel::graph(const Graph& graph) const {
  Cost total;
  for (const NodePtr& node : graph.nodes()) total += this->node(graph, *node);
  return total;
}

Cost changed_cost(const CostModel& model, const Graph& before, const Graph& after) {
  std::unordered_map<const Node*, bool> old;  // whether it is still there
  for (const NodePtr& node : before.nodes()) old.emplace(node.get(), false);
  const auto same_types = [&](const Node& node) {
    const auto same = [&](ValueId id) { return id == no_value || before.type(id) == after.type(id); };
    return std::all_of(node.inputs.begin(), node.inputs.end(), same) && std::all_of(node.outputs.begin(), node.outputs.end(), same);
  };
  Cost change;
  for (const NodePtr& node : after.nodes()) {
    const auto found = old.find(node.get());
    if (found != old.end() && same_types(*node)) {
      found->second = true;
    } else {
      change += model.node(after, *node);
    }
  }
  for (const NodePtr& node : before.nodes()) {
    if (!old.at(node.get())) change = change - model.node(before, *node);
  }
  return change;
}

}  // namespace neap
