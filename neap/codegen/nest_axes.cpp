#include "neap/codegen/nest_axes.h"

#include <algorithm>

namespace neap {
namespace {

constexpr int weight_inside_reduction = 16;

void pin(const Expr& e, std::set<int>& pinned) {
  for (const int axis : free_axes(e)) pinned.insert(axis);
}

void collect_values(const Expr& e, Touches& found, std::set<const Expr::Node*>& seen) {
  if (!seen.insert(e.node().get()).second) return;
  if (e->op == Scalar::axis) found.pinned.insert(static_cast<int>(e->integer));
  if (e->op == Scalar::read) {
    if (has_outside(e)) collect_values(e->args.back(), found, seen);
    return;
  }
  for (const Expr& arg : e->args) collect_values(arg, found, seen);
  for (const Axis& axis : e->axes) {
    if (axis.ragged == nullptr) continue;
    for (std::set<int>* axes : {&found.pinned, &found.rows}) {
      pin(axis.ragged->first, *axes);
      pin(axis.ragged->second, *axes);
    }
  }
}

void collect_reads(Emitter& emit, const Expr& e, int weight, Touches& found, std::set<std::pair<const Expr::Node*, int>>& seen) {
  if (!seen.insert({e.node().get(), weight}).second) return;
  if (e->op == Scalar::read) {
    Touch touch;
    touch.offset = storage_offset(emit.operand_type(e->integer), index_of(e));
    touch.plain = affine(touch.offset);
    touch.guarded = has_outside(e);
    touch.of_buffer = e->integer < 0;
    touch.weight = weight;
    const std::vector<Expr> index = index_of(e);
    found.gathered += std::any_of(index.begin(), index.end(), has_read) && !index.empty() ? 1 : 0;
    if (!touch.plain.affine || touch.guarded) {
      for (const Expr& index : index_of(e)) pin(index, found.pinned);
    }
    found.window |= touch.guarded;
    found.all.push_back(std::move(touch));
  }
  if (is_window(e)) {
    for (const auto& positions : window_terms(e)) {
      found.terms.push_back(substitute_axes(e->args[0], positions));
      collect_reads(emit, Expr(found.terms.back()), weight, found, seen);
    }
    return;
  }
  found.reduces |= e->op == Scalar::reduce;
  for (const Expr& arg : e->args)
    collect_reads(emit, arg, e->op == Scalar::reduce ? weight * weight_inside_reduction : weight, found, seen);
}

// Axes that a schedule names stay as they are.
std::set<int> named_axes(const Schedule& schedule) {
  std::set<int> named(schedule.order.begin(), schedule.order.end());
  named.insert({schedule.vector_axis, schedule.parallel_axis});
  for (const auto& [axis, size] : schedule.tile) named.insert(axis);
  return named;
}

// What an access has of an outer axis and one inside of it: both, one behind the other; one of them alone; or neither.
enum class Share : std::uint8_t { both, outer, inner, neither, another };

Share share_of(const Expr& offset, const Axis& outer, const Axis& inner) {
  const std::optional<Dim> far = coefficient_of(offset, outer.id), near = coefficient_of(offset, inner.id);
  if (!far || !near) return Share::another;
  if (*near == Dim(0)) return *far == Dim(0) ? Share::neither : *far == Dim(1) ? Share::outer : Share::another;
  if (!(*near == Dim(1))) return Share::another;
  return *far == inner.extent ? Share::both : *far == Dim(0) ? Share::inner : Share::another;
}

// Whether two axes (heads, and features of a head) can be one: what has the outer alone is then shared by neighbours; what has the inner
// alone, buffers that stay in registers, comes again and again. Gives which of them stands alone.
std::optional<Share> can_group(const Emitter& emit, const std::vector<Assignment>& body, const Touches& touches, const Axis& outer,
                               const Axis& inner) {
  if (outer.ragged != nullptr || inner.ragged != nullptr || !inner.extent.is_constant() || !outer.extent.is_constant()) return std::nullopt;
  const std::int64_t group = inner.extent.constant();
  const int width = emit.width(body[0].type.dtype == DType::f64 ? DType::f64 : DType::f32);
  if (group < 2 || width % group != 0) return std::nullopt;
  bool both = false;
  std::optional<Share> alone;
  for (const Touch& touch : touches.all) {
    const Share share = share_of(touch.offset, outer, inner);
    if (share == Share::another || (touch.guarded && share != Share::neither)) return std::nullopt;
    both |= share == Share::both;
    if (share != Share::outer && share != Share::inner) continue;
    if ((alone && *alone != share) || (share == Share::inner && !touch.of_buffer)) return std::nullopt;
    alone = share;
  }
  const bool fits = both && alone && std::all_of(body.begin(), body.end(), [&](const Assignment& a) {
                      const Share share = share_of(storage_offset(a.type, a.index), outer, inner);
                      if (a.folded) return share == Share::outer;
                      if (share == Share::neither) return a.accumulate != Accumulate::none;
                      return share == Share::both || (share == Share::outer && a.accumulate != Accumulate::none && a.base[0] == 'l');
                    });
  return fits ? alone : std::nullopt;
}

}  // namespace

Touches touches_of(Emitter& emit, const std::vector<Assignment>& body) {
  Touches found;
  std::set<std::pair<const Expr::Node*, int>> seen;
  std::set<const Expr::Node*> seen_values;
  for (const Assignment& a : body) {
    collect_reads(emit, a.value, 1, found, seen);
    collect_values(a.value, found, seen_values);
    for (const Expr& index : a.index) {
      collect_reads(emit, index, 1, found, seen);
      if (!affine(index).affine) pin(index, found.pinned);
    }
    Touch store;
    store.offset = storage_offset(a.type, a.index);
    store.plain = affine(store.offset);
    store.store = true;
    found.all.push_back(std::move(store));
  }
  return found;
}

Dim coefficient(const Affine& offset, int axis) {
  const auto found = offset.coefficients.find(axis);
  return found == offset.coefficients.end() ? Dim(0) : found->second;
}

void substitute(std::vector<Assignment>& body, const std::map<int, Expr>& positions) {
  for (Assignment& a : body) {
    a.value = substitute_axes(a.value, positions);
    for (Expr& index : a.index) index = substitute_axes(index, positions);
  }
}

bool in_target(const Assignment& a, int axis) {
  return std::any_of(a.index.begin(), a.index.end(), [&](const Expr& index) { return uses_axis(index, axis); });
}

bool bounds_ragged(const std::vector<Axis>& axes, int id) {
  return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) {
    return axis.ragged != nullptr && (uses_axis(axis.ragged->first, id) || uses_axis(axis.ragged->second, id));
  });
}

void merge_axes(Emitter& emit, std::vector<Axis>& axes, std::vector<Assignment>& body, const Schedule& schedule) {
  for (bool merged = true; merged;) {
    merged = false;
    Touches touches = touches_of(emit, body);
    touches.pinned.merge(named_axes(schedule));
    for (std::size_t i = 0; i < axes.size() && !merged; ++i) {
      for (std::size_t k = 0; k < axes.size() && !merged; ++k) {
        const Axis &outer = axes[i], &inner = axes[k];
        if (i == k || outer.ragged != nullptr || inner.ragged != nullptr || touches.pinned.count(outer.id) != 0 ||
            touches.pinned.count(inner.id) != 0 || bounds_ragged(axes, outer.id) || bounds_ragged(axes, inner.id))
          continue;
        const bool behind = std::all_of(touches.all.begin(), touches.all.end(), [&](const Touch& touch) {
          return touch.plain.affine && coefficient(touch.plain, outer.id) == inner.extent * coefficient(touch.plain, inner.id);
        });
        const bool used = std::any_of(touches.all.begin(), touches.all.end(),
                                      [&](const Touch& t) { return !(coefficient(t.plain, inner.id) == Dim(0)); });
        // Accumulations must agree on which of them they reduce over.
        const bool alike = std::all_of(body.begin(), body.end(), [&](const Assignment& a) {
          return a.accumulate == Accumulate::none || in_target(a, outer.id) == in_target(a, inner.id);
        });
        if (!behind || !used || !alike) continue;
        axes[k].extent *= outer.extent;
        emit.set_axes({axes[k]});
        substitute(body, {{outer.id, Expr(0)}});
        axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i));
        merged = true;
      }
    }
  }
}

int group_axes(Emitter& emit, std::vector<Axis>& axes, std::vector<Assignment>& body, const Schedule& schedule) {
  const Touches touches = touches_of(emit, body);
  Touches values;
  std::set<const Expr::Node*> seen;
  for (const Assignment& a : body) collect_values(a.value, values, seen);
  values.pinned.merge(named_axes(schedule));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const Axis outer = axes[i], inner = axes[k];
      if (i == k || values.pinned.count(outer.id) != 0 || values.pinned.count(inner.id) != 0 || bounds_ragged(axes, outer.id) ||
          bounds_ragged(axes, inner.id))
        continue;
      const std::optional<Share> alone = can_group(emit, body, touches, outer, inner);
      if (!alone) continue;
      const Expr position =
          make(*alone == Share::outer ? Scalar::floor_div : Scalar::mod, {axis_position(inner), Expr(inner.extent.constant())});
      const auto moved = [&](const Type& type, std::vector<Expr> index) {
        const bool stands_alone = share_of(storage_offset(type, index), outer, inner) == *alone;
        std::map<int, Expr> positions{{outer.id, Expr(0)}};
        if (stands_alone) positions = {{*alone == Share::outer ? outer.id : inner.id, position}};
        for (Expr& at : index) at = substitute_axes(at, positions);
        return index;
      };
      for (Assignment& a : body) {
        a.value = rewrite(a.value, [&](const Expr& e) -> Expr {
          if (e->op != Scalar::read || has_outside(e) || (!uses_axis(e, outer.id) && !uses_axis(e, inner.id))) return {};
          return read(static_cast<int>(e->integer), e.dtype(), moved(emit.operand_type(e->integer), index_of(e)));
        });
        a.index = moved(a.type, a.index);
      }
      axes[k].extent *= outer.extent;
      emit.set_axes({axes[k]});
      axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(i));
      return inner.id;
    }
  }
  return -1;
}

int fold_in_lanes(Emitter& emit, std::vector<Axis>& axes, std::vector<Assignment>& body, const Schedule& schedule) {
  std::vector<Axis> more = axes;
  std::vector<Assignment> folded = body;
  for (Assignment& a : folded) {
    const Expr sum = a.value;
    if (a.accumulate != Accumulate::none || sum->op != Scalar::reduce || sum->axes.size() != 1 || sum->axes[0].ragged != nullptr ||
        !accumulation_of(sum->reduction) || !is_float(sum.dtype()))
      return -1;
    if (more.size() == axes.size()) more.push_back(sum->axes[0]);
    if (!(sum->axes[0].extent == more.back().extent)) return -1;
    a.folded = sum->reduction;
    a.value = substitute_axes(sum->args[0], {{sum->axes[0].id, axis_position(more.back())}});
  }
  const int lane = group_axes(emit, more, folded, schedule);
  if (lane < 0) return -1;
  axes = std::move(more);
  body = std::move(folded);
  return lane;
}

}  // namespace neap
