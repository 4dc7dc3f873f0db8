#include "neap/codegen/entry_loops.h"

#include <algorithm>
#include <map>
#include <set>

#include "neap/codegen/access.h"
#include "neap/codegen/sums_apart.h"
#include "neap/ir/map_walk.h"

namespace neap {
namespace {

constexpr std::int64_t least_flops = 4;  // of what is worth a buffer

bool same_entries(const Axis& a, const Axis& b) {
  return a.extent == b.extent && same(a.ragged->first, b.ragged->first) && same(a.ragged->second, b.ragged->second);
}

bool same_sizes(const std::vector<Axis>& a, const std::vector<Axis>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Axis& x, const Axis& y) { return x.ragged == nullptr && y.ragged == nullptr && x.extent == y.extent; });
}

std::vector<Expr> positions_of(const std::vector<Axis>& axes) {
  std::vector<Expr> index;
  for (const Axis& axis : axes) index.push_back(axis_position(axis));
  return index;
}

// The stages of one loop, with what is computed apart.
class EntryStages {
 public:
  EntryStages(Map& map, std::vector<Stage> stages) : map_(map), stages_(std::move(stages)), next_axis_(highest_axis(map) + 1) {}

  std::vector<Stage> run() {
    for (const Stage& stage : stages_) look(stage, stage.value);
    std::stable_sort(apart_.begin(), apart_.end(), [](const Apart& a, const Apart& b) { return a.flops < b.flops; });
    std::vector<Stage> made;
    for (Apart& one : apart_) {
      one.local = -1 - static_cast<int>(map_.locals.size());
      Local local{one.value.dtype(), {}};
      for (const Axis& axis : one.axes) local.shape.push_back(axis.extent);
      map_.locals.push_back(std::move(local));
    }
    for (std::size_t i = 0; i < apart_.size(); ++i) {
      made.push_back({apart_[i].axes, apart_[i].local, positions_of(apart_[i].axes), with_buffers(apart_[i].value, apart_[i].axes, i)});
    }
    for (Stage& stage : stages_) {
      stage.value = with_buffers(stage.value, stage.axes, apart_.size());
      made.push_back(std::move(stage));
    }
    return made;
  }

 private:
  struct Apart {
    Expr value;
    std::vector<Axis> axes;
    std::int64_t flops = 0;
    int local = 0;
  };

  // The axes of a stage that a part of its value depends on.
  static std::vector<Axis> axes_of(const Expr& part, const std::vector<Axis>& axes) {
    const std::set<int> used = free_axes(part);
    std::vector<Axis> own;
    std::copy_if(axes.begin(), axes.end(), std::back_inserter(own), [&](const Axis& axis) { return used.count(axis.id) != 0; });
    return own;
  }

  // Parts with fewer axes, the largest first; not those that a condition makes legal.
  void look(const Stage& stage, const Expr& part) {
    if (part->op == Scalar::read || part->op == Scalar::reduce || part->args.empty()) return;
    const std::vector<Axis> own = axes_of(part, stage.axes);
    if (!own.empty() && own.size() < stage.axes.size()) {
      add(part, own);
      return;
    }
    for (std::size_t i = 0; i < (part->op == Scalar::select ? 1 : part->args.size()); ++i) look(stage, part->args[i]);
  }

  void add(const Expr& part, const std::vector<Axis>& own) {
    const Dim work = flops(part);
    const bool is_plain = std::all_of(own.begin(), own.end(), [](const Axis& a) { return a.ragged == nullptr && a.extent.is_constant(); });
    if (!is_plain || !is_float(part.dtype()) || !work.is_constant() || work.constant() < least_flops) return;
    const std::vector<Axis> axes = shared_axes(own);
    const Expr value = on_axes(part, own, axes);
    if (std::any_of(apart_.begin(), apart_.end(), [&](const Apart& one) { return same_sizes(one.axes, axes) && same(one.value, value); }))
      return;
    apart_.push_back({value, axes, work.constant()});
  }

  static Expr on_axes(const Expr& part, const std::vector<Axis>& from, const std::vector<Axis>& to) {
    std::map<int, Expr> positions;
    for (std::size_t i = 0; i < from.size(); ++i) positions.emplace(from[i].id, axis_position(to[i]));
    return substitute_axes(part, positions);
  }

  // Axes of these sizes that a stage has already, so that they share a nest.
  std::vector<Axis> shared_axes(const std::vector<Axis>& own) {
    for (const Apart& one : apart_) {
      if (same_sizes(one.axes, own)) return one.axes;
    }
    for (const Stage& stage : stages_) {
      if (same_sizes(stage.axes, own)) return stage.axes;
    }
    std::vector<Axis> axes = own;
    for (Axis& axis : axes) axis.id = next_axis_++;
    return axes;
  }

  // What is in one of the first buffers is read from there, on whichever axes it stands.
  Expr with_buffers(Expr value, const std::vector<Axis>& axes, std::size_t count) const {
    for (std::size_t i = count; i-- > 0;) {
      const Apart& one = apart_[i];
      value = rewrite(value, [&](const Expr& e) -> Expr {
        if (e->op != one.value->op || e.dtype() != one.value.dtype()) return {};
        const std::vector<Axis> own = axes_of(e, axes);
        if (!same_sizes(own, one.axes) || !same(on_axes(e, own, one.axes), one.value)) return {};
        return read(one.local, e.dtype(), positions_of(own));
      });
    }
    return value;
  }

  Map& map_;
  std::vector<Stage> stages_;
  std::vector<Apart> apart_;
  int next_axis_ = 0;
};

// Whether a stage may run in the loop of those ahead of it: it needs nothing that they make.
bool joins(const std::vector<Stage>& stages, std::size_t from, std::size_t to, const Axis& axis) {
  const Stage& stage = stages[to];
  if (!runs_over_entries(stage) || stage.axes[0].id != axis.id) return false;
  bool waits = false;
  const auto look = [&](const Expr& e) {
    for (std::size_t s = from; s < to; ++s) waits |= e->op == Scalar::read && e->integer < 0 && e->integer == stages[s].target;
  };
  visit(stage.value, look);
  for (const Expr& index : stage.index) visit(index, look);
  return !waits && stage.accumulate != Accumulate::none;
}

// Sums apart of stages alone, whose new axes are none of the map's.
void append(Map& map, const std::vector<Axis>& around, std::vector<Stage> stages, const std::vector<Type>& inputs, int width) {
  if (stages.empty()) return;
  Map part{around, map.locals, std::move(stages)};
  part = with_sums_apart(part, inputs, width);
  map.locals = std::move(part.locals);
  map.stages.insert(map.stages.end(), part.stages.begin(), part.stages.end());
}

}  // namespace

bool runs_over_entries(const Stage& stage) { return !stage.axes.empty() && stage.axes[0].ragged != nullptr; }

bool has_entry_loops(const Map& map) { return std::any_of(map.stages.begin(), map.stages.end(), runs_over_entries); }

ScopeLoops scope_loops(const Map& map, const std::vector<Type>& inputs, int width) {
  if (!has_entry_loops(map)) return {with_sums_apart(map, inputs, width), {}};
  ScopeLoops made{{map.axes, map.locals, {}}, {}};
  const std::vector<Stage>& stages = map.stages;
  std::vector<Stage> between;
  for (std::size_t from = 0; from < stages.size();) {
    if (!runs_over_entries(stages[from])) {
      between.push_back(stages[from++]);
      continue;
    }
    append(made.map, map.axes, std::move(between), inputs, width);
    between.clear();
    EntryLoop loop{stages[from].axes[0], made.map.stages.size(), 0, {}};
    const int own = loop.axis.id;
    for (const EntryLoop& other : made.loops) {
      if (same_entries(other.axis, loop.axis)) loop.axis = other.axis;
    }
    std::size_t to = from + 1;
    while (to < stages.size() && joins(stages, from, to, stages[from].axes[0])) ++to;
    std::vector<Stage> inside;
    for (; from < to; ++from) {
      Stage stage = stages[from];
      stage.axes.erase(stage.axes.begin());
      stage.value = substitute_axes(stage.value, {{own, axis_position(loop.axis)}});
      for (Expr& index : stage.index) index = substitute_axes(index, {{own, axis_position(loop.axis)}});
      inside.push_back(std::move(stage));
    }
    const std::size_t locals = made.map.locals.size();
    Map whole = map;  // whose axes new ones must not be
    whole.locals = made.map.locals;
    inside = EntryStages(whole, std::move(inside)).run();
    made.map.locals = whole.locals;
    std::vector<Axis> around = map.axes;
    around.push_back(loop.axis);
    append(made.map, around, std::move(inside), inputs, width);
    for (std::size_t k = locals; k < made.map.locals.size(); ++k) loop.locals.push_back(-1 - static_cast<int>(k));
    loop.to = made.map.stages.size();
    made.loops.push_back(std::move(loop));
  }
  append(made.map, map.axes, std::move(between), inputs, width);
  return made;
}

}  // namespace neap
