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
    if ((step && (*step == Dim(0) || *step == Dim(1))) || group_of(touch.offset, axis) > 1) continue;
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
    const bool grouped = group_of(offset, axis) > 1;
    if ((!grouped && (!step || !step->is_constant())) || a.type.dtype == DType::boolean || !is_float(a.type.dtype)) return false;
    if (!emit.depends(a.value, axis) && !is_float(a.value.dtype())) return false;
    for (const Expr& index : a.index) {
      if (!grouped && !affine(index).affine && uses_axis(index, axis)) return false;
    }
    const DType lane = a.type.dtype == DType::f64 ? DType::f64 : DType::f32;
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
    if (bounds_ragged(nest.axes, axis.id)) continue;
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

void order_loops(Emitter& emit, Nest& nest, const Touches& touches, const Schedule& schedule) {
  const bool ragged = std::any_of(nest.axes.begin(), nest.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
  std::vector<Axis> order = nest.axes;
  if (!ragged) {
    std::stable_sort(order.begin(), order.end(),
                     [&](const Axis& a, const Axis& b) { return stride_weight(touches, a.id) > stride_weight(touches, b.id); });
  }
  if (!schedule.order.empty()) {
    const auto place = [&](int id) { return std::find(schedule.order.begin(), schedule.order.end(), id) - schedule.order.begin(); };
    std::stable_sort(order.begin(), order.end(), [&](const Axis& a, const Axis& b) { return place(a.id) < place(b.id); });
  }
  // Where every assignment accumulates over the same axes, these go inside: the sums stay in registers.
  const auto reduced = [&](int axis) {
    return std::all_of(nest.body.begin(), nest.body.end(),
                       [&](const Assignment& a) { return a.accumulate != Accumulate::none && !in_target(a, axis); });
  };
  const bool sums_inside = std::all_of(nest.body.begin(), nest.body.end(), [&](const Assignment& a) {
    return a.accumulate != Accumulate::none &&
           std::all_of(order.begin(), order.end(), [&](const Axis& axis) { return in_target(a, axis.id) || reduced(axis.id); });
  });
  std::vector<Axis> outer, inner;
  std::optional<Axis> lane;
  for (const Axis& axis : order) {
    if (axis.id == nest.lanes.axis) {
      lane = axis;
    } else {
      (sums_inside && !ragged && reduced(axis.id) ? inner : outer).push_back(axis);
    }
  }
  const bool lane_reduced = lane && sums_inside && reduced(lane->id);
  const int registers = emit.registers();
  const bool holds = touches.reduces || !inner.empty() || lane_reduced;  // sums stay in registers while loops run
  const bool tiled = holds || touches.window;

  int parts = 1;
  if (lane)
    parts = lane_reduced ? (inner.empty() && outer.empty() ? 4 : 2)
                         : vectors_side_by_side(emit, nest.lanes, lane->extent, most_side_by_side(nest, touches, registers, holds));
  if (schedule.vector_width > 0 && lane) parts = std::max(1, schedule.vector_width / emit.width(nest.lanes));
  if (lane_reduced && lane->extent.is_constant())
    parts = std::min<int>(parts, static_cast<int>(std::max<std::int64_t>(1, lane->extent.constant() / emit.width(nest.lanes))));

  std::optional<Axis> tile;
  if (!schedule.tile.empty()) {
    tile = scheduled_tile(nest, outer, schedule);
  } else if (tiled && !ragged && (sums_inside || !accumulates(nest))) {
    tile = best_tile(outer, touches);
  }
  int rows = 1;
  if (tile && !schedule.tile.empty()) {
    const std::int64_t wanted = schedule.tile.at(tile->id);
    rows = static_cast<int>(tile->extent.is_constant() ? std::min(wanted, tile->extent.constant()) : wanted);
  } else if (tile) {
    const auto sums = static_cast<int>(nest.body.size());
    const int room = std::max(1, (registers - 2 - parts) / (parts * std::max(1, sums)));
    rows = best_factor(tile->extent, std::min(touches.window && !holds ? 7 : 8, room));
    if (schedule.unroll > 0) rows = schedule.unroll;
  }
  const bool peel = tile && touches.window && tile->extent.is_constant();
  for (const Axis& axis : outer) {
    if (!tile || axis.id != tile->id) nest.loops.push_back({axis, Loop::serial});
  }
  if (tile) nest.loops.push_back({*tile, rows > 1 ? Loop::tile : Loop::serial, rows, touches.window, peel && rows > 1});
  if (lane && !lane_reduced) nest.loops.push_back({*lane, Loop::vector, parts});
  // A short innermost row over which windows slide is written out: which taps are outside is then known.
  constexpr std::int64_t most_unrolled = 160;
  for (const Axis& axis : inner) {
    const bool last = axis.id == inner.back().id && !lane_reduced;
    const bool slides = std::any_of(touches.all.begin(), touches.all.end(),
                                    [&](const Touch& touch) { return touch.guarded && !(coefficient(touch.plain, axis.id) == Dim(0)); });
    const bool is_short = axis.extent.is_constant() && axis.extent.constant() * rows * parts <= most_unrolled;
    nest.loops.push_back({axis, last && slides && is_short ? Loop::unrolled : Loop::serial});
  }
  if (lane_reduced) nest.loops.push_back({*lane, Loop::vector, parts});
  nest.reduced = inner;
  if (lane_reduced) nest.reduced.push_back(*lane);

  // Rows that every tile of sums reads again are kept in cache by blocks.
  if (inner.empty() || inner.size() == nest.loops.size()) return;
  Dim row = 0, passes = 1;
  for (const Axis& axis : outer) passes *= axis.extent;
  for (const Touch& touch : touches.all) {
    if (touch.store) continue;
    Dim elements = 1;
    for (const Axis& axis : nest.axes) {
      const bool in_row = axis.id != inner.front().id && !(coefficient(touch.plain, axis.id) == Dim(0));
      if (in_row) elements *= axis.extent;
    }
    row += elements * Dim(size_of(nest.lanes.dtype));
  }
  if (!row.is_constant() || row.constant() <= 0) return;
  nest.block_axis = inner.front().id;
  nest.block = std::max<std::int64_t>(1, block_bytes / row.constant());
  if (inner.front().extent.is_constant() && inner.front().extent.constant() <= nest.block) nest.block_axis = -1;
}

}  // namespace

void set_certain(Emitter& emit, const Nest& nest) {
  std::vector<Expr> values;
  for (const Assignment& a : nest.body) {
    values.push_back(a.value);
    values.insert(values.end(), a.index.begin(), a.index.end());
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
