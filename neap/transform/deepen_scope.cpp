// Runs a scope point by point of further axes that all its loops have (the heads of a batch, the rows of each): its buffers are that much
// smaller, so that what a loop hands on is still in the first cache, or in a register, when the next one reads it.
#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/access.h"
#include "neap/ir/by_node.h"
#include "neap/ir/map_walk.h"
#include "neap/transform/transformation.h"

namespace neap::deepen_scope_transformation {
namespace {

bool is_short(const Dim& run) {
  constexpr std::int64_t line = 16;  // elements
  return run.is_constant() && run.constant() < line;
}

// Where a stage touches a buffer or a value.
struct Touch {
  int operand = 0;  // as reads and targets name it
  std::span<const Expr> index;
  bool is_write = false;
};

std::vector<Touch> touches(const Stage& stage) {
  std::vector<Touch> found{{stage.target, stage.index, true}};
  const auto note = [&](const Expr& e) {
    if (e->op == Scalar::read) found.push_back({static_cast<int>(e->integer), {e->args.data(), static_cast<std::size_t>(e->rank)}, false});
  };
  visit_nodes(stage.value, note);
  for (const Expr& index : stage.index) visit_nodes(index, note);
  return found;
}

// One axis of each stage, and a dimension of each buffer, so that a point of these axes has to do with one point of the dimensions alone.
class CommonAxis {
 public:
  explicit CommonAxis(const Map& map) : map_(map), axes_(map.stages.size(), -1), dimensions_(map.locals.size(), -1) {
    for (const Stage& stage : map.stages) touches_.push_back(touches(stage));
  }

  // Begins with an axis of the first stage; "", or what stands against it.
  std::string find(const Axis& first) {
    extent_ = first.extent;
    axes_[0] = first.id;
    bool changed = true;
    while (changed) {
      changed = false;
      for (std::size_t stage = 0; stage < axes_.size(); ++stage) {
        for (const Touch& touch : touches_[stage]) {
          if (touch.operand >= 0) continue;
          if (!(axes_[stage] < 0 ? take_axis(stage, touch, changed) : take_dimension(stage, touch, changed)))
            return "a loop reads other points of a buffer than it is at";
        }
      }
    }
    return std::count(axes_.begin(), axes_.end(), -1) == 0 ? "" : "not all its loops have to do with each other";
  }

  // Whether each point has elements of its own to write, and touches whole lines.
  std::string check(const Draft& draft, const Node& node) const {
    for (std::size_t stage = 0; stage < axes_.size(); ++stage) {
      if (map_.stages[stage].target >= 0 && map_.stages[stage].accumulate != Accumulate::none) return "it accumulates";
      for (const Touch& touch : touches_[stage]) {
        if (touch.operand < 0) continue;
        const auto operand = static_cast<std::size_t>(touch.operand);
        const Type& type = draft.type(touch.is_write ? node.outputs[operand] : node.inputs[operand]);
        const auto is_own = [&](const Expr& index) { return is_axis(index, axes_[stage]); };
        if (touch.is_write && std::none_of(touch.index.begin(), touch.index.end(), is_own))
          return "it writes at places that are made of the axis and others";
        for (std::size_t dim = 0; dim < touch.index.size(); ++dim) {
          if (uses_axis(touch.index[dim], axes_[stage]) && is_short(run_length(type, static_cast<int>(dim))))
            return "a point of the axis would touch less than lines";
        }
      }
    }
    return "";
  }

  Map deepened() const {
    Map made = map_;
    const auto own = [&](const Axis& each) { return each.id == axes_[0]; };
    Axis axis = *std::find_if(map_.stages[0].axes.begin(), map_.stages[0].axes.end(), own);
    axis.id = highest_axis(map_) + 1;  // another loop may have one of that id, which is not the common one there
    made.axes.push_back(std::move(axis));
    const Expr position = axis_position(made.axes.back());
    for (std::size_t i = 0; i < made.stages.size(); ++i) {
      Stage& stage = made.stages[i];
      std::erase_if(stage.axes, [&](const Axis& each) { return each.id == axes_[i]; });
      for (Expr& index : stage.index) index = substitute_axes(index, {{axes_[i], position}});
      stage.value = substitute_axes(stage.value, {{axes_[i], position}});
      if (stage.target < 0) stage.index.erase(stage.index.begin() + dimension(stage.target));
    }
    rewrite_map(made, [&](const Expr& e) -> Expr {
      if (e->op != Scalar::read || e->integer >= 0) return {};
      std::vector<Expr> index = index_of(e);
      index.erase(index.begin() + dimension(static_cast<int>(e->integer)));
      return read_at(e, e->integer, std::move(index));
    });
    for (std::size_t i = 0; i < made.locals.size(); ++i) {
      if (dimensions_[i] >= 0) made.locals[i].shape.erase(made.locals[i].shape.begin() + dimensions_[i]);
    }
    return made;
  }

 private:
  int dimension(int local) const { return dimensions_[static_cast<std::size_t>(-1 - local)]; }

  // Of a stage, from a buffer whose dimension is known. False where it is at no axis of the stage there.
  bool take_axis(std::size_t stage, const Touch& touch, bool& changed) {
    if (dimension(touch.operand) < 0) return true;
    const Expr& at = touch.index[static_cast<std::size_t>(dimension(touch.operand))];
    const std::vector<Axis>& own = map_.stages[stage].axes;
    if (std::none_of(own.begin(), own.end(), [&](const Axis& axis) { return is_axis(at, axis.id) && axis.extent == extent_; }))
      return false;
    axes_[stage] = static_cast<int>(at->integer);
    return changed = true;
  }

  // Of a buffer, from a stage whose axis is known. False where it is not at that axis there.
  bool take_dimension(std::size_t stage, const Touch& touch, bool& changed) {
    int& dim = dimensions_[static_cast<std::size_t>(-1 - touch.operand)];
    if (dim >= 0) return is_axis(touch.index[static_cast<std::size_t>(dim)], axes_[stage]);
    const auto found = std::find_if(touch.index.begin(), touch.index.end(), [&](const Expr& at) { return is_axis(at, axes_[stage]); });
    if (found == touch.index.end()) return false;
    dim = static_cast<int>(found - touch.index.begin());
    return changed = true;
  }

  const Map& map_;
  Dim extent_;
  std::vector<std::vector<Touch>> touches_;  // by stage
  std::vector<int> axes_;                    // by stage; -1: not known
  std::vector<int> dimensions_;              // by buffer
};

bool has_ragged_axis(const Map& map) {
  const std::map<int, Axis> axes = axes_by_id(map);
  return std::any_of(axes.begin(), axes.end(), [](const auto& axis) { return axis.second.ragged != nullptr; });
}

// "", or what stands against the first axis that there is.
std::string deepen(const Draft& draft, Node& node) {
  std::string first;
  for (const Axis& axis : node.map->stages[0].axes) {
    if (axis.extent == Dim(1)) continue;
    CommonAxis common(*node.map);
    std::string reason = common.find(axis);
    if (reason.empty()) reason = common.check(draft, node);
    if (reason.empty()) {
      node.map = std::make_shared<const Map>(common.deepened());
      return "";
    }
    if (first.empty()) first = std::move(reason);
  }
  return first.empty() ? "its first loop has no other axis" : first;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || !draft.node(at).is_map()) return "there is no map here";
  Node node = draft.node(at);
  if (node.map->locals.empty()) return "it has no buffers";
  if (has_ragged_axis(*node.map)) return "it runs over entries of rows, which are gathered for all their features at once";
  const std::shared_ptr<const Map> before = node.map;
  std::string reason;
  while (reason.empty()) reason = deepen(draft, node);
  if (node.map == before) return reason;
  draft.replace(at, std::move(node));
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (draft.node(at).is_map() && !draft.node(at).map->locals.empty()) sites.push_back({{draft.node(at).outputs[0]}});
  }
  return sites;
}

const RegisterTransformation deepen_scope{
    {.name = "deepen_scope",
     .level = 2,
     .about = "runs a scope point by point of further axes that all its loops have, in smaller buffers",
     .find = find,
     .apply = apply,
     .needs_gain = false}};

}  // namespace
}  // namespace neap::deepen_scope_transformation
