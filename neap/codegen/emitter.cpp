#include "neap/codegen/emitter.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/c_text.h"

namespace neap {
namespace {

constexpr std::int64_t longest_fill = 4096;  // elements of a row that stands for what is outside

std::string axis_name(int id) { return fmt::format("a{}", id); }

bool has_read(const Expr& e) {
  bool found = false;
  visit(e, [&](const Expr& x) { found |= x->op == Scalar::read; });
  return found;
}

}  // namespace

Emitter::Emitter(const Map& map, std::vector<Type> inputs, std::vector<Type> outputs, const std::vector<std::string>& symbols,
                 const Nest& nest)
    : map_(map), inputs_(std::move(inputs)), outputs_(std::move(outputs)), symbols_(symbols), nest_(nest) {
  const auto note = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) axes_[axis.id] = axis;
  };
  note(map.axes);
  for (const Stage& stage : map.stages) {
    note(stage.axes);
    visit(stage.value, [&](const Expr& e) { note(e->axes); });
  }
}

std::string Emitter::dim(const Dim& size) const { return dim_text(size, symbols_); }

const std::set<int>& Emitter::axes_of(const Expr& e) {
  const auto found = free_.find(e.node().get());
  if (found != free_.end()) return found->second;
  std::set<int> axes;
  if (e->op == Scalar::axis) axes.insert(static_cast<int>(e->integer));
  for (const Expr& arg : e->args) axes.insert(axes_of(arg).begin(), axes_of(arg).end());
  for (const Axis& axis : e->axes) {
    if (axis.ragged != nullptr) {
      for (const Expr* bound : {&axis.ragged->first, &axis.ragged->second}) axes.insert(axes_of(*bound).begin(), axes_of(*bound).end());
    }
  }
  for (const Axis& axis : e->axes) axes.erase(axis.id);
  kept_.push_back(e);
  return free_[e.node().get()] = std::move(axes);
}

bool Emitter::lane_dependent(const Context& context, const Expr& e) {
  return context.vector_axis >= 0 && axes_of(e).count(context.vector_axis) != 0;
}

// The outermost context in which all of an expression's axes are known. Lane values are made anew in each vector loop.
Context& Emitter::home(Context& context, const Expr& e, bool& in_lane) {
  in_lane = lane_dependent(context, e);
  if (in_lane) return context;
  Context* at = &context;
  const std::set<int>& axes = axes_of(e);
  while (at->parent != nullptr && std::none_of(axes.begin(), axes.end(), [&](int axis) { return at->axes.count(axis) != 0; })) {
    if (at->parent->vector_axis >= 0 && axes.count(at->parent->vector_axis) != 0) break;
    at = at->parent;
  }
  return *at;
}

std::string Emitter::define(Context& where, bool in_lane, const char* prefix, const std::string& type, const std::string& text) {
  const std::string name = fresh(prefix);
  (in_lane ? where.lane : where.before) += fmt::format("const {} {} = {};\n", type, name, text);
  return name;
}

Type Emitter::operand_type(std::int64_t operand) const {
  if (operand >= 0) return inputs_[static_cast<std::size_t>(operand)];
  const Local& local = map_.locals[static_cast<std::size_t>(-1 - operand)];
  return {local.dtype, local.shape, {}};
}

// Whether the indices are in bounds whatever the axes' positions: for constant sizes that can be seen here; others are trusted to the
// verifier unless the read is guarded.
bool Emitter::surely_inside(const Expr& read) {
  const Type type = operand_type(read->integer);
  for (int i = 0; i < read->rank; ++i) {
    const Affine index = affine(read->args[static_cast<std::size_t>(i)]);
    if (!index.affine) return false;
    Dim low = index.rest, high = index.rest;
    for (const auto& [axis, coefficient] : index.coefficients) {
      const auto known = axes_.find(axis);
      if (known == axes_.end() || known->second.ragged != nullptr || !coefficient.is_constant()) return false;
      const Dim reach = coefficient * (known->second.extent - Dim(1));
      (coefficient.constant() < 0 ? low : high) += reach;
    }
    const Dim room = type.shape[static_cast<std::size_t>(i)] - Dim(1) - high;
    if (!low.is_constant() || low.constant() < 0 || !room.is_constant() || room.constant() < 0) return false;
  }
  return true;
}

bool Emitter::needs_guard(const Expr& e) {
  const auto found = guarded_.find(e.node().get());
  if (found != guarded_.end()) return found->second;
  bool needs = false;
  if (e->op == Scalar::read) {
    needs = static_cast<int>(e->args.size()) == e->rank && !surely_inside(e);
  }
  for (const Expr& arg : e->args) needs = needs || needs_guard(arg);
  kept_.push_back(e);
  return guarded_[e.node().get()] = needs;
}

Expr Emitter::inside_condition(const Expr& read) {
  const Type type = operand_type(read->integer);
  Expr inside = constant_int(DType::boolean, 1);
  for (int i = 0; i < read->rank; ++i) {
    const Expr& index = read->args[static_cast<std::size_t>(i)];
    const Dim& size = type.shape[static_cast<std::size_t>(i)];
    const Affine a = affine(index);
    Dim low = a.rest, high = a.rest;
    bool known = a.affine;
    for (const auto& [axis, coefficient] : a.coefficients) {
      const auto at = axes_.find(axis);
      known = known && at != axes_.end() && at->second.ragged == nullptr && coefficient.is_constant();
      if (known) (coefficient.constant() < 0 ? low : high) += coefficient * (at->second.extent - Dim(1));
    }
    const Dim room = size - Dim(1) - high;
    if (!(known && low.is_constant() && low.constant() >= 0)) inside = inside && index >= Expr(0);
    if (!(known && room.is_constant() && room.constant() >= 0)) inside = inside && index < Expr(size);
  }
  return inside;
}

Emitter::Address Emitter::address(Context& context, const Type& type, const std::vector<Expr>& index) {
  const Expr offset = storage_offset(type, index);
  const Affine a = affine(offset);
  Address made;
  if (!a.affine) {
    if (!lane_dependent(context, offset)) {
      made.base = value(context, offset);
      made.unit = true;
    } else {
      made.lane = "[" + value(context, offset) + "]";
    }
    return made;
  }
  std::string base;
  const auto add = [&](const std::string& term) { base += (base.empty() ? "" : " + ") + term; };
  for (const auto& [axis, coefficient] : a.coefficients) {
    if (nest_.merged_into.count(axis) != 0) continue;
    if (context.vector_axis == axis) {
      made.lane =
          coefficient == Dim(1) ? fmt::format("[{}]", axis_name(axis)) : fmt::format("[{} * {}]", axis_name(axis), dim(coefficient));
      made.unit = coefficient == Dim(1);
      continue;
    }
    add(coefficient == Dim(1) ? axis_name(axis) : fmt::format("{} * {}", axis_name(axis), dim(coefficient)));
  }
  if (!(a.rest == Dim(0)) || base.empty()) add(dim(a.rest));
  made.base = base;
  if (made.lane.empty()) made.unit = true;
  return made;
}

std::string Emitter::element(Context& context, const std::string& base, const Type& type, const std::vector<Expr>& index, bool checked) {
  if (checked) {
    // Positions from the data: out of range is reported, and meanwhile reads the first element.
    std::vector<Expr> safe = index;
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (!has_read(index[i])) continue;
      const std::string at = value(context, index[i]);
      (lane_dependent(context, index[i]) ? context.lane : context.before) +=
          fmt::format("bad = bad | ((u64){} >= (u64){});\n", at, dim(type.shape[i]));
      safe[i] = select(index[i] >= Expr(0) && index[i] < Expr(type.shape[i]), index[i], Expr(0));
      checks_ = true;
    }
    return element(context, base, type, safe, false);
  }
  const Address a = address(context, type, index);
  if (a.base.empty()) return base + a.lane;
  if (a.lane.empty()) return fmt::format("{}[{}]", base, a.base);
  return fmt::format("({} + {}){}", base, a.base, a.lane);
}

std::string Emitter::read_value(Context& context, const Expr& e, const Expr& guard) {
  const Type type = operand_type(e->integer);
  const std::vector<Expr> index(e->args.begin(), e->args.begin() + e->rank);
  const std::string base = operand_name(e->integer), compute = compute_type(type.dtype);
  bool in_lane = false;
  const bool outside_given = static_cast<int>(e->args.size()) > e->rank;
  Expr condition = outside_given ? inside_condition(e) : Expr();
  if (guard) condition = condition ? guard && condition : guard;
  const bool from_data = std::any_of(index.begin(), index.end(), has_read);
  if (bool(condition) && condition->op == Scalar::constant && condition->integer != 0) condition = {};
  kept_.push_back(condition ? condition : e);
  if (!condition) {
    Context& where = home(context, e, in_lane);
    return define(where, in_lane, "t", compute, fmt::format("widen({})", element(where, base, type, index, from_data)));
  }
  const Expr outside = outside_given ? e->args.back() : constant(e.dtype(), 0);
  if (condition->op == Scalar::constant) return value(context, outside);
  const Expr both = condition;  // depends on guard and indices alike
  const bool condition_in_lane = lane_dependent(context, both);
  const bool index_in_lane = std::any_of(index.begin(), index.end(), [&](const Expr& i) { return lane_dependent(context, i); });
  const auto vector = axes_.find(context.vector_axis);
  Dim lanes = nest_.vector && nest_.vector->id == context.vector_axis ? nest_.vector->extent
              : vector != axes_.end()                                 ? vector->second.extent
                                                                      : Dim(1);
  if (!condition_in_lane && !from_data && outside->op == Scalar::constant && lanes.is_constant() && lanes.constant() <= longest_fill) {
    const Address a = address(context, type, index);
    if (a.unit && !a.base.empty()) {
      // One pointer, chosen outside of the vector loop: to the elements, or to a row of what is outside.
      const std::string number = literal(type.dtype, outside->number, outside->integer);
      std::string& fill = fills_[storage_type(type.dtype) + number];
      if (fill.empty()) {
        fill = fresh("fill");
        const std::int64_t room = std::max<std::int64_t>(lanes.constant(), 1);
        setup_ += fmt::format("{0} {1}[{2}];\nfor (i64 i = 0; i < {2}; ++i) {1}[i] = Narrow<{0}>::of({3});\n", storage_type(type.dtype),
                              fill, std::max<std::int64_t>(room, longest_fill), number);
      }
      Context* where = &context;
      const std::string chosen = fresh("q");
      where->before += fmt::format("const {}* {} = {} ? {} + {} : {};\n", storage_type(type.dtype), chosen, value(context, condition), base,
                                   a.base, fill);
      return define(*where, index_in_lane, "t", compute, fmt::format("widen({}{})", chosen, a.lane.empty() ? "[0]" : a.lane));
    }
  }
  // The element is read only where it is there: elsewhere the index is 0.
  std::vector<Expr> safe = index;
  const std::string test = value(context, condition), other = value(context, outside);
  in_lane = condition_in_lane || index_in_lane || lane_dependent(context, outside);
  const std::string place = element(context, base, type, safe, from_data && !outside_given);
  return define(context, in_lane, "t", compute, fmt::format("{} ? widen({}) : {}", test, place, other));
}

std::string Emitter::value(Context& context, const Expr& e, const Expr& given_guard) {
  switch (e->op) {
    case Scalar::constant:
      return literal(e.dtype(), e->number, e->integer);
    case Scalar::size:
      return dim(e->dim);
    case Scalar::axis:
      return axis_name(static_cast<int>(e->integer));
    default:
      break;
  }
  const Expr guard = bool(given_guard) && needs_guard(e) ? given_guard : Expr();
  const auto key = std::make_pair(e.node().get(), guard.node().get());
  kept_.push_back(e);
  if (guard) kept_.push_back(guard);
  if (lane_dependent(context, e) || (bool(guard) && lane_dependent(context, guard))) {
    const auto found = context.known_lane.find(key);
    if (found != context.known_lane.end()) return found->second;
  } else {
    for (Context* at = &context; at != nullptr; at = at->parent) {
      const auto found = at->known.find(key);
      if (found != at->known.end()) return found->second;
    }
  }
  std::string name;
  bool in_lane = false;
  Context* where = &context;
  if (e->op == Scalar::read) {
    name = read_value(context, e, guard);
    in_lane = lane_dependent(context, e) || (bool(guard) && lane_dependent(context, guard));
    if (!in_lane && !guard && static_cast<int>(e->args.size()) == e->rank) where = &home(context, e, in_lane);
  } else if (e->op == Scalar::reduce) {
    name = reduce_value(context, e, guard);
    in_lane = lane_dependent(context, e);
  } else {
    where = guard ? &context : &home(context, e, in_lane);
    in_lane = lane_dependent(context, e) || (bool(guard) && lane_dependent(context, guard));
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < e->args.size(); ++i) {
      Expr inner = guard;
      if (e->op == Scalar::select && i > 0) {
        const Expr chosen = i == 1 ? e->args[0] : make(Scalar::logical_not, {e->args[0]});
        inner = guard ? guard && chosen : chosen;
        kept_.push_back(inner);
      }
      arguments.push_back(value(*where, e->args[i], inner));
    }
    name = define(*where, in_lane, "t", compute_type(e.dtype()), call_text(e, arguments));
  }
  (in_lane ? where->known_lane : where->known)[key] = name;
  return name;
}

std::string Emitter::open_loops(Context& around, const std::vector<Axis>& axes, std::string& close, bool leave_last) {
  std::string open;
  for (std::size_t i = 0; i + (leave_last ? 1 : 0) < axes.size(); ++i) {
    const Axis& axis = axes[i];
    const std::string name = axis_name(axis.id);
    std::string begin = "0l", end = axis.ragged ? "" : dim(axis.extent);
    if (axis.ragged != nullptr) {
      begin = value(around, axis.ragged->first);
      end = value(around, axis.ragged->second);
    }
    open += fmt::format("for (i64 {0} = {1}; {0} < {2}; ++{0}) {{\n", name, begin, end);
    close += "}\n";
  }
  return open;
}

std::string Emitter::reduce_value(Context& context, const Expr& e, const Expr& guard) {
  if (unrolls(e)) {
    Expr& terms = unrolled_[e.node().get()];
    if (!terms) {
      bool empty = false;
      for (const Axis& axis : e->axes) empty |= axis.extent == Dim(0);
      if (empty) return identity_literal(e->reduction, e.dtype());
      terms = unrolled(e);
    }
    return value(context, terms, guard);
  }
  if (lane_dependent(context, e) || (bool(guard) && lane_dependent(context, guard))) return blocked_reduction(context, e, guard);
  bool in_lane = false;
  Context& where = guard ? context : home(context, e, in_lane);
  return scalar_reduction(where, e, guard);
}

// A reduction for each lane of the vector loop: the reduction's loops stand outside, the lanes inside.
std::string Emitter::blocked_reduction(Context& context, const Expr& e, const Expr& guard) {
  context.blocked = true;
  Context inside;
  inside.parent = &context;
  inside.vector_axis = context.vector_axis;
  for (const Axis& axis : e->axes) inside.axes.insert(axis.id);
  const DType element_type = e->args[0].dtype();
  const std::string type = compute_type(element_type), result = fresh("r"), lane = axis_name(context.vector_axis);
  const std::string lanes = fmt::format("for (i64 {0} = {0}_from; {0} < {0}_to; ++{0}) {{\n", lane);
  const std::string at = fmt::format("[{0} - {0}_from]", lane);
  const bool position = e->reduction == Reduction::argmax || e->reduction == Reduction::argmin;
  std::string close;
  const std::string open = open_loops(context, e->axes, close, false);
  const std::string element = value(inside, e->args[0], guard);
  NEAP_ASSERT(!inside.blocked, " a reduction inside a reduction of each lane");
  std::string text;
  if (position) {
    const std::string best = fresh("b");
    const char* sign = e->reduction == Reduction::argmax ? ">" : "<";
    text += fmt::format("{0} {1}[{2}];\ni64 {3}[{2}];\n", type, best, block_lanes, result);
    text += lanes + fmt::format("{0}{1} = 0;\n{2}{1} = -1;\n}}\n", best, at, result);
    text += open + inside.before + lanes + inside.lane +
            fmt::format(
                "const bool better = {0}{1} < 0 || ({2}{1} == {2}{1} && ({3} {4} {2}{1} || {3} != {3}));\n{2}{1} = better ? {3} : "
                "{2}{1};\n{0}{1} = better ? {5} : {0}{1};\n}}\n",
                result, at, best, element, sign, axis_name(e->axes[0].id)) +
            close;
  } else {
    text += fmt::format("{} {}[{}];\n", type, result, block_lanes);
    text += lanes + fmt::format("{}{} = {};\n}}\n", result, at, identity_literal(e->reduction, element_type));
    text += open + inside.before + lanes + inside.lane +
            fmt::format("{0}{1} = {2};\n}}\n", result, at, fold_text(e->reduction, element_type, result + at, element)) + close;
  }
  context.block += text;
  return result + at;
}

std::string Emitter::scalar_reduction(Context& where, const Expr& e, const Expr& guard) {
  Context inside;
  inside.parent = &where;
  for (const Axis& axis : e->axes) inside.axes.insert(axis.id);
  const DType element_type = e->args[0].dtype();
  const std::string type = compute_type(element_type), result = fresh("r");
  const bool position = e->reduction == Reduction::argmax || e->reduction == Reduction::argmin;
  // Sixteen lanes along the last axis, if elements lie along it.
  const Axis& last = e->axes.back();
  bool lanes = !position && last.ragged == nullptr;
  if (lanes) {
    bool along = false, nested = false;
    visit(e->args[0], [&](const Expr& x) {
      if (x->op == Scalar::reduce && !unrolls(x) && axes_of(x).count(last.id) != 0) nested = true;
      if (x->op != Scalar::read) return;
      const Affine offset = affine(storage_offset(operand_type(x->integer), std::vector<Expr>(x->args.begin(), x->args.begin() + x->rank)));
      const auto found = offset.coefficients.find(last.id);
      along |= found != offset.coefficients.end() && found->second == Dim(1);
    });
    lanes = along && !nested;
  }
  std::string close;
  const std::string open = open_loops(where, e->axes, close, lanes);
  if (lanes) inside.vector_axis = last.id;
  const std::string element = value(inside, e->args[0], guard);
  std::string text;
  if (position) {
    const char* sign = e->reduction == Reduction::argmax ? ">" : "<";
    const std::string best = fresh("b");
    text = fmt::format("{} {} = 0;\ni64 {} = -1;\n", type, best, result) + open + inside.before +
           fmt::format("if ({0} < 0 || ({1} == {1} && ({2} {3} {1} || {2} != {2}))) {{\n{1} = {2};\n{0} = {4};\n}}\n", result, best,
                       element, sign, axis_name(last.id)) +
           close;
  } else if (!lanes) {
    text = fmt::format("{} {} = {};\n", type, result, identity_literal(e->reduction, element_type)) + open + inside.before + inside.lane +
           fmt::format("{} = {};\n", result, fold_text(e->reduction, element_type, result, element)) + close;
  } else {
    const std::string lane = axis_name(last.id), held = fresh("h"), extent = dim(last.extent);
    const std::string body =
        inside.lane + fmt::format("{0}[i] = {1};\n", held, fold_text(e->reduction, element_type, held + "[i]", element));
    // A body that is not there yet for the tail is the same text: names are of its own braces.
    text = fmt::format("{} {}[16];\nfor (int i = 0; i < 16; ++i) {}[i] = {};\n", type, held, held,
                       identity_literal(e->reduction, element_type)) +
           open + inside.before +
           fmt::format(
               "i64 {0}_at = 0;\nfor (; {0}_at + 16 <= {1}; {0}_at += 16) {{\nfor (int i = 0; i < 16; ++i) {{\nconst i64 {0} = {0}_at + "
               "i;\n{2}}}\n}}\n",
               lane, extent, body) +
           fmt::format("for (int i = 0; {0}_at + i < {1}; ++i) {{\nconst i64 {0} = {0}_at + i;\n{2}}}\n", lane, extent, body) + close +
           fmt::format("const {} {} = fold_lanes({}, {});\n", type, result, held, fold_function(e->reduction, element_type));
  }
  where.before += text;
  return result;
}

}  // namespace neap
