// Reductions: whether lanes are their points or ours.
#include <algorithm>
#include <cmath>

#include "neap/runtime/blocked_compiler.h"

namespace neap::blocks {

// Lanes that are the reduction's points suit reads that are contiguous along it; lanes of our own suit reads that are contiguous along
// ours.
bool Compiler::lanes_should_be_points(const Expr& e, const Program& outer, Count points) {
  if (e->axes.back().ragged) return true;
  double operations = 1, along_points = 0, along_lanes = 0;
  int innermost = -1;  // of our axes, but for those of one element (kept ones)
  for (const LaneAxis& lane : outer.lanes) innermost = lane.extent > 1 ? lane.id : innermost;
  const auto price = [](Count step) { return step == 0 || step == 1 ? 0.3 : 1.5; };
  visit(e->args[0], [&](const Expr& x) {
    operations += x->op > Scalar::read ? 1 : 0;
    if (x->op != Scalar::read || x->integer < 0) return;
    const Operand& from = inputs_.at(static_cast<std::size_t>(x->integer));
    KnownAffine offset;
    for (int i = 0; i < x->rank; ++i) {
      const auto index = known_affine(x->args[static_cast<std::size_t>(i)]);
      if (!index) {
        along_points += 3;
        along_lanes += 3;
        return;
      }
      offset.add(*index, from.strides[static_cast<std::size_t>(i)]);
    }
    operations += 1;
    along_points += price(offset.coefficients[e->axes.back().id]);
    along_lanes += price(innermost < 0 ? 0 : offset.coefficients[innermost]);
  });
  constexpr double step_ns = 8, block = 512;
  const double p = static_cast<double>(points), l = static_cast<double>(outer.lane_count);
  const double as_points = l * (20 + std::ceil(p / block) * operations * step_ns) + l * p * along_points;
  const double as_lanes = std::ceil(l / block) * p * operations * step_ns + l * p * along_lanes;
  return as_points < as_lanes;
}

int Compiler::reduce(const Expr& e, Scope& scope, int mask) {
  const bool position = e->reduction == Reduction::argmax || e->reduction == Reduction::argmin;
  ReduceStep step{};
  step.reduction = e->reduction;
  step.element = e->args[0].dtype();
  step.begin = step.end = step.part = step.best = -1;
  step.mask = mask;
  Count points = 1;
  for (const Axis& axis : e->axes) {
    enter(axis);
    if (axis.ragged && e->axes.size() > 1) throw Unsupported{"it reduces over a ragged axis and another"};
    step.axes.push_back({axis.id, extent_.at(axis.id)});
    points *= extent_.at(axis.id);
  }
  if (e->axes[0].ragged) {
    step.begin = value(e->axes[0].ragged->first, scope, mask);
    step.end = value(e->axes[0].ragged->second, scope, mask);
  }
  step.over_lanes = lanes_should_be_points(e, *scope.program, points);
  step.body = std::make_unique<Program>();
  Scope inner{step.body.get(), step.over_lanes ? nullptr : &scope, {}, {}};
  for (const LaneAxis& axis : step.axes) inner.axes.push_back(axis.id);
  step.body->lanes = step.over_lanes ? step.axes : scope.program->lanes;
  step.body->lane_count = step.over_lanes ? points : scope.program->lane_count;
  // What does not depend on the reduction's axes is made once, in the program around; over no points it must not be made at all.
  if (points == 0) inner.parent = nullptr;
  int element = value(e->args[0], inner, step.over_lanes ? -1 : mask);
  const bool logical = e->reduction == Reduction::any || e->reduction == Reduction::all;
  if (logical) {
    element = convert(inner, element, Kind::truth);
  } else if (plan_->registers[static_cast<std::size_t>(element)] == Kind::truth) {
    element = convert(inner, element, Kind::i64);
  }
  step.value = element;
  step.kind = plan_->registers[static_cast<std::size_t>(element)];
  const Kind result = position ? Kind::i64 : step.kind;
  if (position) step.best = fresh(step.kind);
  if (!step.over_lanes && e->reduction == Reduction::sum && is_float_kind(step.kind)) step.part = fresh(step.kind);
  step.out = fresh(result);
  scope.program->work += static_cast<double>(points) * (step.body->work + 1);
  scope.program->heavy |= step.over_lanes;
  const int out = step.out;
  scope.program->steps.emplace_back(std::move(step));
  return round(scope, convert(scope, out, kind_of(e->dtype)), e->dtype);
}

}  // namespace neap::blocks
