// Whether a graph gives each element of its values a number: with lists that do not fit each other (rows that do not hold all entries, a
// permutation with a number twice), some are nowhere defined.
#pragma once
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "neap/ir/map_walk.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"

namespace neap::testing {

namespace detail {

inline bool reads(const Expr& root) {
  bool found = false;
  visit(root, [&](const Expr& e) { found |= e->op == Scalar::read; });
  return found;
}

// Whether data decide what the map writes.
inline bool writes_by_data(const Map& map) {
  const auto ragged = [](const Axis& axis) { return axis.ragged != nullptr; };
  if (std::any_of(map.axes.begin(), map.axes.end(), ragged)) return true;
  return std::any_of(map.stages.begin(), map.stages.end(),
                     [](const Stage& stage) { return std::any_of(stage.index.begin(), stage.index.end(), reads); });
}

inline bool writes_all(Map map, const std::vector<Array>& operands, const std::vector<Type>& types, const Symbols& symbols) {
  std::vector<bool> assigned(types.size(), true);
  for (Stage& stage : map.stages) {
    stage.value = cast(Expr(1), stage.value.dtype());
    if (stage.accumulate != Accumulate::none) assigned[static_cast<std::size_t>(stage.target)] = false;  // from 0, or an infinity
  }
  const std::vector<Array> made = interpret_map(map, operands, types, symbols);
  for (std::size_t k = 0; k < made.size(); ++k) {
    for (std::int64_t i = 0; assigned[k] && i < made[k].count(); ++i) {
      if (made[k].get(i) != 1) return false;
    }
  }
  return true;
}

}  // namespace detail

inline bool writes_all(const Graph& graph, const std::vector<Array>& inputs) {
  const Graph primitives = expand_composites(graph);
  const auto map_of = [&](const NodePtr& node) { return define(make_call(primitives, *node)).map; };
  const auto& nodes = primitives.nodes();
  if (std::none_of(nodes.begin(), nodes.end(), [&](const NodePtr& node) { return detail::writes_by_data(map_of(node)); })) return true;
  std::unordered_map<ValueId, Array> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) values[primitives.inputs[i].value] = inputs[i];
  interpret(primitives, inputs, [&](ValueId id, const Array& made) { values[id] = made; });
  const Symbols symbols = bind_inputs(primitives, inputs);
  const auto value_of = [&](ValueId id) {
    if (id == no_value) return Array();
    const auto made = values.find(id);
    return made != values.end() ? made->second : *primitives.value(id).constant;
  };
  return std::all_of(nodes.begin(), nodes.end(), [&](const NodePtr& node) {
    std::vector<Array> operands;
    for (const ValueId id : node->inputs) operands.push_back(value_of(id));
    return detail::writes_all(map_of(node), operands, types_of(primitives, node->outputs), symbols);
  });
}

}  // namespace neap::testing
