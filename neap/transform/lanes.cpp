#include "neap/transform/lanes.h"

#include <algorithm>
#include <cmath>

#include "neap/codegen/access.h"

namespace neap {
namespace {

constexpr double gathered = 4, at_border = 1.5, vector_width = 8;

struct Touch {
  Expr offset;
  double times = 1;  // a point of the map's axes
  bool guarded = false;
};

std::vector<Touch> touches_of(const CostModel& model, const Graph& graph, const Node& node) {
  std::vector<Touch> all;
  const auto look = [&](const auto& self, const Expr& e, double times) -> void {
    double inner = times;
    for (const Axis& axis : e->axes) inner *= std::max(1.0, model.evaluate(axis.extent));
    if (e->op == Scalar::read && e->integer >= 0) {
      const Type& type = graph.type(node.inputs[static_cast<std::size_t>(e->integer)]);
      all.push_back({storage_offset(type, index_of(e)), times, has_outside(e)});
    }
    for (const Expr& arg : e->args) self(self, arg, inner);
  };
  for (const Stage& stage : node.map->stages) {
    if (stage.target < 0) continue;
    all.push_back({storage_offset(graph.type(node.outputs[static_cast<std::size_t>(stage.target)]), stage.index), 1, false});
    look(look, stage.value, 1);
  }
  return all;
}

double penalty(const Touch& touch, int axis) {
  const std::optional<Dim> step = coefficient_of(touch.offset, axis);
  if (!step) return gathered;
  if (*step == Dim(0)) return 1;
  return *step == Dim(1) ? (touch.guarded ? at_border : 1) : gathered;
}

}  // namespace

double lanes_factor(const CostModel& model, const Graph& graph, const Node& node) {
  const std::vector<Touch> touches = touches_of(model, graph, node);
  double total = 0, best = gathered;
  for (const Touch& touch : touches) total += touch.times;
  for (const Axis& axis : node.map->axes) {
    const double extent = model.evaluate(axis.extent);
    if (axis.ragged != nullptr || extent < vector_width / 2) continue;
    double weighted = 0;
    for (const Touch& touch : touches) weighted += touch.times * penalty(touch, axis.id);
    const double filled = std::ceil(extent / vector_width) * vector_width / extent;
    best = std::min(best, weighted / total * filled);
  }
  return std::max(1.0, best);
}

}  // namespace neap
