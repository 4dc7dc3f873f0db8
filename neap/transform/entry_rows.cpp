#include "neap/transform/entry_rows.h"

#include <algorithm>

#include "neap/ir/map_walk.h"
#include "neap/transform/edge_maps.h"

namespace neap {
namespace {

class RowScope {
 public:
  RowScope(const Draft& draft, const Node& node) : draft_(draft), node_(node), map_(*node.map), next_axis_(highest_axis(map_) + 1) {}

  Node run() {
    Map made{{map_.axes[0]}, {}, {}};
    std::vector<Stage> results;
    for (const Stage& stage : map_.stages) {
      Stage inside = stage;
      inside.value = without_buffers(stage.value);
      if (stage.target < 0) {
        buffered_.push_back(std::move(inside));
        continue;
      }
      results.push_back(sum(made, std::move(inside)));
    }
    made.stages.insert(made.stages.end(), results.begin(), results.end());
    Node rows = node_;
    rows.map = std::make_shared<const Map>(std::move(made));
    rows.schedule = {};
    return rows;
  }

 private:
  // The stage that sums into a buffer of the row; gives the one that stores the sums.
  Stage sum(Map& made, Stage stage) const {
    const Type& type = draft_.type(node_.outputs[static_cast<std::size_t>(stage.target)]);
    Stage result{{}, stage.target, stage.index, {}, Accumulate::none};
    for (const Axis& axis : stage.axes) {
      if (std::any_of(stage.index.begin(), stage.index.end(), [&](const Expr& index) { return uses_axis(index, axis.id); }))
        result.axes.push_back(axis);
    }
    stage.target = -1 - static_cast<int>(made.locals.size());
    made.locals.push_back({type.dtype, Shape(type.shape.begin() + 1, type.shape.end())});
    stage.index.erase(stage.index.begin());
    stage.axes.insert(stage.axes.begin(), map_.axes[1]);
    result.value = read(stage.target, type.dtype, stage.index);
    made.stages.push_back(std::move(stage));
    return result;
  }

  Expr without_buffers(const Expr& value) {
    return rewrite(value, [&](const Expr& e) -> Expr {
      if (e->op != Scalar::read || e->integer >= 0) return {};
      const Stage& maker =
          *std::find_if(buffered_.begin(), buffered_.end(), [&](const Stage& stage) { return stage.target == e->integer; });
      std::map<int, Expr> positions;
      for (std::size_t d = 0; d < maker.index.size(); ++d) positions.emplace(static_cast<int>(maker.index[d]->integer), e->args[d]);
      std::vector<Axis> summed;
      for (Axis axis : maker.axes) {
        if (positions.count(axis.id) != 0) continue;
        const int id = axis.id;
        axis.id = next_axis_++;
        positions.emplace(id, axis_position(axis));
        summed.push_back(std::move(axis));
      }
      const Expr here = substitute_axes(maker.value, positions);
      return summed.empty() ? here : reduce(reduction_of(maker.accumulate), std::move(summed), here);
    });
  }

  const Draft& draft_;
  const Node& node_;
  const Map& map_;
  int next_axis_;
  std::vector<Stage> buffered_;  // by buffers, which they make of nothing that is in one
};

}  // namespace

bool is_entry_pass(const Draft& draft, const Node& node) {
  const Map& map = *node.map;
  if (map.axes.size() != 2 || map.axes[0].ragged != nullptr || map.axes[1].ragged == nullptr) return false;
  const RowEntries entries = row_entries(map.axes[1]);
  if (entries.offsets < 0 || entries.row != map.axes[0].id) return false;
  std::set<int> written;
  return std::all_of(map.stages.begin(), map.stages.end(), [&](const Stage& stage) {
    const std::size_t from = stage.target < 0 ? 0 : 1;
    const auto is_axis_of = [&](const Expr& index) {
      return index->op == Scalar::axis &&
             std::any_of(stage.axes.begin(), stage.axes.end(), [&](const Axis& axis) { return axis.id == index->integer; });
    };
    if (!written.insert(stage.target).second ||
        !std::all_of(stage.index.begin() + static_cast<std::ptrdiff_t>(from), stage.index.end(), is_axis_of))
      return false;
    if (stage.target < 0) {
      const bool sums = std::any_of(stage.axes.begin(), stage.axes.end(), [&](const Axis& axis) {
        return std::none_of(stage.index.begin(), stage.index.end(), [&](const Expr& index) { return index->integer == axis.id; });
      });
      return sums == (stage.accumulate != Accumulate::none);
    }
    const Type& type = draft.type(node.outputs[static_cast<std::size_t>(stage.target)]);
    return stage.accumulate != Accumulate::none && !stage.index.empty() && stage.index[0]->op == Scalar::axis &&
           stage.index[0]->integer == map.axes[0].id && type.layout.row_major() &&
           std::all_of(type.shape.begin() + 1, type.shape.end(), [](const Dim& size) { return size.is_constant(); });
  });
}

Node as_rows(const Draft& draft, const Node& entry_pass) { return RowScope(draft, entry_pass).run(); }

}  // namespace neap
