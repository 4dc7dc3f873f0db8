#include "neap/transform/gathers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "neap/base/machine.h"

namespace neap {
namespace {

constexpr double line = 64;  // bytes that come at a time

bool reads(const Expr& e) {
  bool found = false;
  visit(e, [&](const Expr& x) { found |= x->op == Scalar::read; });
  return found;
}

std::set<int> axes_in(const Expr& e) {
  std::set<int> axes;
  visit(e, [&](const Expr& x) {
    if (x->op == Scalar::axis) axes.insert(static_cast<int>(x->integer));
  });
  return axes;
}

class Gathers {
 public:
  Gathers(const CostModel& model, const Map& map, const std::vector<Type>& operands) : model_(model), operands_(operands) {
    for (const Axis& axis : map.axes) axes_[axis.id] = axis;
    for (const Stage& stage : map.stages) {
      for (const Axis& axis : stage.axes) axes_[axis.id] = axis;
      visit(stage.value, [&](const Expr& e) {
        for (const Axis& axis : e->axes) axes_[axis.id] = axis;
      });
    }
    for (const Stage& stage : map.stages) visit(stage.value, [&](const Expr& e) { add(e); });
  }
  double bytes = 0;

 private:
  void add(const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || e->integer >= static_cast<std::int64_t>(operands_.size())) return;
    const Type& type = operands_[static_cast<std::size_t>(e->integer)];
    std::set<int> pointing, walking;  // axes that say which row; axes along it
    bool from_data = false;
    for (int i = 0; i < e->rank; ++i) {
      const Expr& index = e->args[static_cast<std::size_t>(i)];
      const std::set<int> used = axes_in(index);
      from_data |= reads(index);
      (reads(index) ? pointing : walking).insert(used.begin(), used.end());
    }
    if (!from_data || model_.bytes(type) <= static_cast<double>(machine().l2_bytes)) return;
    double row = size_of(type.dtype);
    std::vector<Axis> space;
    for (const int id : pointing) space.push_back(axes_.at(id));
    for (const int id : walking) {
      if (pointing.count(id) == 0) row *= model_.evaluate(axes_.at(id).extent);
    }
    bytes += model_.evaluate(points(space)) * std::ceil(row / line) * line;
  }

  const CostModel& model_;
  const std::vector<Type>& operands_;
  std::map<int, Axis> axes_;
};

}  // namespace

bool gathers(const Map& map) {
  bool found = false;
  for (const Stage& stage : map.stages) {
    visit(stage.value, [&](const Expr& e) {
      for (int i = 0; e->op == Scalar::read && !found && i < e->rank; ++i) {
        const Expr& index = e->args[static_cast<std::size_t>(i)];
        found = !index->args.empty() && reads(index);
      }
    });
  }
  return found;
}

double gathered_bytes(const CostModel& model, const Map& map, const std::vector<Type>& operands) {
  return Gathers(model, map, operands).bytes;
}

}  // namespace neap
