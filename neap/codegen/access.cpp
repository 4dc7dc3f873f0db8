#include "neap/codegen/access.h"

#include <algorithm>

#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::int64_t most_window_terms = 64, widest_window = 11, most_expanded_nodes = 4096;

// Lowest and highest value of an affine index; nothing where a bound is not a constant away from being known.
struct Bounds {
  bool low_known = false, high_known = false;
  Dim low, high;
};

bool not_negative(const Dim& dim) { return dim.is_constant() && dim.constant() >= 0; }

Bounds bounds_of(const Expr& index, const std::map<int, Axis>& axes) {
  const auto by_number = [&](Scalar op) {
    return index->op == op && index->args[1]->op == Scalar::constant && index->args[1]->integer > 0;
  };
  if (by_number(Scalar::mod)) return {true, true, Dim(0), Dim(index->args[1]->integer - 1)};
  if (by_number(Scalar::floor_div)) {  // of a group
    Bounds bounds = bounds_of(index->args[0], axes);
    if (!bounds.low_known || !bounds.high_known || !bounds.low.is_constant() || !bounds.high.is_constant() || !not_negative(bounds.low))
      return {};
    const std::int64_t group = index->args[1]->integer;
    return {true, true, bounds.low.constant() / group, bounds.high.constant() / group};
  }
  const Affine a = affine(index);
  Bounds bounds{a.affine, a.affine, a.rest, a.rest};
  for (const auto& [axis, coefficient] : a.coefficients) {
    const auto known = axes.find(axis);
    if (known == axes.end() || known->second.ragged != nullptr || !coefficient.is_constant()) return {};
    (coefficient.constant() < 0 ? bounds.low : bounds.high) += coefficient * (known->second.extent - Dim(1));
  }
  return bounds;
}

// By what `axis` is divided, where the offset is its quotient (or rest), and something without it.
std::optional<std::int64_t> divisor_of(const Expr& offset, int axis, Scalar op) {
  if (offset->op == Scalar::add) {
    const bool first = uses_axis(offset->args[0], axis);
    return first && uses_axis(offset->args[1], axis) ? std::nullopt : divisor_of(offset->args[first ? 0 : 1], axis, op);
  }
  const bool divided = offset->op == op && offset->args[0]->op == Scalar::axis && offset->args[0]->integer == axis &&
                       offset->args[1]->op == Scalar::constant;
  return divided ? std::optional(offset->args[1]->integer) : std::nullopt;
}

}  // namespace

std::vector<Expr> index_of(const Expr& read) { return {read->args.begin(), read->args.begin() + read->rank}; }
bool has_outside(const Expr& read) { return static_cast<int>(read->args.size()) > read->rank; }

bool has_read(const Expr& expr) {
  bool found = false;
  visit(expr, [&](const Expr& e) { found |= e->op == Scalar::read; });
  return found;
}

void conjuncts(const Expr& condition, std::vector<Expr>& found) {
  if (!condition) return;
  if (condition->op == Scalar::logical_and) {
    conjuncts(condition->args[0], found);
    conjuncts(condition->args[1], found);
  } else if (condition->op != Scalar::constant || condition->integer == 0) {
    found.push_back(condition);
  }
}

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

std::optional<std::vector<Dim>> strides(const Type& type) {
  std::vector<Layout::Level> levels = type.layout.levels;
  if (levels.empty()) {
    for (int axis = 0; axis < type.rank(); ++axis) levels.push_back({axis, 0});
  }
  std::vector<Dim> found(type.shape.size(), Dim(1));
  Dim stride = 1;
  for (auto level = levels.rbegin(); level != levels.rend(); ++level) {
    if (level->block > 0) return std::nullopt;
    found[static_cast<std::size_t>(level->axis)] = stride;
    stride *= type.shape[static_cast<std::size_t>(level->axis)];
  }
  return found;
}

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

std::optional<Dim> coefficient_of(const Expr& offset, int axis) {
  if (!uses_axis(offset, axis)) return Dim(0);
  switch (offset->op) {
    case Scalar::axis:
      return Dim(1);
    case Scalar::neg: {
      const auto a = coefficient_of(offset->args[0], axis);
      return a ? std::optional(Dim(0) - *a) : std::nullopt;
    }
    case Scalar::add:
    case Scalar::sub: {
      const auto a = coefficient_of(offset->args[0], axis), b = coefficient_of(offset->args[1], axis);
      if (!a || !b) return std::nullopt;
      return offset->op == Scalar::add ? *a + *b : *a - *b;
    }
    case Scalar::mul: {
      for (const int side : {0, 1}) {
        const Affine factor = affine(offset->args[static_cast<std::size_t>(side)]);
        if (!factor.affine || !factor.coefficients.empty()) continue;
        const auto other = coefficient_of(offset->args[static_cast<std::size_t>(1 - side)], axis);
        return other ? std::optional(*other * factor.rest) : std::nullopt;
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::int64_t group_of(const Expr& offset, int axis) { return divisor_of(offset, axis, Scalar::floor_div).value_or(1); }
std::int64_t period_of(const Expr& offset, int axis) { return divisor_of(offset, axis, Scalar::mod).value_or(0); }
bool shares_lanes(const Expr& offset, int axis) { return group_of(offset, axis) > 1 || period_of(offset, axis) > 0; }

std::map<int, Axis> axes_by_id(const Map& map) {
  std::map<int, Axis> found;
  const auto note = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) found[axis.id] = axis;
  };
  note(map.axes);
  for (const Stage& stage : map.stages) {
    note(stage.axes);
    visit(stage.value, [&](const Expr& e) { note(e->axes); });
    for (const Expr& index : stage.index) visit(index, [&](const Expr& e) { note(e->axes); });
  }
  return found;
}

bool surely_inside(const Expr& index, const Dim& size, const std::map<int, Axis>& axes) {
  const Bounds bounds = bounds_of(index, axes);
  return bounds.low_known && not_negative(bounds.low) && not_negative(size - Dim(1) - bounds.high);
}

bool surely_inside(const Expr& read, const Type& type, const std::map<int, Axis>& axes) {
  for (int i = 0; i < read->rank; ++i) {
    if (!surely_inside(read->args[static_cast<std::size_t>(i)], type.shape[static_cast<std::size_t>(i)], axes)) return false;
  }
  return true;
}

Expr inside_condition(const Expr& read, const Type& type, const std::map<int, Axis>& axes) {
  Expr inside = constant_int(DType::boolean, 1);
  for (int i = 0; i < read->rank; ++i) {
    const Expr& index = read->args[static_cast<std::size_t>(i)];
    const Dim& size = type.shape[static_cast<std::size_t>(i)];
    const Bounds bounds = bounds_of(index, axes);
    if (!bounds.low_known || !not_negative(bounds.low)) inside = inside && index >= Expr(0);
    if (!bounds.high_known || !not_negative(size - Dim(1) - bounds.high)) inside = inside && index < Expr(size);
  }
  return inside;
}

bool is_window(const Expr& e) {
  if (e->op != Scalar::reduce || e->reduction == Reduction::argmax || e->reduction == Reduction::argmin) return false;
  std::int64_t terms = 1;
  for (const Axis& axis : e->axes) {
    if (axis.ragged != nullptr || !axis.extent.is_constant() || axis.extent.constant() > widest_window) return false;
    terms *= std::max<std::int64_t>(axis.extent.constant(), 1);
  }
  std::int64_t nodes = 0;
  visit(e->args[0], [&](const Expr& x) { nodes += x->op == Scalar::reduce ? most_window_terms : 1; });
  return terms <= most_window_terms && terms * nodes <= most_expanded_nodes;
}

std::vector<std::map<int, Expr>> window_terms(const Expr& window) {
  std::vector<std::map<int, Expr>> terms{{}};
  for (const Axis& axis : window->axes) {
    std::vector<std::map<int, Expr>> longer;
    for (const auto& term : terms) {
      for (std::int64_t i = 0; i < axis.extent.constant(); ++i) {
        longer.push_back(term);
        longer.back()[axis.id] = Expr(i);
      }
    }
    terms = std::move(longer);
  }
  return terms;
}

}  // namespace neap
