#include "neap/transform/inline_map.h"

#include <algorithm>
#include <optional>

#include "neap/codegen/access.h"
#include "neap/ir/map_nodes.h"
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
  std::optional<std::map<int, Axis>> axes;  // asked for by reads that may be outside
  bool reduces = false;
  visit_nodes(stage.value, [&](const Expr& e) { reduces |= e->op == Scalar::reduce; });
  int next_axis = reduces ? 1 + std::max(highest_axis(map), highest_axis(*producer.map)) : 0;
  // The producer's value at the position of a read; axes of size one that the result does not have are at 0.
  const auto value_at = [&](const Expr& at) {
    const auto position = [&](std::int64_t axis) -> Expr {
      const auto dim = std::find(axis_at.begin(), axis_at.end(), axis);
      if (dim != axis_at.end()) return at->args[static_cast<std::size_t>(dim - axis_at.begin())];
      const auto own = std::find_if(producer.map->axes.begin(), producer.map->axes.end(), [&](const Axis& a) { return a.id == axis; });
      return own == producer.map->axes.end() ? Expr() : Expr(0);
    };
    return rewrite(reduces ? with_own_axes(stage.value, next_axis) : stage.value, [&](const Expr& e) -> Expr {
      if (e->op == Scalar::axis) return position(e->integer);
      return e->op == Scalar::read ? read_of(e, operand_of(producer.inputs[static_cast<std::size_t>(e->integer)])) : Expr();
    });
  };
  std::vector<std::pair<Expr, Expr>> written;  // equal reads become one expression, so that it is computed once
  const auto inlined = [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer < 0) return {};
    const ValueId read_value = fused.inputs[static_cast<std::size_t>(e->integer)];
    if (read_value != value) return read_of(e, operand_of(read_value));
    for (const auto& [before, after] : written) {
      if (same(before, e)) return after;
    }
    // Only what can be outside is tested: a condition on an axis that never is would keep vectors from running along it.
    const bool may_be_outside = e->rank > 0 && has_outside(e);
    if (may_be_outside && !axes) axes = axes_by_id(*fused.map);
    const bool guarded = may_be_outside && !surely_inside(e, type, *axes);
    const Expr made = value_at(e);
    written.emplace_back(e, guarded ? select(inside_condition(e, type, *axes), made, e->args.back()) : made);
    return written.back().second;
  };
  rewrite_map(map, inlined);
  fused.map = std::make_shared<const Map>(std::move(map));
  fused.inputs = std::move(operands);
  fused.origin = merge_origins(producer.origin, fused.origin);
  draft.replace(at, without_unread(std::move(fused)));
}

}  // namespace neap
