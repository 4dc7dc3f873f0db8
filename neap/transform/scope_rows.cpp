#include "neap/transform/scope_rows.h"

#include <algorithm>
#include <iterator>

#include "neap/base/error.h"

namespace neap {
namespace {

const Axis* find_axis(const std::vector<Axis>& axes, int id) {
  const auto found = std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.id == id; });
  return found == axes.end() ? nullptr : &*found;
}

// Reductions that run over an axis, outermost.
void reductions_over(const Expr& value, int axis, std::vector<Expr>& found) {
  if (value->op == Scalar::reduce && find_axis(value->axes, axis) != nullptr) {
    if (std::none_of(found.begin(), found.end(), [&](const Expr& e) { return same(e, value); })) found.push_back(value);
    return;
  }
  for (const Expr& arg : value->args) reductions_over(arg, axis, found);
}

// Whether a reduction over an axis stands within one over other axes: it is another sum at each point of those.
bool within_another(const Expr& value, int axis) {
  bool found = false;
  visit(value, [&](const Expr& e) {
    if (e->op != Scalar::reduce || find_axis(e->axes, axis) != nullptr) return;
    std::vector<Expr> inner;
    reductions_over(e->args[0], axis, inner);
    found |= !inner.empty();
  });
  return found;
}

// Whether what a stage reduces over an axis can be accumulated at each point of it.
std::string check_accumulation(const Stage& stage, int outer, const std::vector<Axis>& axes, const Type& target) {
  std::vector<Expr> found;
  reductions_over(stage.value, outer, found);
  if (found.empty()) return "it mixes reductions with results";  // which would be repeated
  if (stage.accumulate != Accumulate::none) return "it accumulates what it reduces";
  if (within_another(stage.value, outer)) return "its reduction over the axis stands within another reduction";
  for (const Expr& e : found) {
    if (!accumulation_of(e->reduction)) return fmt::format("it reduces by {}", name(e->reduction));
    for (const Axis& axis : e->axes) {
      if (axis.ragged != nullptr) return "it reduces over a ragged axis";
    }
  }
  std::string reason;
  pointwise_axes({axes, {}, {}}, stage, target, reason);
  return reason;
}

// The axes of a reduction but one, which becomes the outer axis: the rest of the sum is made inside.
void accumulate_over(const Draft& draft, Opener& opener, const Stage& stage, int outer, const std::vector<Axis>& axes, ValueId next_value,
                     Rows& rows, std::vector<Stage>& made) {
  std::vector<Expr> found;
  reductions_over(stage.value, outer, found);
  const bool plain = found.size() == 1 && same(found[0], stage.value);
  std::vector<std::pair<Expr, Expr>> replaced;
  for (const Expr& e : found) {
    Stage sum = stage;
    sum.axes = axes;
    std::copy_if(e->axes.begin(), e->axes.end(), std::back_inserter(sum.axes), [&](const Axis& axis) { return axis.id != outer; });
    sum.value = e->args[0];
    sum.accumulate = *accumulation_of(e->reduction);
    if (!plain) {
      sum.target = next_value + static_cast<ValueId>(rows.sums.size());
      rows.sums.push_back({e.dtype(), draft.type(stage.target).shape, {}});
      replaced.emplace_back(e, read(opener.operand(sum.target), e.dtype(), stage.index));
    }
    made.push_back(std::move(sum));
  }
  if (plain) return;
  OpenMap tail{{axes, {}, {}}, rows.open.origin, {}};
  Stage last = stage;
  last.axes.clear();
  last.value = with_replaced(last.value, replaced);
  tail.map.stages = {last};
  rows.behind.push_back(opener.close(std::move(tail)));
}

std::vector<Axis> axes_but(const std::vector<Axis>& axes, int outer) {
  std::vector<Axis> rest;
  std::copy_if(axes.begin(), axes.end(), std::back_inserter(rest), [&](const Axis& axis) { return axis.id != outer; });
  return rest;
}

}  // namespace

std::string check_rows(const Draft& draft, const Node& node, int outer) {
  const Map& map = *node.map;
  const bool own = find_axis(map.axes, outer) != nullptr;
  if (is_scope(map)) return own && map.axes.size() == 1 ? "" : "it is a scope over another axis";
  if (std::any_of(map.axes.begin(), map.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; }))
    return "it runs over a ragged axis";
  if (own) return "";
  for (const Stage& stage : map.stages) {
    const Type& target = draft.type(node.outputs[static_cast<std::size_t>(stage.target)]);
    if (std::string reason = check_accumulation(stage, outer, map.axes, target); !reason.empty()) return reason;
  }
  return "";
}

void make_rows(const Draft& draft, Opener& opener, int outer, ValueId next_value, Rows& rows) {
  Map& map = rows.open.map;
  if (is_scope(map)) return;  // over `outer` alone
  std::vector<Axis> rest = axes_but(map.axes, outer);
  if (const Axis* own = find_axis(map.axes, outer)) {
    map.axes = {Axis(*own)};
    for (Stage& stage : map.stages) stage.axes = rest;
    return;
  }
  std::vector<Stage> made;
  for (const Stage& stage : map.stages) accumulate_over(draft, opener, stage, outer, rest, next_value, rows, made);
  std::vector<Expr> found;
  reductions_over(map.stages[0].value, outer, found);
  map.axes = {*find_axis(found[0]->axes, outer)};
  map.stages = std::move(made);
}

}  // namespace neap
