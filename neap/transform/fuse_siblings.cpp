// Runs two maps over one iteration space in one pass: siblings that read the same value (its second reading is saved), and reductions in
// the map that makes what they reduce (batch-norm statistics, pooled sums: the value is never read back). A reduction joins as an
// accumulating stage; what is computed from its result becomes a small map behind.
#include <algorithm>

#include "neap/base/error.h"
#include "neap/ir/map_nodes.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/neighbours.h"
#include "neap/transform/transformation.h"

namespace neap::fuse_siblings_transformation {
namespace {

constexpr std::size_t most_operands = 24, most_stages = 8;
constexpr std::size_t most_readers = 32;  // of a value whose readers are paired: more have a small value, such as a constant, in common

// The outermost reductions of an expression (what stands around them is done once an element of the result).
void outer_reductions(const Expr& value, std::vector<Expr>& found) {
  if (value->op == Scalar::reduce) {
    if (std::none_of(found.begin(), found.end(), [&](const Expr& e) { return same(e, value); })) found.push_back(value);
    return;
  }
  if (value->op == Scalar::read) return;
  for (const Expr& arg : value->args) outer_reductions(arg, found);
}

// A map in the form in which it can join another: all its loops are the map's own axes, and reductions accumulate.
struct Joinable {
  OpenMap open;
  std::vector<Node> behind;  // small maps from accumulated sums to the results
  std::vector<Type> sums;    // types of new values, in order; their ids are handed out by `new_values`
  std::vector<ValueId> new_values;
};

// Window-sized reductions (a convolution's taps) stay inside their expression.
constexpr std::int64_t smallest_streamed_reduction = 64;

bool streams(const Expr& reduction) {
  Dim size = 1;
  for (const Axis& axis : reduction->axes) size *= axis.extent;
  return !size.is_constant() || size.constant() >= smallest_streamed_reduction;
}

// Turns stages whose value contains a streamed reduction into accumulating ones. `next_value` numbers the sums that need a value of their
// own.
std::string make_joinable(const Draft& draft, Opener& opener, const Node& node, ValueId next_value, Joinable& made) {
  made.open = opener.open(node);
  Map& map = made.open.map;
  std::vector<Stage> stages;
  std::vector<Axis> space = map.axes;
  bool extended = false;
  for (Stage& stage : map.stages) {
    std::vector<Expr> reductions;
    outer_reductions(stage.value, reductions);
    std::erase_if(reductions, [](const Expr& e) { return !streams(e); });
    if (reductions.empty() || stage.accumulate != Accumulate::none) {
      stages.push_back(std::move(stage));
      continue;
    }
    if (map.stages.size() > 1) return "it reduces in several stages";
    std::string reason;
    const ValueId result = stage.target;
    if (!pointwise_axes(map, stage, draft.type(result), reason)) return reason;
    const std::vector<Axis> inner = reductions[0]->axes;
    for (const Expr& e : reductions) {
      if (!accumulation_of(e->reduction)) return fmt::format("it reduces by {}", name(e->reduction));
      if (e->axes.size() != inner.size()) return "its reductions run over different axes";
      for (std::size_t i = 0; i < inner.size(); ++i) {
        if (!(e->axes[i].extent == inner[i].extent)) return "its reductions run over different axes";
        if (e->axes[i].ragged != nullptr) return "it reduces over a ragged axis";
      }
    }
    space.insert(space.end(), inner.begin(), inner.end());
    extended = true;
    const bool plain = reductions.size() == 1 && same(reductions[0], stage.value);
    OpenMap tail{{map.axes, {}, {}}, made.open.origin, {}};
    Stage last = stage;
    std::vector<std::pair<Expr, Expr>> replaced;
    for (const Expr& e : reductions) {
      std::map<int, Expr> position;
      for (std::size_t i = 0; i < inner.size(); ++i) position.emplace(e->axes[i].id, axis_position(inner[i]));
      Stage sum = stage;
      sum.value = substitute_axes(e->args[0], position);
      sum.accumulate = *accumulation_of(e->reduction);
      if (!plain) {
        Type type = draft.type(result);
        type.dtype = e.dtype();
        sum.target = next_value + static_cast<ValueId>(made.sums.size());
        made.sums.push_back(type);
        made.new_values.push_back(sum.target);
        replaced.emplace_back(e, read(opener.operand(sum.target), e.dtype(), stage.index));
      }
      stages.push_back(std::move(sum));
    }
    if (!plain) {
      last.value = with_replaced(last.value, replaced);
      tail.map.stages = {last};
      made.behind.push_back(opener.close(std::move(tail)));
    }
  }
  if (extended && stages.size() > 1) {
    // Every stage runs at each point of the space: one that writes point by point may not be repeated.
    for (const Stage& stage : stages) {
      if (stage.accumulate == Accumulate::none) return "it mixes reductions with results";
    }
  }
  map.axes = std::move(space);
  map.stages = std::move(stages);
  for (const Axis& axis : map.axes) {
    if (axis.ragged != nullptr) return "it runs over a ragged axis";
  }
  return "";
}

// Axis ids of `map` at each dimension of `value`, where the map reads or writes it with every index an axis of its own (-1: size one).
std::optional<std::vector<int>> whole_access(const OpenMap& open, ValueId value, int operand, const Type& type) {
  std::optional<std::vector<int>> found;
  const auto consider = [&](const Expr* index) {
    if (found) return;
    std::vector<int> at;
    const auto taken = [&](int axis) { return std::find(at.begin(), at.end(), axis) != at.end(); };
    for (std::size_t i = 0; i < type.shape.size(); ++i) {
      int axis = -1;
      if (index[i]->op == Scalar::axis) {
        axis = static_cast<int>(index[i]->integer);
      } else {
        const Affine a = affine(index[i]);
        if (!a.affine || a.coefficients.size() > 1 || !(a.rest == Dim(0))) return;
        if (a.coefficients.empty()) {
          if (!(type.shape[i] == Dim(1))) return;
          at.push_back(-1);
          continue;
        }
        if (!(a.coefficients.begin()->second == Dim(1))) return;
        axis = a.coefficients.begin()->first;
      }
      const auto known = std::find_if(open.map.axes.begin(), open.map.axes.end(), [&](const Axis& x) { return x.id == axis; });
      if (known == open.map.axes.end() || !(known->extent == type.shape[i]) || taken(axis)) return;
      at.push_back(axis);
    }
    for (const Axis& axis : open.map.axes) {
      if (!taken(axis.id) && !(axis.extent == Dim(1))) return;
    }
    found = std::move(at);
  };
  for (const Stage& stage : open.map.stages) {
    if (stage.target == value && stage.accumulate == Accumulate::none) consider(stage.index.data());
  }
  visit_map_nodes(open.map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer == operand) consider(e->args.data());
  });
  return found;
}

struct Pair {
  int first = -1, second = -1;
  Opener opener;
  Joinable a, b;
  std::map<int, Expr> axis_of;  // axes of b as axes of a
};

std::string plan(const Draft& draft, const Site& site, Pair& pair) {
  if (site.at.size() != 2) return "a pair of nodes is wanted";
  pair.first = draft.producer(site.at[0]);
  pair.second = draft.producer(site.at[1]);
  if (pair.first < 0 || pair.second < 0) return "a node is gone";
  if (pair.first == pair.second) return "they are one node already";
  if (draft.before(pair.second, pair.first)) std::swap(pair.first, pair.second);
  const Node &one = draft.node(pair.first), &two = draft.node(pair.second);
  if (!one.is_map() || !two.is_map()) return fmt::format("{} is a library call", one.is_map() ? two.op : one.op);
  if (one.inputs.size() + two.inputs.size() > most_operands) return "the fused map would have too many operands";
  if (one.map->stages.size() + two.map->stages.size() > most_stages) return "the fused map would have too many stages";
  if (is_scope(*one.map) || is_scope(*two.map)) return "one is a scope";
  if (draft.depends_through_others(pair.first, pair.second)) return "other nodes stand between them";
  Opener& opener = pair.opener;
  if (std::string reason = make_joinable(draft, opener, one, draft.value_count(), pair.a); !reason.empty()) return reason;
  const auto fresh = draft.value_count() + static_cast<ValueId>(pair.a.sums.size());
  if (std::string reason = make_joinable(draft, opener, two, fresh, pair.b); !reason.empty()) return reason;

  // A value that both touch over their whole space says which axis is which.
  std::vector<ValueId> shared(one.inputs);
  shared.insert(shared.end(), one.outputs.begin(), one.outputs.end());
  for (const ValueId value : shared) {
    if (value == no_value || std::find(two.inputs.begin(), two.inputs.end(), value) == two.inputs.end()) continue;
    const int operand = opener.find_operand(value);
    const Type& type = draft.type(value);
    const auto at = whole_access(pair.a.open, value, operand, type), bt = whole_access(pair.b.open, value, operand, type);
    if (!at || !bt) continue;
    pair.axis_of.clear();
    for (std::size_t i = 0; i < at->size(); ++i) {
      if ((*bt)[i] < 0) continue;
      Axis axis;
      axis.id = (*at)[i];
      pair.axis_of.emplace((*bt)[i], (*at)[i] < 0 ? Expr(0) : axis_position(axis));
    }
    for (const Axis& axis : pair.b.open.map.axes) pair.axis_of.emplace(axis.id, Expr(0));  // axes of size one that the value does not have
    break;
  }
  if (pair.axis_of.empty() && !pair.b.open.map.axes.empty()) return "they share no value that both run over";

  for (const ValueId value : one.outputs) {
    if (is_position(pair.b.open.map, opener.find_operand(value))) return "the second takes the first's result for a position";
  }
  // What the second reads of the first's results must be at the same point, and not a sum that is still being made.
  std::string reason;
  visit_map_nodes(pair.b.open.map, [&](const Expr& e) {
    if (!opener.reads_one_of(e, one.outputs)) return;
    for (const Stage& stage : pair.a.open.map.stages) {
      if (stage.target != opener.value(e->integer)) continue;
      bool same_point = stage.accumulate == Accumulate::none && static_cast<int>(e->args.size()) == e->rank;
      for (int i = 0; same_point && i < e->rank; ++i) {
        same_point = same(substitute_axes(e->args[static_cast<std::size_t>(i)], pair.axis_of), stage.index[static_cast<std::size_t>(i)]);
      }
      if (!same_point) reason = "the second reads the first's result at other points";
      return;
    }
    reason = "the second reads what is computed from the first's sum";
  });
  return reason;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  Pair pair;
  if (std::string reason = plan(draft, site, pair); !reason.empty()) return reason;
  for (const Joinable* side : {&pair.a, &pair.b}) {
    for (const Type& type : side->sums) draft.add_value({type.dtype, type.shape, {}});
  }
  OpenMap& a = pair.a.open;
  OpenMap& b = pair.b.open;
  const auto joined = [&](const Expr& expression) {
    return rewrite(substitute_axes(expression, pair.axis_of), [&](const Expr& e) -> Expr {
      if (e->op != Scalar::read) return {};
      for (const Stage& made : a.map.stages) {
        if (made.target == pair.opener.value(e->integer) && made.accumulate == Accumulate::none) return made.value;
      }
      return {};
    });
  };
  for (Stage& stage : b.map.stages) {
    for (Expr& index : stage.index) index = joined(index);
    stage.value = joined(stage.value);
    a.map.stages.push_back(std::move(stage));
  }
  a.origin = merge_origins(a.origin, b.origin);
  Node merged = pair.opener.close(std::move(a));
  std::vector<Node> nodes{std::move(merged)};
  for (const Joinable* side : {&pair.a, &pair.b}) nodes.insert(nodes.end(), side->behind.begin(), side->behind.end());
  draft.replace_pair(pair.first, pair.second, std::move(nodes));
  return "";
}

std::vector<Site> find(const Draft& draft) { return neighbouring_maps(draft, 1, most_readers); }

const RegisterTransformation fuse_siblings{{.name = "fuse_siblings",
                                            .level = 2,
                                            .about = "runs two maps over one space in one pass, reductions as sums on the way",
                                            .find = find,
                                            .apply = apply}};

}  // namespace
}  // namespace neap::fuse_siblings_transformation
