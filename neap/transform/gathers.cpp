#include "neap/transform/gathers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "neap/base/machine.h"
#include "neap/codegen/access.h"

namespace neap {
namespace {

constexpr double line = 64;  // bytes that come at a time

class Gathers {
 public:
  Gathers(const CostModel& model, const Graph& graph, const Map& map, const std::vector<ValueId>& operands)
      : model_(model), graph_(graph), operands_(operands), axes_(axes_by_id(map)) {
    for (const Stage& stage : map.stages) visit(stage.value, [&](const Expr& e) { add(e); });
  }
  double bytes = 0;

 private:
  void add(const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || e->integer >= static_cast<std::int64_t>(operands_.size())) return;
    const Type& type = graph_.type(operands_[static_cast<std::size_t>(e->integer)]);
    std::set<int> pointing, walking;  // axes that say which row; axes along it
    bool from_data = false;
    for (int i = 0; i < e->rank; ++i) {
      const Expr& index = e->args[static_cast<std::size_t>(i)];
      const std::set<int> used = free_axes(index);
      const bool points = has_read(index);
      from_data |= points;
      (points ? pointing : walking).insert(used.begin(), used.end());
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
  const Graph& graph_;
  const std::vector<ValueId>& operands_;
  const std::map<int, Axis> axes_;
};

// Most maps have no such reads: they cost no more than a look.
bool gathers(const Map& map) {
  bool found = false;
  for (const Stage& stage : map.stages) {
    visit(stage.value, [&](const Expr& e) {
      for (int i = 0; e->op == Scalar::read && !found && i < e->rank; ++i) {
        const Expr& index = e->args[static_cast<std::size_t>(i)];
        found = !index->args.empty() && has_read(index);
      }
    });
  }
  return found;
}

}  // namespace

double gathered_bytes(const CostModel& model, const Graph& graph, const Map& map, const std::vector<ValueId>& operands) {
  return gathers(map) ? Gathers(model, graph, map, operands).bytes : 0;
}

}  // namespace neap
