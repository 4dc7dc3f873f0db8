#include "neap/transform/gathers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "neap/codegen/emitter.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

constexpr double line = 64;  // bytes that come at a time
// Bytes a second, in those of a stream's copy: rows are fetched ahead, so that many are on their way at once. Measured on rows of 64 bytes
// to 2 KB, on one core and two.
constexpr double from_near = 4, from_far = 2.5, from_memory = 1.5;
// What of a table the caches of today's cores hold; of the last cache, others have their part.
constexpr double most_near = 1 << 20, most_far = 16 << 20;

double gather_rate(double table_bytes) { return table_bytes <= most_near ? from_near : table_bytes <= most_far ? from_far : from_memory; }

class Gathers {
 public:
  Gathers(const CostModel& model, const Graph& graph, const Map& map, const std::vector<ValueId>& operands)
      : model_(model),
        graph_(graph),
        map_(map),
        operands_(operands),
        axes_(axes_by_id(map)),
        emit_(map, types_of(graph, operands), {}, symbols_, Isa::avx2) {
    for (const Stage& stage : map.stages) visit(stage.value, [&](const Expr& e) { add(stage, e); });
  }
  double bytes = 0;

 private:
  void add(const Stage& stage, const Expr& e) {
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
    if (!from_data) return;
    double elements = 1;
    std::vector<Axis> space;
    for (const int id : pointing) {
      space.push_back(axes_.at(id));
      walking.erase(id);
    }
    for (const int id : walking) elements *= model_.evaluate(axes_.at(id).extent);
    const double lines = by_element(stage, pointing, walking) ? elements : std::ceil(elements * size_of(type.dtype) / line);
    bytes += model_.evaluate(points(space)) * lines * line / gather_rate(model_.bytes(type));
  }

  // Whether a sum over rows is made for one element of them after the other, as no vectors can run along them: each element then brings
  // a line of its own.
  bool by_element(const Stage& stage, const std::set<int>& pointing, const std::set<int>& walking) {
    const auto is_own = [&](int id) {
      const auto named = [&](const std::vector<Axis>& axes) {
        return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.id == id; });
      };
      return named(map_.axes) || named(stage.axes);
    };
    const auto carries_vectors = [&](int id) {
      std::optional<DType> dtype;
      return !is_own(id) || emit_.vectorises(stage.value, id, dtype);
    };
    return !std::all_of(pointing.begin(), pointing.end(), is_own) && std::none_of(walking.begin(), walking.end(), carries_vectors);
  }

  const CostModel& model_;
  const Graph& graph_;
  const Map& map_;
  const std::vector<ValueId>& operands_;
  const std::map<int, Axis> axes_;
  const std::vector<std::string> symbols_;  // none is named: sizes are not written out
  Emitter emit_;
};

}  // namespace

bool is_gather(const Expr& read) {
  return std::any_of(read->args.begin(), read->args.begin() + read->rank,
                     [](const Expr& index) { return !index->args.empty() && has_read(index); });
}

double gathered_bytes(const CostModel& model, const Graph& graph, const Map& map, const std::vector<ValueId>& operands) {
  return Gathers(model, graph, map, operands).bytes;
}

}  // namespace neap
