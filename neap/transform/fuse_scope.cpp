// Puts maps that share an outer axis (the images of a batch, the rows of a matrix) into one scope: each point of the axis runs through all
// of them while what they hand on is in cache, in buffers of the scope's own. Sums over the axis go on as accumulations.
#include <algorithm>
#include <set>

#include "neap/base/error.h"
#include "neap/ir/map_nodes.h"
#include "neap/transform/buffer_copies.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/neighbours.h"
#include "neap/transform/transformation.h"

namespace neap {
namespace {

constexpr std::size_t most_operands = 96, most_stages = 64, most_readers = 32;
constexpr std::int64_t fewest_points = 8;  // of the outer axis: they are what threads share

bool in_order(const Expr& index, int axis) { return index->op == Scalar::axis && index->integer == axis; }

// An access to a value in which dimension `dim` is exactly one axis.
struct Access {
  int dim = 0, axis = 0;
  Dim extent;
};

// A map as stages inside of one outer axis.
struct Rows {
  OpenMap open;              // map.axes is the outer axis alone
  std::vector<Node> behind;  // what is computed from sums over the outer axis
  std::vector<Type> sums;    // types of values made for these
};

const Axis* find_axis(const std::vector<Axis>& axes, int id) {
  const auto found = std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.id == id; });
  return found == axes.end() ? nullptr : &*found;
}

// Sizes of a map's own axes and of those of its reductions, by id.
using Extents = std::map<int, Dim>;

Extents extents_of(const Map& map) {
  Extents extents;
  const auto note = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      if (axis.ragged == nullptr) extents[axis.id] = axis.extent;
    }
  };
  note(map.axes);
  visit_map_nodes(map, [&](const Expr& e) { note(e->axes); });
  return extents;
}

// Accesses of a map to a value, which its reads name by `operand`, with a plain axis at some dimension.
std::vector<Access> accesses(const Map& map, const Extents& extents, ValueId value, int operand) {
  std::vector<Access> found;
  const auto consider = [&](const Expr* index, int rank) {
    for (int dim = 0; dim < rank; ++dim) {
      if (index[dim]->op != Scalar::axis) continue;
      const int axis = static_cast<int>(index[dim]->integer);
      const auto known = extents.find(axis);
      const auto is_it = [&](const Access& access) { return access.dim == dim && access.axis == axis; };
      if (known != extents.end() && std::none_of(found.begin(), found.end(), is_it)) found.push_back({dim, axis, known->second});
    }
  };
  for (const Stage& stage : map.stages) {
    if (stage.target == value) consider(stage.index.data(), static_cast<int>(stage.index.size()));
  }
  visit_map_nodes(map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer == operand) consider(e->args.data(), e->rank);
  });
  return found;
}

// Reductions that run over an axis, outermost.
void reductions_over(const Expr& value, int axis, std::vector<Expr>& found) {
  if (value->op == Scalar::reduce && find_axis(value->axes, axis) != nullptr) {
    if (std::none_of(found.begin(), found.end(), [&](const Expr& e) { return same(e, value); })) found.push_back(value);
    return;
  }
  for (const Expr& arg : value->args) reductions_over(arg, axis, found);
}

// Whether a reduction over an axis stands within one over other axes: it is another sum at each point of those.
bool within_another(const Expr& value, int axis) {
  bool found = false;
  visit(value, [&](const Expr& e) {
    if (e->op != Scalar::reduce || find_axis(e->axes, axis) != nullptr) return;
    std::vector<Expr> inner;
    reductions_over(e->args[0], axis, inner);
    found |= !inner.empty();
  });
  return found;
}

// The axes of a reduction but one, which becomes the outer axis: the rest of the sum is made inside.
std::string accumulate_over(const Draft& draft, Opener& opener, Stage& stage, int outer, const std::vector<Axis>& axes,
                            const std::vector<std::string>& origin, ValueId next_value, Rows& rows, std::vector<Stage>& made) {
  std::vector<Expr> found;
  reductions_over(stage.value, outer, found);
  if (found.empty()) {
    made.push_back(stage);
    return "";
  }
  if (stage.accumulate != Accumulate::none) return "it accumulates what it reduces";
  if (within_another(stage.value, outer)) return "its reduction over the axis stands within another reduction";
  std::string reason;
  Map flat;
  flat.axes = axes;
  if (!pointwise_axes(flat, stage, draft.type(stage.target), reason)) return reason;
  const bool plain = found.size() == 1 && same(found[0], stage.value);
  std::vector<std::pair<Expr, Expr>> replaced;
  for (const Expr& e : found) {
    const std::optional<Accumulate> accumulate = accumulation_of(e->reduction);
    if (!accumulate) return fmt::format("it reduces by {}", name(e->reduction));
    Stage sum = stage;
    sum.axes = axes;
    for (const Axis& axis : e->axes) {
      if (axis.ragged != nullptr) return "it reduces over a ragged axis";
      if (axis.id != outer) sum.axes.push_back(axis);
    }
    sum.value = e->args[0];
    sum.accumulate = *accumulate;
    if (!plain) {
      Type type = draft.type(stage.target);
      type.dtype = e.dtype();
      sum.target = next_value + static_cast<ValueId>(rows.sums.size());
      rows.sums.push_back(type);
      replaced.emplace_back(e, read(opener.operand(sum.target), e.dtype(), stage.index));
    }
    made.push_back(std::move(sum));
  }
  if (plain) return "";
  OpenMap tail{{axes, {}, {}}, origin, {}};
  Stage last = stage;
  last.axes.clear();
  last.value = rewrite(last.value, [&](const Expr& e) -> Expr {
    for (const auto& [from, to] : replaced) {
      if (same(e, from)) return to;
    }
    return {};
  });
  tail.map.stages = {last};
  rows.behind.push_back(opener.close(std::move(tail)));
  return "";
}

// Opens a map so that `outer` is its only own axis.
std::string make_rows(const Draft& draft, Opener& opener, OpenMap open, int outer, ValueId next_value, Rows& rows) {
  rows.open = std::move(open);
  Map& map = rows.open.map;
  if (is_scope(map)) return "";  // over `outer` alone
  std::vector<Axis> rest;
  std::optional<Axis> own;
  for (const Axis& axis : map.axes) {
    if (axis.ragged != nullptr) return "it runs over a ragged axis";
    if (axis.id == outer) {
      own = axis;
    } else {
      rest.push_back(axis);
    }
  }
  std::vector<Stage> made;
  for (Stage& stage : map.stages) {
    if (own) {
      stage.axes = rest;
      made.push_back(std::move(stage));
      continue;
    }
    if (std::string reason = accumulate_over(draft, opener, stage, outer, rest, rows.open.origin, next_value, rows, made); !reason.empty())
      return reason;
  }
  if (!own) {
    // The axis is that of a reduction; stages that do not reduce over it would be repeated.
    for (const Stage& stage : map.stages) {
      std::vector<Expr> found;
      reductions_over(stage.value, outer, found);
      if (found.empty()) return "it mixes reductions with results";
      own = *find_axis(found[0]->axes, outer);
    }
  }
  map.axes = {*own};
  map.stages = std::move(made);
  return "";
}

// Elements of a value that lie side by side at one point of dimension `dim`.
Dim run_length(const Type& type, int dim) {
  Dim run = 1;
  bool inside = false;
  if (type.layout.row_major()) {
    for (int d = dim + 1; d < type.rank(); ++d) run *= type.shape[static_cast<std::size_t>(d)];
    return run;
  }
  for (const Layout::Level& level : type.layout.levels) {
    if (inside) run *= level.block > 0 ? Dim(level.block) : type.shape[static_cast<std::size_t>(level.axis)];
    inside |= level.axis == dim;
  }
  return run;
}

// Whether all that belongs to one point of a dimension lies in one run, or its runs are whole lines, or the value is small.
bool whole_lines(const Type& type, int dim) {
  constexpr std::int64_t line = 16, small = 65536;  // elements
  const Dim run = run_length(type, dim);
  if (!run.is_constant() || run.constant() >= line) return true;
  Dim point = 1;
  for (int d = 0; d < type.rank(); ++d) point *= d == dim ? Dim(1) : type.shape[static_cast<std::size_t>(d)];
  if (run == point) return true;
  const Dim all = point * type.shape[static_cast<std::size_t>(dim)];
  return all.is_constant() && all.constant() < small;
}

// Every value that the map touches lies in rows along the outer axis: one point of it reads whole cache lines.
bool reads_whole_lines(const Draft& draft, const Opener& opener, const Map& map, int outer) {
  std::set<std::pair<ValueId, int>> known;
  bool good = true;
  const auto look = [&](ValueId value, const Expr* index, int rank) {
    for (int dim = 0; good && dim < rank; ++dim) {
      if (uses_axis(index[dim], outer) && known.emplace(value, dim).second) good = whole_lines(draft.type(value), dim);
    }
  };
  for (const Stage& stage : map.stages) {
    if (stage.target >= 0) look(stage.target, stage.index.data(), static_cast<int>(stage.index.size()));
  }
  visit_map_nodes(map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer >= 0) look(opener.value(e->integer), e->args.data(), e->rank);
  });
  return good;
}

// A value that no index along the outer axis cuts is read whole at every point: it should be no more than a cache holds beside the buffers.
std::string reads_again(const Draft& draft, const Opener& opener, const Map& map, int outer) {
  constexpr std::int64_t most = 48 << 10;  // bytes
  std::map<ValueId, bool> cut;
  visit_map_nodes(map, [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0) return;
    const bool here = std::any_of(e->args.begin(), e->args.begin() + e->rank, [&](const Expr& index) { return uses_axis(index, outer); });
    bool& known = cut.emplace(opener.value(e->integer), false).first->second;
    known = known || here;
  });
  for (const auto& [value, is_cut] : cut) {
    if (is_cut) continue;
    const Dim count = element_count(draft.type(value).shape);
    const bool is_small = count.is_constant() && count.constant() * size_of(draft.type(value).dtype) <= most;
    if (!is_small) return fmt::format("each point of the outer axis would read all of {} again", draft.type(value).to_string());
  }
  return "";
}

struct Plan {
  Opener opener;
  Rows a, b;
  std::vector<std::pair<ValueId, int>> handed;  // values that b takes from a, with the dimension of the outer axis
};

// Every access of the map to `value`, which its reads name by `operand`, has the outer axis at dimension `dim`.
bool aligned(const Map& map, ValueId value, int operand, int dim) {
  const int outer = map.axes[0].id;
  bool good = true;
  for (const Stage& stage : map.stages) {
    if (stage.target == value) good &= in_order(stage.index[static_cast<std::size_t>(dim)], outer);
  }
  visit_map_nodes(map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer == operand) good &= in_order(e->args[static_cast<std::size_t>(dim)], outer);
  });
  return good;
}

bool reads(const Map& map, int operand) {
  bool found = false;
  visit_map_nodes(map, [&](const Expr& e) { found |= e->op == Scalar::read && e->integer == operand; });
  return found;
}

// Whether the map writes at places that are read from an operand.
bool places_by(const Map& map, int operand) {
  bool found = false;
  for (const Stage& stage : map.stages) {
    for (const Expr& index : stage.index) {
      visit_nodes(index, [&](const Expr& e) { found |= e->op == Scalar::read && e->integer == operand; });
    }
  }
  return found;
}

std::string plan_along(const Draft& draft, const Node& one, const Access& at, const Access& bt, const OpenMap& a, const OpenMap& b,
                       Plan& plan) {
  for (const auto& [open, access] : {std::pair(&a, &at), std::pair(&b, &bt)}) {
    const Map& map = open->map;
    if (is_scope(map) && (map.axes.size() != 1 || map.axes[0].id != access->axis)) return "it is a scope over another axis";
    if (!reads_whole_lines(draft, plan.opener, map, access->axis))
      return "a point of the outer axis would read elements that do not lie together";
    if (std::string reason = reads_again(draft, plan.opener, map, access->axis); !reason.empty()) return reason;
  }
  if (std::string reason = make_rows(draft, plan.opener, a, at.axis, draft.value_count(), plan.a); !reason.empty()) return reason;
  const auto next = draft.value_count() + static_cast<ValueId>(plan.a.sums.size());
  if (std::string reason = make_rows(draft, plan.opener, b, bt.axis, next, plan.b); !reason.empty()) return reason;
  for (const ValueId value : one.outputs) {
    const int operand = plan.opener.find_operand(value);
    if (!reads(plan.b.open.map, operand)) continue;
    const auto tail = std::any_of(plan.a.behind.begin(), plan.a.behind.end(), [&](const Node& node) { return node.outputs[0] == value; });
    if (tail) return "the second reads what is computed from the first's sum over the outer axis";
    // In a buffer it would not say any more that each point of the outer axis has places of its own.
    if (places_by(plan.b.open.map, operand)) return "the second writes at places that the first makes";
    int dim = -1;
    for (int d = 0; d < draft.type(value).rank() && dim < 0; ++d) {
      if (aligned(plan.a.open.map, value, operand, d) && aligned(plan.b.open.map, value, operand, d)) dim = d;
    }
    if (dim < 0) return "the second reads the first's result at other points of the outer axis";
    plan.handed.emplace_back(value, dim);
  }
  return "";
}

std::string make_plan(const Draft& draft, const Node& one, const Node& two, Plan& plan) {
  Opener opener;
  const OpenMap a = opener.open(one), b = opener.open(two);
  std::vector<ValueId> shared(one.outputs);
  shared.insert(shared.end(), one.inputs.begin(), one.inputs.end());
  const Extents a_extents = extents_of(a.map), b_extents = extents_of(b.map);
  std::string reason = "they share no outer axis";
  for (const ValueId value : shared) {
    if (value == no_value || std::find(two.inputs.begin(), two.inputs.end(), value) == two.inputs.end()) continue;
    const int operand = opener.find_operand(value);
    for (const Access& at : accesses(a.map, a_extents, value, operand)) {
      for (const Access& bt : accesses(b.map, b_extents, value, operand)) {
        if (at.dim != bt.dim || !(at.extent == bt.extent)) continue;
        // A row of a single number is no work to hand on.
        if (at.extent.is_constant() && at.extent.constant() < fewest_points) continue;
        if (draft.type(value).rank() < 2) continue;
        Plan tried{opener, {}, {}, {}};
        std::string why = plan_along(draft, one, at, bt, a, b, tried);
        if (why.empty()) {
          plan = std::move(tried);
          return "";
        }
        reason = std::move(why);
      }
    }
  }
  return reason;
}

// The order of a value's other dimensions in memory.
std::vector<int> stored_order(const Type& type, int without) {
  std::vector<int> order;
  if (type.layout.row_major()) {
    for (int d = 0; d < type.rank(); ++d) order.push_back(d);
  } else {
    for (const Layout::Level& level : type.layout.levels) order.push_back(level.axis);
  }
  std::erase(order, without);
  return order;
}

// Makes a buffer of the scope stand for a value: b reads it there; a writes it there, and to memory too where somebody else needs it.
std::string hand_on(const Draft& draft, Plan& plan, ValueId value, int dim, bool needed, std::int64_t& bytes) {
  const Type& type = draft.type(value);
  for (const Layout::Level& level : type.layout.levels) {
    if (level.block != 0) return "a value has a blocked layout";
  }
  const std::vector<int> order = stored_order(type, dim);
  Local local{type.dtype, {}};
  for (const int d : order) local.shape.push_back(type.shape[static_cast<std::size_t>(d)]);
  const Dim count = element_count(local.shape);
  if (!count.is_constant()) return fmt::format("a row of {} has a size that is not known: {}", type.to_string(), count.to_string());
  bytes += count.constant() * size_of(type.dtype);
  Map& a = plan.a.open.map;
  const int target = -1 - static_cast<int>(a.locals.size());
  a.locals.push_back(local);
  const auto place = [&](const Expr* index) {
    std::vector<Expr> at;
    for (const int d : order) at.push_back(index[d]);
    return at;
  };
  std::vector<Stage> copies;
  for (Stage& stage : a.stages) {
    if (stage.target != value) continue;
    if (needed) {
      const bool after_sums = stage.accumulate != Accumulate::none;
      Stage copy = stage;
      copy.accumulate = Accumulate::none;
      copy.value = read(target, type.dtype, place(stage.index.data()));
      if (after_sums)
        std::erase_if(copy.axes, [&](const Axis& axis) {
          return std::none_of(stage.index.begin(), stage.index.end(), [&](const Expr& i) { return uses_axis(i, axis.id); });
        });
      copies.push_back(std::move(copy));
    }
    stage.index = place(stage.index.data());
    stage.target = target;
  }
  const int operand = plan.opener.find_operand(value);
  const auto redirect = [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer != operand) return {};
    return read(target, e.dtype(), place(e->args.data()), static_cast<int>(e->args.size()) > e->rank ? e->args.back() : Expr());
  };
  rewrite_map(plan.b.open.map, redirect);
  a.stages.insert(a.stages.end(), copies.begin(), copies.end());
  return "";
}

void append_rows(Rows& a, Rows& b) {
  Map &to = a.open.map, &from = b.open.map;
  const std::map<int, Expr> outer{{from.axes[0].id, axis_position(to.axes[0])}};
  for (Stage& stage : from.stages) {
    for (Expr& index : stage.index) index = substitute_axes(index, outer);
    stage.value = substitute_axes(stage.value, outer);
    to.stages.push_back(std::move(stage));
  }
  a.open.origin = merge_origins(a.open.origin, b.open.origin);
}

// b's own buffers are numbered behind those that a has now; reads of values handed on name a's buffers already and stay.
void renumber_locals(Map& map, int first) {
  const int own = static_cast<int>(map.locals.size());
  if (own == 0 || first == 0) return;
  renumber_reads(map, [&](std::int64_t operand) { return operand < 0 ? operand - first : operand; });
  for (Stage& stage : map.stages) {
    if (stage.target < 0) stage.target -= first;
  }
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  if (site.at.size() != 2) return "a pair of nodes is wanted";
  int first = draft.producer(site.at[0]), second = draft.producer(site.at[1]);
  if (first < 0 || second < 0 || first == second) return "a node is gone";
  if (!draft.before(first, second)) std::swap(first, second);
  const NodePtr kept_one = draft.pointer(first), kept_two = draft.pointer(second);
  const Node &one = *kept_one, &two = *kept_two;
  if (!one.is_map() || !two.is_map()) return fmt::format("{} is a library call", one.is_map() ? two.op : one.op);
  if (one.inputs.size() + two.inputs.size() > most_operands) return "the scope would have too many operands";
  if (one.map->stages.size() + two.map->stages.size() > most_stages) return "the scope would have too many stages";
  if (draft.depends_through_others(first, second)) return "other nodes stand between them";
  Plan plan;
  if (std::string reason = make_plan(draft, one, two, plan); !reason.empty()) return reason;

  std::int64_t bytes = 0;
  for (const std::vector<Local>* locals : {&plan.a.open.map.locals, &plan.b.open.map.locals}) {
    for (const Local& local : *locals) bytes += element_count(local.shape).constant() * size_of(local.dtype);
  }
  Map& b = plan.b.open.map;
  // First b's own buffers move out of the way of those that a will have: the ones it has, and one a value handed on.
  const auto a_locals = static_cast<int>(plan.a.open.map.locals.size() + plan.handed.size());
  renumber_locals(b, a_locals);
  for (const auto& [value, dim] : plan.handed) {
    const std::vector<int>& users = draft.users(value);
    const bool needed = draft.is_output(value) || std::any_of(users.begin(), users.end(), [&](int at) { return at != second; });
    if (std::string reason = hand_on(draft, plan, value, dim, needed, bytes); !reason.empty()) return reason;
  }
  const std::int64_t most = parameters.at("buffer_kib") << 10;
  if (bytes > most) return fmt::format("its buffers would take {} kB, which does not stay in cache", bytes >> 10);
  plan.a.open.map.locals.insert(plan.a.open.map.locals.end(), b.locals.begin(), b.locals.end());
  append_rows(plan.a, plan.b);
  for (const Rows* rows : {&plan.a, &plan.b}) {
    for (Type type : rows->sums) {
      type.layout = {};
      draft.add_value(std::move(type));
    }
  }
  drop_buffer_copies(plan.a.open.map);
  plan.a.open.schedule = {};
  std::vector<Node> nodes{plan.opener.close(std::move(plan.a.open))};
  for (const Rows* rows : {&plan.a, &plan.b}) nodes.insert(nodes.end(), rows->behind.begin(), rows->behind.end());
  draft.replace_pair(first, second, std::move(nodes));
  return "";
}

std::vector<Site> find(const Draft& draft) { return neighbouring_maps(draft, 2, most_readers); }

const RegisterTransformation fuse_scope{
    {.name = "fuse_scope",
     .level = 2,
     .about = "runs maps that share an outer axis point by point of it, handing on what they make in buffers that stay in cache",
     .parameters = {{"buffer_kib", 512, 1, 1024, "most that a point's buffers may take, in KiB"}},
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap
