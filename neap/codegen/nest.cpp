#include "neap/codegen/nest.h"

#include <algorithm>

#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::int64_t most_unrolled = 64;

struct Accesses {
  std::vector<Affine> plain;  // offsets that are affine
  std::set<int> pinned;       // axes that are used other than in affine, unguarded offsets: these may not be merged
};

void note_pinned(const Expr& e, std::set<int>& pinned) {
  for (const int axis : free_axes(e)) pinned.insert(axis);
}

void collect(const Expr& root, const std::vector<Type>& inputs, const std::vector<Local>& locals, Accesses& found) {
  visit(root, [&](const Expr& e) {
    if (e->op == Scalar::read) {
      const std::vector<Expr> index(e->args.begin(), e->args.begin() + e->rank);
      const auto at = static_cast<std::size_t>(e->integer >= 0 ? e->integer : -1 - e->integer);
      const Type type = e->integer >= 0 ? inputs[at] : Type{locals[at].dtype, locals[at].shape, {}};
      const Affine offset = affine(storage_offset(type, index));
      if (!offset.affine || static_cast<int>(e->args.size()) > e->rank) {
        for (const Expr& i : index) note_pinned(i, found.pinned);
      }
      if (offset.affine) found.plain.push_back(offset);
    }
  });
  // Axes whose position is used as a number: anything but an index.
  const auto values = [&](const auto& self, const Expr& e) -> void {
    if (e->op == Scalar::axis) found.pinned.insert(static_cast<int>(e->integer));
    if (e->op == Scalar::read) {
      if (static_cast<int>(e->args.size()) > e->rank) self(self, e->args.back());
      return;
    }
    for (const Expr& arg : e->args) self(self, arg);
    for (const Axis& axis : e->axes) {
      if (axis.ragged == nullptr) continue;
      note_pinned(axis.ragged->first, found.pinned);
      note_pinned(axis.ragged->second, found.pinned);
    }
  };
  values(values, root);
}

Dim coefficient(const Affine& offset, int axis) {
  const auto found = offset.coefficients.find(axis);
  return found == offset.coefficients.end() ? Dim(0) : found->second;
}

}  // namespace

std::set<int> free_axes(const Expr& expr) {
  std::set<int> found;
  if (expr->op == Scalar::axis) found.insert(static_cast<int>(expr->integer));
  for (const Expr& arg : expr->args) found.merge(free_axes(arg));
  for (const Axis& axis : expr->axes) {
    if (axis.ragged != nullptr) {
      found.merge(free_axes(axis.ragged->first));
      found.merge(free_axes(axis.ragged->second));
    }
    found.erase(axis.id);
  }
  return found;
}

Expr storage_offset(const Type& type, const std::vector<Expr>& index) {
  std::vector<Layout::Level> levels = type.layout.levels;
  if (levels.empty()) {
    for (int axis = 0; axis < type.rank(); ++axis) levels.push_back({axis, 0});
  }
  const auto block_of = [&](int axis) -> std::int64_t {
    for (const Layout::Level& level : levels) {
      if (level.axis == axis && level.block > 0) return level.block;
    }
    return 1;
  };
  Expr offset(0);
  Dim stride = 1;
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    const Expr& at = index[static_cast<std::size_t>(level->axis)];
    const std::int64_t block = block_of(level->axis);
    const Expr place = level->block > 0 ? make(Scalar::mod, {at, Expr(block)})
                       : block > 1      ? make(Scalar::floor_div, {at, Expr(block)})
                                        : at;
    offset = offset + place * Expr(stride);
    stride *= level->block > 0 ? Dim(level->block) : ceil_div(type.shape[static_cast<std::size_t>(level->axis)], block);
  }
  return offset;
}

bool unrolls(const Expr& reduction) {
  std::int64_t terms = 1;
  for (const Axis& axis : reduction->axes) {
    if (axis.ragged != nullptr || !axis.extent.is_constant()) return false;
    terms *= std::max<std::int64_t>(axis.extent.constant(), 1);
    if (terms > most_unrolled) return false;
  }
  if (reduction->reduction == Reduction::argmax || reduction->reduction == Reduction::argmin) return false;
  // A long body written out many times would not compile quickly.
  std::int64_t nodes = 0;
  visit(reduction->args[0], [&](const Expr& e) { nodes += e->op == Scalar::reduce ? most_unrolled : 1; });
  return terms * nodes <= 4096;
}

Expr unrolled(const Expr& reduction) {
  std::vector<std::map<int, Expr>> terms{{}};
  for (const Axis& axis : reduction->axes) {
    std::vector<std::map<int, Expr>> longer;
    for (const auto& term : terms) {
      for (std::int64_t i = 0; i < axis.extent.constant(); ++i) {
        longer.push_back(term);
        longer.back()[axis.id] = Expr(i);
      }
    }
    terms = std::move(longer);
  }
  static constexpr Scalar folds[] = {Scalar::add, Scalar::mul, Scalar::max, Scalar::min, Scalar::logical_or, Scalar::logical_and};
  const Scalar fold = folds[static_cast<std::size_t>(reduction->reduction)];
  Expr total;
  for (const auto& term : terms) {
    const Expr value = substitute_axes(reduction->args[0], term);
    total = total ? make(fold, {total, value}) : value;
  }
  return total;
}

Nest make_nest(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  Nest nest;
  Accesses found;
  bool scope = !map.locals.empty();
  std::optional<Affine> primary;
  for (const Stage& stage : map.stages) {
    scope |= !stage.axes.empty();
    collect(stage.value, inputs, map.locals, found);
    for (const Expr& index : stage.index) collect(index, inputs, map.locals, found);
    const auto at = static_cast<std::size_t>(stage.target >= 0 ? stage.target : -1 - stage.target);
    const Type type = stage.target >= 0 ? outputs[at] : Type{map.locals[at].dtype, map.locals[at].shape, {}};
    const Affine offset = affine(storage_offset(type, stage.index));
    if (!offset.affine) {
      for (const Expr& index : stage.index) note_pinned(index, found.pinned);
    } else {
      found.plain.push_back(offset);
      if (!primary || offset.coefficients.size() > primary->coefficients.size()) primary = offset;
    }
  }
  for (const Affine& offset : found.plain) {
    if (!primary || offset.coefficients.size() > primary->coefficients.size()) primary = offset;
  }
  for (const Axis& axis : map.axes) {
    const bool one = axis.ragged == nullptr && axis.extent == Dim(1);
    (one ? nest.single : nest.loops).push_back(axis);
    nest.covers[axis.id] = {axis.id};
  }
  if (scope || nest.loops.empty()) return nest;

  // Strides of the access that has the most axes give the order; a ragged axis stays behind what bounds it.
  const bool ragged = std::any_of(nest.loops.begin(), nest.loops.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
  const auto weight = [&](const Axis& axis) {
    const Dim stride = primary ? coefficient(*primary, axis.id) : Dim(0);
    if (stride == Dim(0)) return std::int64_t{1} << 50;  // not in it: outermost, a reduction's loop
    return stride.is_constant() ? std::abs(stride.constant()) : std::int64_t{1} << 40;
  };
  if (!ragged) std::stable_sort(nest.loops.begin(), nest.loops.end(), [&](const Axis& a, const Axis& b) { return weight(a) > weight(b); });

  for (std::size_t i = nest.loops.size(); i-- > 1;) {
    Axis &outer = nest.loops[i - 1], &inner = nest.loops[i];
    if (outer.ragged != nullptr || inner.ragged != nullptr || found.pinned.count(outer.id) != 0 || found.pinned.count(inner.id) != 0)
      continue;
    const bool contiguous = std::all_of(found.plain.begin(), found.plain.end(), [&](const Affine& offset) {
      return coefficient(offset, outer.id) == inner.extent * coefficient(offset, inner.id);
    });
    if (!contiguous) continue;
    inner.extent *= outer.extent;
    nest.merged_into[outer.id] = inner.id;
    nest.covers[inner.id].merge(nest.covers[outer.id]);
    nest.loops.erase(nest.loops.begin() + static_cast<std::ptrdiff_t>(i) - 1);
  }
  // The innermost loop is the vector loop, if anything lies along it.
  const Axis last = nest.loops.back();
  const bool along =
      std::any_of(found.plain.begin(), found.plain.end(), [&](const Affine& offset) { return coefficient(offset, last.id) == Dim(1); });
  if (last.ragged == nullptr && (along || nest.loops.size() == 1)) {
    nest.vector = last;
    nest.loops.pop_back();
  }
  return nest;
}

}  // namespace neap
