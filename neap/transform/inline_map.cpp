#include "neap/transform/inline_map.h"

#include <algorithm>

#include "neap/codegen/access.h"
#include "neap/transform/map_edit.h"

namespace neap {

const Stage* stage_writing(const Node& node, ValueId value) {
  const auto output = std::find(node.outputs.begin(), node.outputs.end(), value) - node.outputs.begin();
  for (const Stage& stage : node.map->stages) {
    if (stage.target == output) return &stage;
  }
  return nullptr;
}

void inline_into(Draft& draft, const Node& producer, ValueId value, int at) {
  const Stage& stage = *stage_writing(producer, value);
  std::string reason;
  const std::vector<int> axis_at = *pointwise_axes(*producer.map, stage, draft.type(value), reason);
  Node fused = draft.node(at);
  const Type& type = draft.type(value);
  // Operands: the consumer's without the value, then what the producer brings.
  std::vector<ValueId> operands;
  const auto operand_of = [&](ValueId id) {
    const auto known = std::find(operands.begin(), operands.end(), id);
    if (known != operands.end()) return static_cast<int>(known - operands.begin());
    operands.push_back(id);
    return static_cast<int>(operands.size()) - 1;
  };
  for (const ValueId id : fused.inputs) {
    if (id != value) operand_of(id);
  }
  Map map = *fused.map;
  const std::map<int, Axis> axes = axes_by_id(map);
  int next_axis = 1 + std::max(highest_axis(map), highest_axis(*producer.map));
  const Expr source = rewrite(stage.value, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read) return {};
    return read_of(e, operand_of(producer.inputs[static_cast<std::size_t>(e->integer)]));
  });
  std::vector<std::pair<Expr, Expr>> written;  // equal reads become one expression, so that it is computed once
  rewrite_map(map, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer < 0) return {};
    const ValueId read_value = fused.inputs[static_cast<std::size_t>(e->integer)];
    if (read_value != value) return read_of(e, operand_of(read_value));
    for (const auto& [before, after] : written) {
      if (same(before, e)) return after;
    }
    std::map<int, Expr> position;
    for (const Axis& axis : producer.map->axes) position[axis.id] = Expr(0);  // axes of size one that the result does not have
    for (int i = 0; i < e->rank; ++i) {
      const Expr& index = e->args[static_cast<std::size_t>(i)];
      if (axis_at[static_cast<std::size_t>(i)] >= 0) position[axis_at[static_cast<std::size_t>(i)]] = index;
    }
    const Expr inlined = substitute_axes(with_own_axes(source, next_axis), position);
    // Only what can be outside is tested: a condition on an axis that never is would keep vectors from running along it.
    const bool guarded = e->rank > 0 && has_outside(e) && !surely_inside(e, type, axes);
    written.emplace_back(e, guarded ? select(inside_condition(e, type, axes), inlined, e->args.back()) : inlined);
    return written.back().second;
  });
  fused.map = std::make_shared<const Map>(std::move(map));
  fused.inputs = std::move(operands);
  fused.origin = merge_origins(producer.origin, fused.origin);
  draft.replace(at, without_unread(std::move(fused)));
}

}  // namespace neap
