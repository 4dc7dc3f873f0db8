#include "neap/transform/lanes.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "neap/codegen/emitter.h"
#include "neap/ir/map_walk.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

constexpr double gathered = 6, at_border = 1.5, across_lanes = 1.5, vector_width = 8;
constexpr double element_by_element = 12;  // sums that no vectors can make
constexpr double tested = 8;               // beside that, where each load is tested for standing outside of what it reads
constexpr double folded = 200;             // loads that folding the lanes of one sum takes as long as
constexpr double shortest_vectors = vector_width / 2;

struct Touch {
  Expr offset;
  double times = 1;       // a point of the stage
  std::set<int> reduced;  // axes of the reductions that it stands in
  bool guarded = false, free = false, in_memory = false;
};

class Stages {
 public:
  Stages(const CostModel& model, const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
         const std::vector<bool>& free)
      : model_(model), map_(map), inputs_(inputs), outputs_(outputs), free_(free), emit_(map, inputs, outputs, symbols_, Isa::avx2) {}

  LanesFactors factors() {
    LanesFactors made;
    double total = 0, stretched = 0, in_memory = 0, stretched_in_memory = 0;
    for (const Stage& stage : map_.stages) {
      const std::vector<Touch> touches = touches_of(stage);
      double points = 1, weight = 0, memory = 0;
      for (const Axis& axis : stage.axes) points *= model_.evaluate(axis.extent);
      for (const Touch& touch : touches) {
        weight += points * touch.times;
        memory += touch.in_memory ? points * touch.times : 0;
      }
      const double factor = this->factor(stage, is_scope(map_) ? stage.axes : map_.axes, touches);
      made.stages.push_back(factor);
      total += weight;
      stretched += weight * factor;
      in_memory += memory;
      stretched_in_memory += memory * factor;
    }
    if (total > 0) made.all = stretched / total;
    if (in_memory > 0) made.memory = stretched_in_memory / in_memory;
    return made;
  }

 private:
  Type type_of(std::int64_t operand) const {
    if (operand >= 0) return inputs_[static_cast<std::size_t>(operand)];
    const Local& local = map_.locals[static_cast<std::size_t>(-1 - operand)];
    return {local.dtype, local.shape, {}};
  }

  void look(const Expr& e, double times, std::set<int> reduced, std::vector<Touch>& found) const {
    if (e->op == Scalar::read) {
      const auto operand = static_cast<std::size_t>(std::max<std::int64_t>(e->integer, 0));
      const bool free = e->integer >= 0 && operand < free_.size() && free_[operand];
      found.push_back({storage_offset(type_of(e->integer), index_of(e)), times, reduced, has_outside(e), free, e->integer >= 0});
    }
    for (const Axis& axis : e->axes) {
      times *= std::max(1.0, model_.evaluate(axis.extent));
      reduced.insert(axis.id);
    }
    for (const Expr& arg : e->args) look(arg, times, reduced, found);
  }

  std::vector<Touch> touches_of(const Stage& stage) const {
    std::vector<Touch> all;
    const Type target = stage.target >= 0 ? outputs_[static_cast<std::size_t>(stage.target)] : type_of(stage.target);
    all.push_back({storage_offset(target, stage.index), 1, {}, false, false, stage.target >= 0});
    look(stage.value, 1, {}, all);
    return all;
  }

  static double penalty(const Touch& touch, int axis) {
    const std::optional<Dim> step = coefficient_of(touch.offset, axis);
    if (touch.free) return 1;
    if (!step) return gathered;
    if (*step == Dim(0)) return 1;
    return *step == Dim(1) ? (touch.guarded ? at_border : 1) : gathered;
  }

  // With vectors along one axis; what stands outside of a reduction along it runs element by element.
  double along(const Axis& axis, bool reduction, const std::vector<Touch>& touches) const {
    const double extent = model_.evaluate(axis.extent);
    if (axis.ragged != nullptr || extent < shortest_vectors) return gathered;
    double total = 0, weighted = reduction ? folded : 0;
    for (const Touch& touch : touches) {
      total += touch.times;
      const bool outside = reduction && touch.reduced.count(axis.id) == 0;
      weighted += touch.times * (outside ? gathered : penalty(touch, axis.id) * (reduction ? across_lanes : 1));
    }
    return weighted / total * std::ceil(extent / vector_width) * vector_width / extent;
  }

  // A sum is made in vectors only along an axis along which all of it can be.
  bool may_run_along(const Expr& value, const Axis& axis) {
    std::optional<DType> dtype;
    return emit_.vectorises(value, axis.id, dtype);
  }

  // A ragged axis goes its own way at each point of the axes that its bounds depend on.
  static bool bounds_another(const Axis& axis, const std::vector<Axis>& axes) {
    return std::any_of(axes.begin(), axes.end(), [&](const Axis& other) {
      return other.ragged != nullptr && (uses_axis(other.ragged->first, axis.id) || uses_axis(other.ragged->second, axis.id));
    });
  }

  double factor(const Stage& stage, const std::vector<Axis>& axes, const std::vector<Touch>& touches) {
    bool sums = false;
    visit(stage.value, [&](const Expr& e) { sums |= e->op == Scalar::reduce; });
    double best = sums ? element_by_element : gathered;
    for (const Axis& axis : axes) {
      if (bounds_another(axis, axes)) continue;
      if (!sums || may_run_along(stage.value, axis)) best = std::min(best, along(axis, false, touches));
    }
    visit(stage.value, [&](const Expr& e) {
      for (const Axis& axis : e->axes) {
        if (may_run_along(e->args[0], axis)) best = std::min(best, along(axis, true, touches));
      }
    });
    // Windows at places that are read themselves (of filters that are stored sparsely): no axis runs in vectors.
    const bool each_is_tested = std::any_of(touches.begin(), touches.end(), [](const Touch& t) { return t.guarded && has_read(t.offset); });
    return each_is_tested ? std::max(best, element_by_element * tested) : std::max(1.0, best);
  }

  const CostModel& model_;
  const Map& map_;
  const std::vector<Type>&inputs_, &outputs_;
  const std::vector<bool>& free_;
  const std::vector<std::string> symbols_;  // none is named: sizes are not written out
  Emitter emit_;
};

}  // namespace

LanesFactors lanes_factors(const CostModel& model, const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                           const std::vector<bool>& free) {
  return Stages(model, map, inputs, outputs, free).factors();
}

double lanes_factor(const CostModel& model, const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                    const std::vector<bool>& free) {
  return lanes_factors(model, map, inputs, outputs, free).all;
}

}  // namespace neap
