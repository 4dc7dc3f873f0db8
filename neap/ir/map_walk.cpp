#include "neap/ir/map_walk.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/ir/map_nodes.h"

namespace neap {
namespace {

void rewrite_bounds(std::vector<Axis>& axes, const std::function<Expr(const Expr&)>& f) {
  for (Axis& axis : axes) {
    if (axis.ragged == nullptr) continue;
    axis.ragged = std::make_shared<const std::pair<Expr, Expr>>(rewrite(axis.ragged->first, f), rewrite(axis.ragged->second, f));
  }
}

}  // namespace

Reduction reduction_of(Accumulate accumulate) {
  NEAP_ASSERT(accumulate != Accumulate::none, " an assignment folds nothing");
  return accumulate == Accumulate::max ? Reduction::max : accumulate == Accumulate::min ? Reduction::min : Reduction::sum;
}

std::optional<Accumulate> accumulation_of(Reduction reduction) {
  switch (reduction) {
    case Reduction::sum:
      return Accumulate::sum;
    case Reduction::max:
      return Accumulate::max;
    case Reduction::min:
      return Accumulate::min;
    default:
      return std::nullopt;
  }
}

Expr read_of(const Expr& e, std::int64_t operand) {
  if (e->integer == operand) return e;
  auto node = std::make_shared<Expr::Node>(*e);
  node->integer = operand;
  return Expr(std::move(node));
}

Expr read_at(const Expr& e, std::int64_t operand, std::vector<Expr> index) {
  const bool has_outside = static_cast<int>(e->args.size()) > e->rank;
  return read(static_cast<int>(operand), e->dtype, std::move(index), has_outside ? e->args.back() : Expr());
}

Expr renumber_reads(const Expr& root, const OperandNumber& number) {
  return rewrite(root, [&](const Expr& e) { return e->op == Scalar::read ? read_of(e, number(e->integer)) : Expr(); });
}

bool reads(const Expr& value, std::int64_t operand) {
  bool found = false;
  visit(value, [&](const Expr& e) { found |= e->op == Scalar::read && e->integer == operand; });
  return found;
}

void renumber_reads(Map& map, const OperandNumber& number) {
  rewrite_map(map, [&](const Expr& e) { return e->op == Scalar::read ? read_of(e, number(e->integer)) : Expr(); });
}

void rewrite_map(Map& map, const std::function<Expr(const Expr&)>& f) {
  rewrite_bounds(map.axes, f);
  for (Stage& stage : map.stages) {
    rewrite_bounds(stage.axes, f);
    for (Expr& index : stage.index) index = rewrite(index, f);
    stage.value = rewrite(stage.value, f);
  }
}
void visit_map(const Map& map, const std::function<void(const Expr&)>& f) { visit_map_nodes(map, f); }

bool is_scope(const Map& map) {
  return !map.locals.empty() || std::any_of(map.stages.begin(), map.stages.end(), [](const Stage& stage) { return !stage.axes.empty(); });
}

int highest_axis(const Map& map) {
  int highest = -1;
  const auto note = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) highest = std::max(highest, axis.id);
  };
  note(map.axes);
  for (const Stage& stage : map.stages) note(stage.axes);
  visit_map_nodes(map, [&](const Expr& e) { note(e->axes); });
  return highest;
}

}  // namespace neap
