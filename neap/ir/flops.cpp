// Floating-point operations of expressions and maps.
#include "neap/ir/by_node.h"
#include "neap/ir/graph.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

std::int64_t flops_of(const Expr& e) {
  if (!is_float(e->args.empty() ? e.dtype() : e->args.back().dtype())) return 0;
  switch (e->op) {
    case Scalar::exp:
    case Scalar::expm1:
      return 12;
    case Scalar::log:
    case Scalar::log1p:
      return 14;
    case Scalar::tanh:
    case Scalar::sigmoid:
      return 16;
    case Scalar::erf:
    case Scalar::pow:
    case Scalar::sin:
    case Scalar::cos:
    case Scalar::tan:
      return 20;
    default:
      break;
  }
  switch (kind(e->op)) {
    case ScalarKind::leaf:
      return 0;
    case ScalarKind::unary_float:
      return e->op == Scalar::sqrt || e->op == Scalar::rsqrt || e->op == Scalar::reciprocal ? 1 : 20;
    case ScalarKind::other:
      return e->op == Scalar::select ? 1 : 0;
    default:
      return 1;
  }
}

// Axes within others.
struct Space {
  const std::vector<Axis>* axes;
  const Space* around;
};

Dim points_of(const Space& space) {
  Dim count = 1;
  std::vector<Axis> all;
  for (const Space* part = &space; part != nullptr; part = part->around) {
    for (const Axis& axis : *part->axes) {
      if (axis.ragged == nullptr) {
        count *= axis.extent;
        continue;
      }
      for (part = &space; part != nullptr; part = part->around) all.insert(all.begin(), part->axes->begin(), part->axes->end());
      return points(all);
    }
  }
  return count;
}

// Distinct nodes around a reduction count once a point; its body counts once a point of its axes too.
Dim flops_within(const Expr& root, const Space& space) {
  Dim total = 0;
  std::int64_t each = 0;
  NodeNumbers seen;
  std::vector<const Expr*> pending{&root};
  while (!pending.empty()) {
    const Expr& e = *pending.back();
    pending.pop_back();
    const bool met_once = e.node().use_count() == 1;  // only its one parent refers to it
    if (!met_once && !seen.add(e.node().get())) continue;
    if (e->op == Scalar::reduce) {
      const Space inner{&e->axes, &space};
      total += flops_within(e->args[0], inner);
      if (is_float(e->args[0].dtype())) total += points_of(inner);
      continue;
    }
    each += flops_of(e);
    if (e->op == Scalar::read) {
      if (static_cast<int>(e->args.size()) > e->rank) pending.push_back(&e->args.back());
      continue;
    }
    for (const Expr& arg : e->args) pending.push_back(&arg);
  }
  return each == 0 ? total : total + Dim(each) * points_of(space);
}

}  // namespace

Dim flops(const Expr& root) { return flops(root, {}); }
Dim flops(const Expr& root, const std::vector<Axis>& space) { return flops_within(root, {&space, nullptr}); }

Dim flops(const Map& map) {
  Dim total = 0;
  for (const Stage& stage : map.stages) {
    std::vector<Axis> space = map.axes;
    space.insert(space.end(), stage.axes.begin(), stage.axes.end());
    total += flops(stage.value, space);
    if (stage.accumulate != Accumulate::none && is_float(stage.value.dtype())) total += points(space);
  }
  return total;
}

}  // namespace neap
