// The gradient of a map: each read x[g(i)] of a value v(i) written to y[w(i)] gives dx[g(i)] += dy[w(i)] * dv/dread.
// Where g is a permutation of axes this is gathered (each element of dx sums what reaches it); elsewhere it is scattered.
#include <algorithm>
#include <set>

#include "neap/autodiff/gradient.h"
#include "neap/base/error.h"
#include "neap/ir/map_walk.h"

namespace neap {
namespace {

// One read of an operand and what reaches it, as an expression over `axes` (the map's, the stage's, and those of reductions around the
// read).
struct Contribution {
  Expr read;
  std::vector<Axis> axes;
  Expr value;
};

class Reverse {
 public:
  Reverse(std::vector<Contribution>& found, Expr output, int& next_axis)
      : found_(found), output_(std::move(output)), next_axis_(next_axis) {}

  void walk(const Expr& root, const std::vector<Axis>& axes, const Expr& adjoint) {
    // Arguments come before their users in `order`, so that going backwards every adjoint is complete when it is passed on.
    std::vector<Expr> order;
    visit_scope(root, order);
    std::map<const Expr::Node*, Expr> adjoints{{root.node().get(), adjoint}};
    const auto add = [&](const Expr& to, const Expr& amount) {
      Expr& sum = adjoints[to.node().get()];
      sum = sum ? sum + amount : amount;
    };
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      const Expr& e = *it;
      const auto mine = adjoints.find(e.node().get());
      if (mine == adjoints.end() || !is_float(e.dtype())) continue;
      const Expr a = mine->second;
      if (e->op == Scalar::read) {
        note(e, axes, a);
        if (static_cast<int>(e->args.size()) > e->rank) outside(e, a, add);
      } else if (e->op == Scalar::cast) {
        if (is_float(e->args[0].dtype())) add(e->args[0], cast(a, e->args[0].dtype()));
      } else if (e->op == Scalar::reduce) {
        reduction(e, root, axes, a);
      } else if (e->op == Scalar::select) {
        const Expr zero = constant(e.dtype(), 0);
        add(e->args[1], select(e->args[0], a, zero));
        add(e->args[2], select(e->args[0], zero, a));
      } else {
        for (std::size_t i = 0; i < e->args.size(); ++i) {
          if (!is_float(e->args[i].dtype())) continue;
          if (const Expr d = partial(e, i)) add(e->args[i], a * d);
        }
      }
    }
  }

 private:
  // Nodes of one scope: not the bodies of reductions (walked on their own), nor index expressions.
  static void visit_scope(const Expr& root, std::vector<Expr>& order) {
    std::set<const Expr::Node*> seen;
    const auto go = [&](const auto& self, const Expr& e) -> void {
      if (!seen.insert(e.node().get()).second) return;
      if (e->op == Scalar::read) {
        if (static_cast<int>(e->args.size()) > e->rank) self(self, e->args.back());
      } else if (e->op != Scalar::reduce) {
        for (const Expr& arg : e->args) self(self, arg);
      }
      order.push_back(e);
    };
    go(go, root);
  }

  template <class Add>
  static void outside(const Expr& e, const Expr& adjoint, const Add& add) {
    if (e->args.back()->op == Scalar::constant) return;
    throw Error("a read whose outside value is computed has no derived gradient", "", "give the operator a gradient of its own");
    add(e, adjoint);
  }

  void note(const Expr& read, const std::vector<Axis>& axes, const Expr& value) {
    for (Contribution& c : found_) {
      const bool same_axes = c.axes.size() == axes.size() && std::equal(axes.begin(), axes.end(), c.axes.begin(),
                                                                        [](const Axis& a, const Axis& b) { return a.id == b.id; });
      if (same_axes && same(c.read, read)) {
        c.value = c.value + value;
        return;
      }
    }
    found_.push_back({read, axes, value});
  }

  void reduction(const Expr& e, const Expr& root, const std::vector<Axis>& axes, const Expr& adjoint) {
    std::vector<Axis> inner = axes;
    inner.insert(inner.end(), e->axes.begin(), e->axes.end());
    const Expr& body = e->args[0];
    if (e->reduction == Reduction::sum) {
      walk(body, inner, adjoint);
    } else if (e->reduction == Reduction::max || e->reduction == Reduction::min) {
      const Expr extreme = e.node() == root.node() && static_cast<bool>(output_) ? output_ : with_fresh_axes(e);
      walk(body, inner, neap::select(body == extreme, adjoint, constant(e.dtype(), 0)));
    } else {
      throw Error(fmt::format("a reduction by {} has no derived gradient", name(e->reduction)), "",
                  "give the operator a gradient of its own");
    }
  }

  // The same reduction again, to stand inside itself.
  Expr with_fresh_axes(const Expr& e) {
    std::map<int, Expr> fresh;
    for (Axis axis : e->axes) {
      const int old = std::exchange(axis.id, next_axis_++);
      fresh.emplace(old, axis_position(axis));
    }
    return substitute_axes(e, fresh);
  }

  std::vector<Contribution>& found_;
  Expr output_;
  int& next_axis_;
};

// If each index is an axis of its own (plus a constant) or a constant: which axis stands at each position, -1 for a constant.
bool gathers(const Contribution& c, std::vector<int>& axis_at, std::vector<Dim>& shift) {
  std::set<int> taken;
  for (int i = 0; i < c.read->rank; ++i) {
    const Affine a = affine(c.read->args[static_cast<std::size_t>(i)]);
    if (!a.affine || a.coefficients.size() > 1) return false;
    axis_at.push_back(a.coefficients.empty() ? -1 : a.coefficients.begin()->first);
    shift.push_back(a.rest);
    if (a.coefficients.empty()) continue;
    if (!(a.coefficients.begin()->second == Dim(1)) || !taken.insert(axis_at.back()).second) return false;
  }
  // An axis that takes part may neither be ragged nor bound a ragged one.
  return std::none_of(c.axes.begin(), c.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
}

// dx[k...] = sum over the axes that do not appear in the read, where k is in the range that was read.
Expr gathered(const Contribution& c, const Type& type, const std::vector<int>& axis_at, const std::vector<Dim>& shift, int& next_axis,
              std::vector<Axis>& outer) {
  std::map<int, Expr> position;
  Expr in_range;
  const auto require = [&](const Expr& condition) { in_range = in_range ? in_range && condition : condition; };
  std::vector<Axis> rest;
  for (const Axis& axis : c.axes) {
    const auto at = std::find(axis_at.begin(), axis_at.end(), axis.id);
    if (at == axis_at.end()) {
      Axis fresh = axis;
      fresh.id = next_axis++;
      position[axis.id] = axis_position(fresh);
      rest.push_back(fresh);
    }
  }
  for (std::size_t i = 0; i < axis_at.size(); ++i) {
    const Expr k = axis_position(outer[i]);
    if (axis_at[i] < 0) {
      if (!(type.shape[i] == Dim(1))) require(k == Expr(shift[i]));
      continue;
    }
    const Axis& axis = *std::find_if(c.axes.begin(), c.axes.end(), [&](const Axis& a) { return a.id == axis_at[i]; });
    const Expr source = k - Expr(shift[i]);
    position[axis.id] = source;
    if (shift[i] == Dim(0) && axis.extent == type.shape[i]) continue;
    if (!(shift[i] == Dim(0))) require(source >= Expr(0));
    require(source < Expr(axis.extent));
  }
  Expr value = substitute_axes(c.value, position);
  if (in_range) value = select(in_range, value, constant(type.dtype, 0));
  return reduce(Reduction::sum, rest, value);
}

Map scatter_map(const Contribution& c, const Type& type) {
  Map map;
  map.axes = c.axes;
  Stage stage;
  stage.accumulate = Accumulate::sum;
  stage.value = c.value;
  Expr inside;
  for (int i = 0; i < c.read->rank; ++i) stage.index.push_back(c.read->args[static_cast<std::size_t>(i)]);
  if (static_cast<int>(c.read->args.size()) > c.read->rank) {
    for (std::size_t i = 0; i < stage.index.size(); ++i) {
      const Expr fits = stage.index[i] >= Expr(0) && stage.index[i] < Expr(type.shape[i]);
      inside = inside ? inside && fits : fits;
    }
    for (Expr& index : stage.index) index = select(inside, index, Expr(0));
    stage.value = select(inside, stage.value, constant(type.dtype, 0));
  }
  map.stages.push_back(std::move(stage));
  return map;
}

}  // namespace

std::vector<Var> map_gradient(Builder& build, const Map& map, const std::vector<Var>& inputs, const std::vector<Var>& outputs,
                              const std::vector<Var>& cotangents) {
  if (!map.locals.empty()) throw Error("a map with buffers of its own has no derived gradient", "", "differentiate before fusing");
  // Operands of the new maps: the old inputs, the old outputs, the cotangents; unused ones are dropped below.
  const int n = static_cast<int>(inputs.size()), m = static_cast<int>(outputs.size());
  std::vector<Contribution> found;
  // Reductions inside a contribution's value keep ids of their own; a new map's axes must not meet them.
  int next_axis = highest_axis(map) + 1;
  for (const Stage& stage : map.stages) {
    const Var& cotangent = cotangents[static_cast<std::size_t>(stage.target)];
    if (!cotangent || !is_float(stage.value.dtype())) continue;
    if (stage.accumulate == Accumulate::max || stage.accumulate == Accumulate::min) {
      throw Error("an accumulated maximum has no derived gradient", "", "give the operator a gradient of its own");
    }
    std::vector<Axis> axes = map.axes;
    axes.insert(axes.end(), stage.axes.begin(), stage.axes.end());
    const Expr result = stage.accumulate == Accumulate::none ? read(n + stage.target, stage.value.dtype(), stage.index) : Expr();
    Reverse(found, result, next_axis).walk(stage.value, axes, read(n + m + stage.target, cotangent.dtype(), stage.index));
  }
  std::vector<Var> operands = inputs;
  operands.insert(operands.end(), outputs.begin(), outputs.end());
  operands.insert(operands.end(), cotangents.begin(), cotangents.end());

  const auto emit = [&](Map made, const Type& type) {
    std::map<std::int64_t, std::int64_t> number;  // old operand -> new
    std::vector<Var> used;
    renumber_reads(made, [&](std::int64_t operand) {
      const auto [at, fresh] = number.emplace(operand, static_cast<std::int64_t>(used.size()));
      if (fresh) used.push_back(operands[static_cast<std::size_t>(operand)]);
      return at->second;
    });
    return build.map(std::move(made), type, used);
  };

  std::vector<Var> gradients(inputs.size());
  for (int operand = 0; operand < n; ++operand) {
    if (!inputs[static_cast<std::size_t>(operand)]) continue;
    Type type = inputs[static_cast<std::size_t>(operand)].type();
    type.layout = {};
    if (element_count(type.shape) == Dim(0)) continue;
    Map gather;
    for (std::size_t i = 0; i < type.shape.size(); ++i) {
      gather.axes.push_back({next_axis++, fmt::format("i{}", i), type.shape[i], nullptr});
    }
    Expr sum;
    std::vector<Var> parts;
    for (const Contribution& c : found) {
      if (c.read->integer != operand) continue;
      std::vector<int> axis_at;
      std::vector<Dim> shift;
      if (gathers(c, axis_at, shift)) {
        const Expr part = gathered(c, type, axis_at, shift, next_axis, gather.axes);
        sum = sum ? sum + part : part;
      } else {
        parts.push_back(emit(scatter_map(c, type), type));
      }
    }
    if (sum) {
      Stage stage;
      stage.index = positions(gather.axes);
      stage.value = sum;
      gather.stages.push_back(std::move(stage));
      parts.push_back(emit(std::move(gather), type));
    }
    for (const Var& part : parts) {
      Var& gradient = gradients[static_cast<std::size_t>(operand)];
      gradient = gradient ? gradient + part : part;
    }
  }
  return gradients;
}

}  // namespace neap
