#include "neap/codegen/nest.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/nest_axes.h"

namespace neap {
namespace {

constexpr std::int64_t block_bytes = 192 << 10;  // of rows that a block of a reduction keeps in cache

std::int64_t stride_weight(const Touches& touches, int axis) {
  // Strides of the access with the most axes, stores first, give the order; what is not in it goes outermost.
  const Touch* primary = nullptr;
  for (const Touch& touch : touches.all) {
    if (!touch.plain.affine) continue;
    const auto rank = [](const Touch& t) { return t.plain.coefficients.size() * 2 + (t.store ? 1 : 0); };
    if (primary == nullptr || rank(touch) > rank(*primary)) primary = &touch;
  }
  const Dim stride = primary == nullptr ? Dim(0) : coefficient(primary->plain, axis);
  if (stride == Dim(0)) return std::int64_t{1} << 50;
  return stride.is_constant() ? std::abs(stride.constant()) : std::int64_t{1} << 40;
}

// How badly vectors along `axis` would load and store (0: everything lies along it or does not depend on it).
std::int64_t scattered_cost(const Touches& touches, int axis) {
  std::int64_t cost = 0;
  for (const Touch& touch : touches.all) {
    const auto step = coefficient_of(touch.offset, axis);
    if ((step && (*step == Dim(0) || *step == Dim(1))) || shares_lanes(touch.offset, axis)) continue;
    cost += touch.store ? 4 : touch.weight;
  }
  return cost;
}

// The same if the loops run element by element and reductions take vectors along axes of their own.
std::int64_t unvectorised_cost(const Touches& touches, const std::vector<Axis>& axes) {
  std::int64_t cost = 0;
  for (const Touch& touch : touches.all) {
    bool along_own = false;
    if (touch.plain.affine) {
      for (const auto& [axis, step] : touch.plain.coefficients) {
        along_own |= step == Dim(1) && std::none_of(axes.begin(), axes.end(), [&, id = axis](const Axis& a) { return a.id == id; });
      }
    }
    cost += touch.weight > 1 && along_own ? 2 : touch.weight;
  }
  return cost;
}

bool all_vectorise(Emitter& emit, const std::vector<Assignment>& body, int axis, std::optional<DType>& dtype) {
  for (const Assignment& a : body) {
    if (!emit.vectorises(a.value, axis, dtype)) return false;
    const Expr offset = storage_offset(a.type, a.index);
    const auto step = coefficient_of(offset, axis);
    const DType lane = a.type.dtype == DType::f64 ? DType::f64 : DType::f32;
    const bool grouped = emit.in_groups(offset, axis, lane);
    if ((!grouped && (!step || !step->is_constant())) || a.type.dtype == DType::boolean || !is_float(a.type.dtype)) return false;
    if (!emit.depends(a.value, axis) && !is_float(a.value.dtype())) return false;
    for (const Expr& index : a.index) {
      if (!grouped && !affine(index).affine && uses_axis(index, axis)) return false;
    }
    if (dtype && *dtype != lane) return false;
    dtype = lane;
  }
  return dtype.has_value();
}

void choose_lanes(Emitter& emit, Nest& nest, const Touches& touches, const Schedule& schedule) {
  std::int64_t best = touches.reduces ? unvectorised_cost(touches, nest.axes) : std::int64_t{1} << 40;
  for (const Axis& axis : nest.axes) {
    if (axis.ragged != nullptr || (schedule.vector_axis >= 0 && schedule.vector_axis != axis.id)) continue;
    if (schedule.tile.count(axis.id) != 0) continue;  // its rows are vectors side by side
    const bool has_own = emit.has_buffers_of_entry(axis.id);
    if (bounds_ragged(nest.axes, axis.id) || has_own) continue;
    if (axis.extent.is_constant() && axis.extent.constant() < 4 && nest.axes.size() > 1) continue;
    std::optional<DType> dtype;
    if (!all_vectorise(emit, nest.body, axis.id, dtype)) continue;
    const std::int64_t cost = scattered_cost(touches, axis.id);
    if (cost > best || (cost == best && nest.lanes.axis >= 0 && stride_weight(touches, axis.id) > stride_weight(touches, nest.lanes.axis)))
      continue;
    best = cost;
    nest.lanes = {axis.id, *dtype, -1, ""};
  }
}

// Whether the nest is f32 throughout, of rows of half as many lanes as a register has, which it reads and writes whole.
bool fits_half(Emitter& emit, const Nest& nest, const Touches& touches) {
  const int lane = nest.lanes.axis;
  if (lane < 0 || emit.registers() != 32 || nest.lanes.dtype != DType::f32) return false;
  if (!(emit.axes().at(lane).extent == Dim(emit.width(DType::f32) / 2))) return false;
  const auto is_row = [&](const Touch& touch) {
    const auto step = coefficient_of(touch.offset, lane);
    return !touch.guarded && step && (*step == Dim(0) || *step == Dim(1));
  };
  if (!std::all_of(touches.all.begin(), touches.all.end(), is_row)) return false;
  return std::all_of(nest.body.begin(), nest.body.end(), [&](const Assignment& a) {
    bool fits = a.type.dtype == DType::f32 && a.value.dtype() == DType::f32 && !a.folded && in_target(a, lane);
    visit(a.value, [&](const Expr& e) {
      const bool typed = e.dtype() == DType::f32 || e.dtype() == DType::boolean;
      fits &= !emit.tests_position(e, lane);
      fits &= !emit.depends(e, lane) || (typed && e->op != Scalar::reduce && e->op != Scalar::cast) || e.dtype() == DType::i64;
    });
    return fits;
  });
}

// How much of what a tile's rows load they share.
std::int64_t shared_loads(const Touches& touches, int axis) {
  std::int64_t shared = 0;
  for (const Touch& touch : touches.all) {
    if (touch.store) continue;
    const bool windowed = touch.guarded && touch.plain.affine && !(coefficient(touch.plain, axis) == Dim(0));
    if (coefficient_of(touch.offset, axis) == Dim(0)) shared += touch.weight;
    if (windowed) shared += touch.weight;
  }
  return shared;
}

int best_factor(const Dim& extent, int most) {
  if (!extent.is_constant()) return most;
  const std::int64_t size = extent.constant();
  if (size <= most) return static_cast<int>(std::max<std::int64_t>(size, 1));
  for (int factor = most; factor * 2 > most; --factor) {
    if (size % factor == 0) return factor;
  }
  return most;
}

int vectors_side_by_side(const Emitter& emit, const Lanes& lanes, const Dim& extent, int most) {
  if (!extent.is_constant()) return most;
  const std::int64_t vectors = (extent.constant() + emit.width(lanes) - 1) / emit.width(lanes);
  int best = 1;
  for (int count = 1; count <= most; ++count) {
    if (vectors % count == 0) best = count;
  }
  return vectors <= most ? static_cast<int>(std::max<std::int64_t>(vectors, 1)) : best > 1 ? best : most;
}

// Vectors whose sums stay in registers while the loops inside run. Where rows are gathered, a whole row at a time: its lines are asked for
// together, and its entry is looked at once.
int most_side_by_side(const Nest& nest, const Touches& touches, int registers, bool holds) {
  if (!holds) return 1;
  if (!touches.rows.empty() && touches.gathered == 1 && nest.body.size() == 1) return registers / 2;
  return registers == 32 ? 4 : 2;
}

bool accumulates(const Nest& nest) {
  return std::any_of(nest.body.begin(), nest.body.end(), [](const Assignment& a) { return a.accumulate != Accumulate::none; });
}

// The axis whose rows share the most of what they load.
std::optional<Axis> best_tile(const std::vector<Axis>& outer, const Touches& touches) {
  std::optional<Axis> tile;
  std::int64_t most = 0;
  for (const Axis& axis : outer) {
    if (axis.extent == Dim(1) || touches.rows.count(axis.id) != 0) continue;
    const std::int64_t shared = shared_loads(touches, axis.id);
    if (shared >= most && shared > 0) {
      most = shared;
      tile = axis;
    }
  }
  return tile;
}

// The axis that the schedule tiles; nothing where it has one position.
std::optional<Axis> scheduled_tile(const Nest& nest, const std::vector<Axis>& outer, const Schedule& schedule) {
  if (schedule.tile.size() > 1) throw Error("a schedule tiles several axes", "", "tile one");
  const int wanted = schedule.tile.begin()->first;
  const auto is_wanted = [&](const Axis& axis) { return axis.id == wanted; };
  const auto found = std::find_if(outer.begin(), outer.end(), is_wanted);
  if (found != outer.end() && found->ragged == nullptr && !accumulates(nest)) return *found;
  if (std::none_of(nest.axes.begin(), nest.axes.end(), is_wanted)) return std::nullopt;
  throw Error("a schedule tiles an axis that is ragged, or of a map that accumulates", "", "tile another axis");
}

bool is_ragged(const Nest& nest) {
  return std::any_of(nest.axes.begin(), nest.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
}

// The outermost first: as the schedule says, else those of the largest strides.
std::vector<Axis> axes_in_order(const Nest& nest, const Touches& touches, const Schedule& schedule) {
  std::vector<Axis> order = nest.axes;
  if (!is_ragged(nest)) {
    std::stable_sort(order.begin(), order.end(),
                     [&](const Axis& a, const Axis& b) { return stride_weight(touches, a.id) > stride_weight(touches, b.id); });
  }
  if (!schedule.order.empty()) {
    const auto place = [&](int id) { return std::find(schedule.order.begin(), schedule.order.end(), id) - schedule.order.begin(); };
    std::stable_sort(order.begin(), order.end(), [&](const Axis& a, const Axis& b) { return place(a.id) < place(b.id); });
  }
  return order;
}

// What becomes of the axes. Where every assignment accumulates over the same ones, these go inside: the sums stay in registers.
struct Roles {
  std::vector<Axis> outer, inner;
  std::optional<Axis> lane;
  bool sums_inside = false, lane_reduced = false;
};

Roles roles_of(const Nest& nest, const std::vector<Axis>& order) {
  const auto reduced = [&](int axis) {
    return std::all_of(nest.body.begin(), nest.body.end(),
                       [&](const Assignment& a) { return a.accumulate != Accumulate::none && !in_target(a, axis); });
  };
  Roles roles;
  roles.sums_inside = std::all_of(nest.body.begin(), nest.body.end(), [&](const Assignment& a) {
    return a.accumulate != Accumulate::none &&
           std::all_of(order.begin(), order.end(), [&](const Axis& axis) { return in_target(a, axis.id) || reduced(axis.id); });
  });
  const bool moves_inside = roles.sums_inside && !is_ragged(nest);
  for (const Axis& axis : order) {
    if (axis.id == nest.lanes.axis) {
      roles.lane = axis;
    } else {
      (moves_inside && reduced(axis.id) ? roles.inner : roles.outer).push_back(axis);
    }
  }
  roles.lane_reduced = roles.lane && roles.sums_inside && reduced(roles.lane->id);
  return roles;
}

// Whether sums stay in registers while loops run.
bool holds_sums(const Roles& roles, const Touches& touches) { return touches.reduces || !roles.inner.empty() || roles.lane_reduced; }

// Vectors side by side along the lanes' axis.
int parts_of(const Emitter& emit, const Nest& nest, const Roles& roles, const Touches& touches, const Schedule& schedule) {
  if (!roles.lane) return 1;
  const Dim& extent = roles.lane->extent;
  const int width = emit.width(nest.lanes);
  int parts = roles.inner.empty() && roles.outer.empty() ? 4 : 2;
  if (!roles.lane_reduced)
    parts = vectors_side_by_side(emit, nest.lanes, extent, most_side_by_side(nest, touches, emit.registers(), holds_sums(roles, touches)));
  if (schedule.vector_width > 0) parts = std::max(1, schedule.vector_width / width);
  if (roles.lane_reduced && extent.is_constant())
    parts = std::min<int>(parts, static_cast<int>(std::max<std::int64_t>(1, extent.constant() / width)));
  return parts;
}

// Rows of an axis that are computed together, to share what they load.
struct Tile {
  std::optional<Axis> axis;
  int rows = 1;
};

Tile tile_of(const Emitter& emit, const Nest& nest, const Roles& roles, int parts, const Touches& touches, const Schedule& schedule) {
  Tile tile;
  if (!schedule.tile.empty()) {
    tile.axis = scheduled_tile(nest, roles.outer, schedule);
    if (!tile.axis) return tile;
    const std::int64_t wanted = schedule.tile.at(tile.axis->id);
    tile.rows = static_cast<int>(tile.axis->extent.is_constant() ? std::min(wanted, tile.axis->extent.constant()) : wanted);
    return tile;
  }
  const bool holds = holds_sums(roles, touches);
  if ((holds || touches.window) && schedule.order.empty() && !is_ragged(nest) && (roles.sums_inside || !accumulates(nest)))
    tile.axis = best_tile(roles.outer, touches);
  if (!tile.axis) return tile;
  const auto sums = static_cast<int>(nest.body.size());
  const int room = std::max(1, (emit.registers() - 2 - parts) / (parts * std::max(1, sums)));
  tile.rows = schedule.unroll > 0 ? schedule.unroll : best_factor(tile.axis->extent, std::min(touches.window && !holds ? 7 : 8, room));
  return tile;
}

// A short innermost row over which windows slide is written out: which taps are outside is then known.
bool written_out(const Axis& row, const Touches& touches, int points) {
  constexpr std::int64_t most_unrolled = 160;
  const bool slides = std::any_of(touches.all.begin(), touches.all.end(),
                                  [&](const Touch& touch) { return touch.guarded && !(coefficient(touch.plain, row.id) == Dim(0)); });
  return slides && row.extent.is_constant() && row.extent.constant() * points <= most_unrolled;
}

// Rows that every tile of sums reads again are kept in cache by blocks.
void choose_block(Nest& nest, const Roles& roles, const Touches& touches) {
  if (roles.inner.empty() || roles.inner.size() == nest.loops.size()) return;
  const Axis& blocked = roles.inner.front();
  Dim row = 0;
  for (const Touch& touch : touches.all) {
    if (touch.store) continue;
    Dim elements = 1;
    for (const Axis& axis : nest.axes) {
      const bool in_row = axis.id != blocked.id && !(coefficient(touch.plain, axis.id) == Dim(0));
      if (in_row) elements *= axis.extent;
    }
    row += elements * Dim(size_of(nest.lanes.dtype));
  }
  if (!row.is_constant() || row.constant() <= 0) return;
  nest.block_axis = blocked.id;
  nest.block = std::max<std::int64_t>(1, block_bytes / row.constant());
  if (blocked.extent.is_constant() && blocked.extent.constant() <= nest.block) nest.block_axis = -1;
}

void order_loops(Emitter& emit, Nest& nest, const Touches& touches, const Schedule& schedule) {
  const Roles roles = roles_of(nest, axes_in_order(nest, touches, schedule));
  const int parts = parts_of(emit, nest, roles, touches, schedule);
  const Tile tile = tile_of(emit, nest, roles, parts, touches, schedule);
  for (const Axis& axis : roles.outer) {
    if (!tile.axis || axis.id != tile.axis->id) nest.loops.push_back({axis, Loop::serial});
  }
  if (tile.axis) {
    const bool peel = touches.window && tile.axis->extent.is_constant() && tile.rows > 1;
    nest.loops.push_back({*tile.axis, tile.rows > 1 ? Loop::tile : Loop::serial, tile.rows, touches.window, peel});
  }
  if (roles.lane && !roles.lane_reduced) nest.loops.push_back({*roles.lane, Loop::vector, parts});
  for (const Axis& axis : roles.inner) {
    const bool last = axis.id == roles.inner.back().id && !roles.lane_reduced;
    nest.loops.push_back({axis, last && written_out(axis, touches, tile.rows * parts) ? Loop::unrolled : Loop::serial});
  }
  nest.reduced = roles.inner;
  if (roles.lane_reduced) {
    nest.loops.push_back({*roles.lane, Loop::vector, parts});
    nest.reduced.push_back(*roles.lane);
  }
  choose_block(nest, roles, touches);
}

}  // namespace

void set_certain(Emitter& emit, const Nest& nest) {
  std::vector<Expr> values;
  for (const Assignment& a : nest.body) {
    values.push_back(a.value);
    values.insert(values.end(), a.index.begin(), a.index.end());
  }
  if (nest.lanes.pair >= 0) {
    for (std::size_t i = 0, count = values.size(); i < count; ++i) values.push_back(emit.at_next(values[i], nest.lanes.pair));
  }
  emit.set_certain(values);
}

bool exceeds_caches(const Type& type) {
  constexpr std::int64_t larger_than_caches = std::int64_t{32} << 20;
  const Dim bytes = storage_bytes(type);
  return type.dtype == DType::f32 && bytes.is_constant() && bytes.constant() >= larger_than_caches;
}

bool streams(const Assignment& assignment) {
  return assignment.base[0] == 'y' && assignment.accumulate == Accumulate::none && exceeds_caches(assignment.type);
}

Nest plan_nest(Emitter& emit, std::vector<Axis> axes, std::vector<Assignment> body, const Schedule& schedule) {
  Nest nest;
  std::map<int, Expr> single;
  emit.set_axes(axes);  // another nest may have resized an axis that it shares with this one
  for (const Axis& axis : axes) {
    if (axis.ragged == nullptr && axis.extent == Dim(1)) single.emplace(axis.id, Expr(0));
  }
  std::erase_if(axes, [&](const Axis& axis) { return single.count(axis.id) != 0; });
  for (Axis& axis : axes) {
    if (axis.ragged == nullptr) continue;
    axis.ragged = std::make_shared<const std::pair<Expr, Expr>>(substitute_axes(axis.ragged->first, single),
                                                                substitute_axes(axis.ragged->second, single));
  }
  substitute(body, single);
  merge_axes(emit, axes, body, schedule);
  nest.axes = axes;
  nest.body = body;
  const int folding = fold_in_lanes(emit, nest.axes, nest.body, schedule);
  if (folding >= 0) {
    set_certain(emit, nest);
    choose_lanes(emit, nest, touches_of(emit, nest.body), schedule);
  }
  if (folding < 0 || nest.lanes.axis != folding) {
    nest.lanes = {};
    emit.set_axes(axes);
    for (const Assignment& a : body) emit.set_axes(a.value->axes);
    group_axes(emit, axes, body, schedule);
    nest.axes = std::move(axes);
    nest.body = std::move(body);
    set_certain(emit, nest);
    choose_lanes(emit, nest, touches_of(emit, nest.body), schedule);
  }
  const Touches touches = touches_of(emit, nest.body);
  nest.lanes.half = schedule.vector_width == 0 && fits_half(emit, nest, touches);
  order_loops(emit, nest, touches, schedule);
  return nest;
}

}  // namespace neap
