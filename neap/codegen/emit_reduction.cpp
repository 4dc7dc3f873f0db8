// Reductions inside expressions: loops with one accumulator for each instance (a row of a tile, a part of the lanes), so that what is
// loaded once serves all of them; windows as the same term by term; or, where elements lie along the reduction's own axis, vectors along
// it that are folded at the end.
#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/emitter.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

bool by_position(const Expr& reduction) { return reduction->reduction == Reduction::argmax || reduction->reduction == Reduction::argmin; }

bool alike(const Expr& a, const Expr& b) {
  return a->axes.size() == b->axes.size() && a->reduction == b->reduction &&
         std::equal(a->axes.begin(), a->axes.end(), b->axes.begin(),
                    [](const Axis& x, const Axis& y) { return x.id == y.id && x.ragged == y.ragged; });
}

}  // namespace

// Reductions that stand in no other reduction, in order, each once; not those that a condition makes legal, which are made where they
// stand.
void Emitter::outer_reductions(const Expr& e, std::vector<Expr>& found, std::set<const Expr::Node*>& seen) {
  if (!seen.insert(e.node().get()).second) return;
  if (e->op == Scalar::reduce) {
    found.push_back(e);
    return;
  }
  for (std::size_t i = 0; i < e->args.size(); ++i) {
    if (e->op != Scalar::select || i == 0 || !needs_guard(e->args[i])) outer_reductions(e->args[i], found, seen);
  }
}

void Emitter::prepare(LoopLevel& here, const std::vector<Instance>& instances) {
  std::vector<std::vector<Expr>> found;
  std::size_t most = 0;
  for (const Instance& instance : instances) {
    std::set<const Expr::Node*> seen;
    outer_reductions(instance.value, found.emplace_back(), seen);
    most = std::max(most, found.back().size());
  }
  for (std::size_t i = 0; i < most; ++i) {
    // Instances of one expression have their reductions in the same order; where folding made them differ, each goes alone.
    std::vector<Instance> group;
    for (std::size_t k = 0; k < found.size(); ++k) {
      if (i >= found[k].size()) continue;
      const Expr& e = found[k][i];
      if (static_cast<bool>(instances[k].guard) && needs_guard(e)) continue;
      if (group.empty() || alike(e, group[0].value)) {
        group.push_back({e, instances[k].part});
      } else {
        reductions(here, {{e, instances[k].part}});
      }
    }
    if (!group.empty()) reductions(here, group);
  }
}

std::unique_ptr<LoopLevel> Emitter::open_loop(LoopLevel& around, const Axis& axis) {
  const auto [begin, end] = range_of(around, axis);
  return around.loop(axis.id, begin, end);
}

std::string Emitter::fold_into(LoopLevel& at, Reduction reduction, const std::string& total, const Instance& body, Form form, bool masked) {
  const DType dtype = body.value.dtype();
  const auto argument = [&](const Expr& e) {
    const Term term = value(at, e, body.part, body.guard);
    return form == Form::vector ? lanes_of(at, term, e.dtype()) : term.text;
  };
  if (reduction == Reduction::sum && is_float(dtype) && body.value->op == Scalar::mul && !masked) {
    const std::string a = argument(body.value->args[0]), b = argument(body.value->args[1]);
    return fmt::format("{0} = fma({1}, {2}, {0});\n", total, a, b);
  }
  std::string element = argument(body.value);
  if (masked) {
    const std::string vector = compute_type(at.lanes.dtype, Form::vector), first = at.lanes.dtype == DType::f64 ? "first64" : "first32";
    element = fmt::format("select({}({}), {}, splat<{}>({}))", first, at.lanes.count, element, vector, identity_literal(reduction, dtype));
  }
  return fmt::format("{} = {};\n", total, fold_text(reduction, dtype, total, element));
}

// The axis of a reduction along which its elements lie, if it can be computed in vectors along it.
std::optional<std::size_t> Emitter::lane_axis_of(const Expr& reduction) {
  if (reduction->reduction > Reduction::min || !is_float(reduction.dtype())) return std::nullopt;
  std::optional<std::size_t> best;
  int most = 0;
  for (std::size_t i = 0; i < reduction->axes.size(); ++i) {
    const Axis& axis = reduction->axes[i];
    if (axis.ragged != nullptr) continue;
    // Axes of ragged loops inside of it would begin at another place in every lane.
    std::optional<DType> dtype;
    if (!vectorises(reduction->args[0], axis.id, dtype) || !dtype) continue;
    int along = 0, across = 0;
    visit(reduction->args[0], [&](const Expr& e) {
      if (e->op != Scalar::read || !depends(e, axis.id)) return;
      const auto step = coefficient_of(storage_offset(operand_type(e->integer), index_of(e)), axis.id);
      (step && *step == Dim(1) ? along : across) += 1;
    });
    if (along > across && along > most) {
      most = along;
      best = i;
    }
  }
  return best;
}

std::optional<std::size_t> Emitter::lane_axis_of(const std::vector<Instance>& group) {
  const auto along = lane_axis_of(group[0].value);
  if (!along) return std::nullopt;
  // Of a tile's rows, some may stand at an edge, where what is outside depends on the axis.
  std::optional<DType> dtype;
  const bool all = std::all_of(group.begin(), group.end(),
                               [&](const Instance& one) { return vectorises(one.value->args[0], group[0].value->axes[*along].id, dtype); });
  return all ? along : std::nullopt;
}

Emitter::Reductions Emitter::not_known(LoopLevel& here, const std::vector<Instance>& given) {
  Reductions wanted;
  std::set<std::pair<const Expr::Node*, int>> seen;
  const auto reach = [&](const std::set<int>& axes) {
    for (const int axis : axes) wanted.depth = std::max(wanted.depth, depth_of_axis(here, axis));
  };
  for (const Instance& instance : given) {
    const Expr& e = instance.value;
    kept_.push_back(e);
    const bool lane = depends(e, here.lanes.axis);
    const Expr guard = static_cast<bool>(instance.guard) && needs_guard(e) ? instance.guard : Expr();
    if (guard) {
      kept_.push_back(guard);
      reach(axes_of(guard));
    }
    wanted.in_lanes |= lane;
    reach(axes_of(e));
    visit(e, [&](const Expr& x) {
      if (x->op == Scalar::read && x->integer < 0) wanted.depth = std::max(wanted.depth, depth_of_buffer(here, operand_name(x->integer)));
    });
    const int part = lane ? instance.part : -1;
    bool known = false;
    for (const LoopLevel* at = &here; at != nullptr; at = at->parent)
      known |= at->known.count({e.node().get(), part, guard.node().get()}) != 0;
    if (!known && seen.insert({e.node().get(), part}).second) wanted.group.push_back({e, part, guard});
  }
  return wanted;
}

void Emitter::reductions(LoopLevel& here, const std::vector<Instance>& given) {
  const Reductions wanted = not_known(here, given);
  if (wanted.group.empty()) return;
  LoopLevel& at = ancestor(here, wanted.depth);
  if (is_window(wanted.group[0].value)) {
    window(at, wanted.group, wanted.in_lanes);
  } else if (const auto along = wanted.in_lanes ? std::nullopt : lane_axis_of(wanted.group)) {
    vector_reduction(at, wanted.group, *along);
  } else {
    loop_reduction(at, wanted.group, wanted.in_lanes);
  }
}

// Axes that a condition on a read depends on go outside: the condition is then tested once for a whole row.
std::vector<Axis> Emitter::axes_in_order(const Expr& reduction) {
  std::vector<Axis> axes = reduction->axes;
  const bool ragged = std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
  if (ragged || by_position(reduction)) return axes;
  std::set<int> conditional;
  visit(reduction->args[0], [&](const Expr& e) {
    if (e->op != Scalar::read || !has_outside(e)) return;
    const Expr inside = inside_condition(e, operand_type(e->integer), axes_);
    for (const int axis : free_axes(inside)) conditional.insert(axis);
  });
  std::stable_partition(axes.begin(), axes.end(), [&](const Axis& axis) { return conditional.count(axis.id) != 0; });
  return axes;
}

void Emitter::loop_reduction(LoopLevel& at, const std::vector<Instance>& group, bool in_lanes) {
  const Expr& first = group[0].value;
  const bool position = by_position(first);
  const DType dtype = first->args[0].dtype();
  const Form form = in_lanes ? Form::vector : Form::scalar;
  const std::string type = compute_type(in_lanes ? at.lanes.dtype : dtype, form);
  std::vector<std::string> totals, best;
  std::string declared;
  for (std::size_t i = 0; i < group.size(); ++i) {
    totals.push_back(fresh("r"));
    if (position) {
      best.push_back(fresh("b"));
      declared += fmt::format("{} {} = 0;\ni64 {} = -1;\n", type, best.back(), totals.back());
    } else {
      const std::string start = identity_literal(first->reduction, dtype);
      declared += fmt::format("{} {} = {};\n", type, totals.back(), in_lanes ? fmt::format("splat<{}>({})", type, start) : start);
    }
  }
  const std::vector<Axis> axes = axes_in_order(first);
  std::vector<std::unique_ptr<LoopLevel>> loops;
  for (const Axis& axis : axes) loops.push_back(open_loop(loops.empty() ? at : *loops.back(), axis));
  LoopLevel& inside = *loops.back();
  std::vector<Instance> bodies;
  for (const Instance& instance : group) bodies.push_back({instance.value->args[0], std::max(instance.part, 0), instance.guard});
  if (axes.back().ragged != nullptr) prefetch_rows(inside, axes.back(), bodies);
  prepare(inside, bodies);
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (position) {
      const std::string element = value(inside, bodies[i].value, bodies[i].part, bodies[i].guard).text;
      inside.text += fmt::format("if ({0} < 0 || ({1} == {1} && ({2} {3} {1} || {2} != {2}))) {{\n{1} = {2};\n{0} = {4};\n}}\n", totals[i],
                                 best[i], element, first->reduction == Reduction::argmax ? ">" : "<", axis_name(axes.back().id));
    } else {
      const std::string step = fold_into(inside, first->reduction, totals[i], bodies[i], form, false);
      inside.text += step;
    }
  }
  std::string text;
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    (*loop)->text += text;
    text = (*loop)->close();
  }
  at.text += declared + text;
  for (std::size_t i = 0; i < group.size(); ++i)
    at.known[{group[i].value.node().get(), group[i].part, group[i].guard.node().get()}] = {totals[i], at.depth, form};
}

// Whether a term of a reduction is outside of what it reads and so changes nothing there: zero times a weight, too, is not added, as in
// libraries (the weight may be infinite).
bool Emitter::adds_nothing(const Expr& term, Reduction reduction) {
  const auto start = [&](const Expr& e) {
    const Number neutral = identity(reduction, e.dtype());
    return e->op == Scalar::constant && (is_float(e.dtype()) ? e->number == neutral.real : e->integer == neutral.integer);
  };
  switch (term->op) {
    case Scalar::constant:
      return start(term);
    case Scalar::read: {
      if (!has_outside(term) || !start(term->args.back())) return false;
      std::vector<Expr> conditions;
      conjuncts(inside_condition(term, operand_type(term->integer), axes_), conditions);
      return std::any_of(conditions.begin(), conditions.end(), [](const Expr& c) { return c->op == Scalar::constant; });
    }
    case Scalar::cast:
      return adds_nothing(term->args[0], reduction);
    case Scalar::mul:
      return reduction == Reduction::sum && (adds_nothing(term->args[0], reduction) || adds_nothing(term->args[1], reduction));
    default:
      return false;
  }
}

// Term by term, and each term for all instances: a filter's tap is loaded once for a tile, and the sums are chains side by side.
void Emitter::window(LoopLevel& at, const std::vector<Instance>& group, bool in_lanes) {
  const Expr& first = group[0].value;
  const DType dtype = first->args[0].dtype();
  const Form form = in_lanes ? Form::vector : Form::scalar;
  const std::string type = compute_type(in_lanes ? at.lanes.dtype : dtype, form), start = identity_literal(first->reduction, dtype);
  std::vector<std::string> totals;
  for (const Instance& instance : group) {
    totals.push_back(fresh("r"));
    at.text += fmt::format("{} {} = {};\n", type, totals.back(), in_lanes ? fmt::format("splat<{}>({})", type, start) : start);
    at.known[{instance.value.node().get(), instance.part, instance.guard.node().get()}] = {totals.back(), at.depth, form};
  }
  for (const auto& positions : window_terms(first)) {
    std::vector<Instance> terms;
    for (const Instance& instance : group) {
      terms.push_back({substitute_axes(instance.value->args[0], positions), std::max(instance.part, 0), instance.guard});
      kept_.push_back(terms.back().value);
    }
    prepare(at, terms);
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (adds_nothing(terms[i].value, first->reduction)) continue;
      const std::string step = fold_into(at, first->reduction, totals[i], terms[i], form, false);
      at.text += step;
    }
  }
}

void Emitter::vector_reduction(LoopLevel& at, const std::vector<Instance>& group, std::size_t along) {
  const Expr& first = group[0].value;
  const Axis lane = first->axes[along];
  std::optional<DType> dtype;
  for (const Instance& instance : group) vectorises(instance.value->args[0], lane.id, dtype);
  const int lanes = width(*dtype);
  const bool is_long = !lane.extent.is_constant() || lane.extent.constant() >= 4 * lanes;
  const int parts = is_long && group.size() == 1 ? 4 : 1;
  const std::string type = compute_type(*dtype, Form::vector), start = identity_literal(first->reduction, first.dtype());
  std::vector<std::vector<std::string>> totals;
  for (std::size_t i = 0; i < group.size(); ++i) {
    totals.emplace_back();
    for (int part = 0; part < parts; ++part) {
      totals.back().push_back(fresh("r"));
      at.text += fmt::format("{0} {1} = splat<{0}>({2});\n", type, totals.back().back(), start);
    }
  }
  std::vector<std::unique_ptr<LoopLevel>> loops;
  for (std::size_t i = 0; i < first->axes.size(); ++i) {
    if (i != along) loops.push_back(open_loop(loops.empty() ? at : *loops.back(), first->axes[i]));
  }
  LoopLevel& around = loops.empty() ? at : *loops.back();
  const std::string name = axis_name(lane.id), end = dim(lane.extent);
  std::string text = fmt::format("{{\ni64 {} = 0;\n", name);
  const auto pass = [&](const std::string& head, int count, bool masked) {
    const auto level = around.inner(head);
    level->axes.insert(lane.id);
    level->lanes = {lane.id, *dtype, masked ? 0 : -1, masked ? fmt::format("(int)({} - {})", end, name) : ""};
    std::vector<Instance> bodies;
    for (const Instance& instance : group) {
      for (int part = 0; part < count; ++part) bodies.push_back({instance.value->args[0], part, instance.guard});
    }
    prepare(*level, bodies);
    std::size_t next = 0;
    for (std::size_t i = 0; i < group.size(); ++i) {
      for (int part = 0; part < count; ++part) {
        const std::string step =
            fold_into(*level, first->reduction, totals[i][static_cast<std::size_t>(part)], bodies[next++], Form::vector, masked);
        level->text += step;
      }
    }
    text += level->close();
  };
  if (parts > 1) pass(fmt::format("for (; {0} + {1} <= {2}; {0} += {1}) {{\n", name, parts * lanes, end), parts, false);
  const bool exact = lane.extent.is_constant() && lane.extent.constant() % lanes == 0;
  pass(fmt::format("for (; {0} + {1} <= {2}; {0} += {1}) {{\n", name, lanes, end), 1, false);
  if (!exact) pass(fmt::format("if ({} < {}) {{\n", name, end), 1, true);
  text += "}\n";
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    (*loop)->text += text;
    text = (*loop)->close();
  }
  at.text += text;
  for (std::size_t i = 0; i < group.size(); ++i) {
    std::string whole = totals[i][0];
    for (int part = 1; part < parts; ++part) whole = fold_text(first->reduction, *dtype, whole, totals[i][static_cast<std::size_t>(part)]);
    const std::string result =
        define(at, "r", compute_type(first.dtype()), fmt::format("fold_lanes({}, {})", whole, fold_function(first->reduction, *dtype)));
    at.known[{group[i].value.node().get(), -1, group[i].guard.node().get()}] = {result, at.depth, Form::scalar};
  }
}

}  // namespace neap
