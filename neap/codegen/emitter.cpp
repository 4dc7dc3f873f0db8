#include "neap/codegen/emitter.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/kernel.h"

namespace neap {

bool is_buffer(const std::string& base) { return base[0] == 'l' || base[0] == 'h'; }
int vector_bytes(Isa isa) { return isa == Isa::avx512 ? 64 : isa == Isa::avx2 ? 32 : 16; }
std::string axis_name(int id) { return fmt::format("a{}", id); }
std::string operand_name(std::int64_t operand) { return operand >= 0 ? fmt::format("x{}", operand) : fmt::format("l{}", -1 - operand); }

std::unique_ptr<LoopLevel> LoopLevel::inner(std::string opening) const {
  auto level = std::make_unique<LoopLevel>();
  level->parent = const_cast<LoopLevel*>(this);
  level->depth = depth + 1;
  level->lanes = lanes;
  level->head = std::move(opening);
  level->tail = "}\n";
  return level;
}

// One position after the other.
std::unique_ptr<LoopLevel> LoopLevel::loop(int axis, const std::string& begin, const std::string& end, const std::string& hint) const {
  const std::string name = axis_name(axis);
  auto level = inner(fmt::format("{}for (i64 {} = ", hint, name));
  level->begin = begin;
  level->rest = fmt::format("; {0} < {1}; ++{0}) {{\n", name, end);
  level->axes.insert(axis);
  return level;
}

// Where GCC knows each position, it turns the reads behind conditions into a blend with memory, which reads what no condition allows (GCC
// 12, AVX-512VL: a masked load of a constant mask becomes vpblendd).
std::string LoopLevel::close() const {
  return head + (guards && !begin.empty() ? fmt::format("unknown({})", begin) : begin) + rest + text + tail;
}

Emitter::Emitter(const Map& map, std::vector<Type> inputs, std::vector<Type> outputs, const std::vector<std::string>& symbols, Isa isa)
    : map_(map),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)),
      symbols_(symbols),
      vector_bytes_(neap::vector_bytes(isa)),
      axes_(axes_by_id(map)) {}

const std::set<int>& Emitter::axes_of(const Expr& e) {
  const auto found = free_.find(e.node().get());
  if (found != free_.end()) return found->second;
  std::set<int> axes;
  if (e->op == Scalar::axis) axes.insert(static_cast<int>(e->integer));
  if (e->op == Scalar::read && !of_entry_.empty()) {
    if (const auto own = of_entry_.find(operand_name(e->integer)); own != of_entry_.end()) axes.insert(own->second);
  }
  for (const Expr& arg : e->args) axes.insert(axes_of(arg).begin(), axes_of(arg).end());
  for (const Axis& axis : e->axes) {
    if (axis.ragged == nullptr) continue;
    for (const Expr* bound : {&axis.ragged->first, &axis.ragged->second}) axes.insert(axes_of(*bound).begin(), axes_of(*bound).end());
  }
  for (const Axis& axis : e->axes) axes.erase(axis.id);
  kept_.push_back(e);
  return free_[e.node().get()] = std::move(axes);
}

void Emitter::set_axes(const std::vector<Axis>& axes) {
  for (const Axis& axis : axes) axes_[axis.id] = axis;
  guarded_.clear();
}

LoopLevel& Emitter::ancestor(LoopLevel& here, int depth) const {
  LoopLevel* at = &here;
  while (at->depth > depth && at->parent != nullptr) at = at->parent;
  return *at;
}

int Emitter::depth_of_axis(const LoopLevel& here, int axis) const {
  for (const LoopLevel* at = &here; at != nullptr; at = at->parent) {
    if (at->axes.count(axis) != 0) return at->depth;
  }
  return 0;
}

std::string Emitter::define(LoopLevel& at, const char* prefix, const std::string& type, const std::string& text) {
  const std::string key = type + " " + text;
  for (const LoopLevel* level = &at; level != nullptr; level = level->parent) {
    const auto found = level->made.find(key);
    if (found != level->made.end()) return found->second;
  }
  std::string name = fresh(prefix);
  at.text +=
      type.back() == '*' ? fmt::format("{} const {} = {};\n", type, name, text) : fmt::format("const {} {} = {};\n", type, name, text);
  at.made.emplace(key, name);
  return name;
}

Type Emitter::operand_type(std::int64_t operand) const {
  if (operand >= 0) return inputs_[static_cast<std::size_t>(operand)];
  const Local& local = map_.locals[static_cast<std::size_t>(-1 - operand)];
  return {local.dtype, local.shape, {}};
}

void Emitter::set_certain(const std::vector<Expr>& values) {
  certain_.clear();
  guarded_.clear();
  std::set<const Expr::Node*> seen;
  const auto look = [&](const auto& self, const Expr& e) -> void {
    if (!seen.insert(e.node().get()).second) return;
    if (e->op == Scalar::read && !has_outside(e)) {
      const Type type = operand_type(e->integer);
      for (int i = 0; i < e->rank; ++i)
        certain_.emplace_back(e->args[static_cast<std::size_t>(i)], type.shape[static_cast<std::size_t>(i)]);
    }
    const std::size_t surely = e->op == Scalar::select ? 1 : e->args.size();
    for (std::size_t i = 0; i < surely; ++i) self(self, e->args[i]);
  };
  for (const Expr& value : values) look(look, value);
}

// Each index is inside, or stands in a read that is evaluated everywhere, of something as large there.
bool Emitter::is_certain(const Expr& read) const {
  const Type type = operand_type(read->integer);
  for (int i = 0; i < read->rank; ++i) {
    const Expr& index = read->args[static_cast<std::size_t>(i)];
    const Dim& size = type.shape[static_cast<std::size_t>(i)];
    const auto is_same = [&](const auto& known) { return known.second == size && same(known.first, index); };
    if (!surely_inside(index, size, axes_) && std::none_of(certain_.begin(), certain_.end(), is_same)) return false;
  }
  return true;
}

bool Emitter::needs_guard(const Expr& e) {
  const auto found = guarded_.find(e.node().get());
  if (found != guarded_.end()) return found->second;
  bool needs = e->op == Scalar::read && !has_outside(e) && !is_certain(e);
  for (const Expr& arg : e->args) needs = needs || needs_guard(arg);
  kept_.push_back(e);
  return guarded_[e.node().get()] = needs;
}

Expr Emitter::guard_and(const Expr& guard, const Expr& condition, bool holds) {
  Expr& both = guards_[{guard.node().get(), condition.node().get(), holds}];
  if (both) return both;
  kept_.push_back(condition);
  if (guard) kept_.push_back(guard);
  const Expr chosen = holds ? condition : make(Scalar::logical_not, {condition});
  return both = guard ? guard && chosen : chosen;
}

std::string Emitter::lanes_of(const LoopLevel& here, const Term& term, DType dtype) const {
  if (term.form != Form::scalar) return term.text;
  if (dtype == DType::boolean) return fmt::format("splat<{}>(-(i32)({}))", compute_type(here.lanes.dtype, Form::mask), term.text);
  return fmt::format("splat<{}>({})", compute_type(here.lanes.dtype, Form::vector), term.text);
}

// ---- failures -----------------------------------------------------------------------------------------------------------------

// What a kernel returns where an index is out of bounds of this operand (kernel.h).
std::int64_t Emitter::failure_of(const std::string& base) const {
  const std::int64_t number = std::stoll(base.substr(1)), inputs = static_cast<std::int64_t>(inputs_.size());
  return 1 + (base[0] == 'x' ? number : base[0] == 'l' ? inputs + static_cast<std::int64_t>(outputs_.size()) + number : inputs + number);
}

void Emitter::check(LoopLevel& at, const std::string& condition, std::int64_t failure) const {
  for (const LoopLevel* level = &at; level != nullptr; level = level->parent) {
    if (level->checked.count(condition) != 0) return;
  }
  at.checked.insert(condition);
  at.text += fail_text(condition, failure);
}

std::string Emitter::fail_text(const std::string& condition, std::int64_t failure) const {
  return fmt::format("bad = max(bad, (i64)({}) * {}l);\n", condition, failure);
}

std::pair<std::string, std::string> Emitter::range_of(LoopLevel& here, const Axis& axis) {
  if (axis.ragged == nullptr) return {"0l", dim(axis.extent)};
  const Term begin = value(here, axis.ragged->first), end = value(here, axis.ragged->second);
  if (!has_read(axis.ragged->first) && !has_read(axis.ragged->second)) return {begin.text, end.text};
  // Offsets from the data: beyond the entries is reported, and meanwhile only those that are there are visited.
  std::int64_t operand = 0;
  visit(axis.ragged->second, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer >= 0) operand = e->integer;
  });
  LoopLevel& known = ancestor(here, std::max(begin.depth, end.depth));
  const std::string entries = dim(axis.extent);
  known.text += fail_text(fmt::format("({0} < {1}) & (({0} < 0) | ({1} > {2}))", begin.text, end.text, entries), bad_offsets + operand);
  return {define(known, "t", "i64", fmt::format("max({}, 0l)", begin.text)),
          define(known, "t", "i64", fmt::format("min({}, {})", end.text, entries))};
}

void Emitter::check_entries(LoopLevel& root, const std::vector<WrittenEntries>& written) {
  for (const WrittenEntries& rows : written) {
    const Term first = value(root, rows.first), end = value(root, rows.end);
    const std::string count = dim(rows.count);
    check(root, fmt::format("({0} > 0) & (({1} > 0) | ({2} < {0}))", count, first.text, end.text), short_offsets + rows.offsets);
  }
}

// ---- reads and writes ---------------------------------------------------------------------------------------------------------

int Emitter::new_position(LoopLevel& at, const Dim& extent, const std::string& text) {
  const int id = axes_.rbegin()->first + 1;
  axes_[id] = {id, "position", extent, nullptr};
  at.text += fmt::format("const i64 {} = {};\n", axis_name(id), text);
  at.axes.insert(id);
  return id;
}

// Around vectors, which no compiler makes of this loop, the case that something is wrong is a branch that is never taken.
int Emitter::position_inside(LoopLevel& at, const std::string& index, const Dim& extent, std::int64_t failure) {
  const std::string asked = fmt::format("{}, {}", index, dim(extent));
  for (const LoopLevel* level = &at; level != nullptr; level = level->parent) {
    const auto found = level->positions.find(asked);
    if (found != level->positions.end()) return found->second;
  }
  return at.positions[asked] = new_position(at, extent, fmt::format("inside({}, {}l, bad)", asked, failure));
}

Emitter::Place Emitter::place(LoopLevel& here, const std::string& base, const Type& type, const std::vector<Expr>& index, int part,
                              bool checked, const Term& asked) {
  Place made;
  if (vectors(base) > 0) {
    const Expr at = storage_offset(type, index);
    kept_.push_back(at);
    made.group = static_cast<int>(group_of(at, here.lanes.axis));
    made.period = static_cast<int>(period_of(at, here.lanes.axis));
    made.lane_stride = 1;
    made.depth = depth_of_axis(here, here.lanes.axis);
    const int lanes = width(here.lanes.dtype), first = made.period > 0 ? 0 : part * lanes / made.group;
    made.held = fmt::format("{}_{}", base, first / lanes);
    made.is_pair = paired_.count(base) != 0;
    made.lane = first % lanes + (made.is_pair ? here.lanes.of_pair * lanes / 2 : 0);
    return made;
  }
  std::vector<Expr> safe = index;
  if (checked) {
    // Positions from the data: out of range is reported, and meanwhile the first element is taken.
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (!has_read(index[i])) continue;
      const Term at = value(here, index[i], part);
      if (asked.text.empty() && here.lanes.axis >= 0) {
        safe[i] = axis_position(axes_.at(position_inside(ancestor(here, at.depth), at.text, type.shape[i], failure_of(base))));
        continue;
      }
      const std::string outside = fmt::format("((u64){} >= (u64){})", at.text, dim(type.shape[i]));
      const std::string condition = asked.text.empty() ? outside : fmt::format("({}) & {}", asked.text, outside);
      check(ancestor(here, std::max(at.depth, asked.depth)), condition, failure_of(base));
      safe[i] = select(index[i] >= Expr(0) && index[i] < Expr(type.shape[i]), index[i], Expr(0));
    }
  }
  Expr offset = storage_offset(type, safe);
  kept_.push_back(offset);
  const int lane_axis = here.lanes.axis;
  std::vector<std::string> near;
  if (depends(offset, lane_axis)) {
    made.group = static_cast<int>(group_of(offset, lane_axis));
    made.period = static_cast<int>(period_of(offset, lane_axis));
    made.lane_stride = made.group > 1 || made.period > 0 ? Dim(1) : *coefficient_of(offset, lane_axis);
    made.depth = depth_of_axis(here, lane_axis);
    made.whole = is_buffer(base) && made.group == 1 && made.period == 0 && made.lane_stride == Dim(1) &&
                 element_count(type.shape) == axes_.at(lane_axis).extent;
    const int step = first_lane(here.lanes, part) / made.group;
    const std::string first = made.group > 1 ? fmt::format("{} / {}", axis_name(lane_axis), made.group) : axis_name(lane_axis);
    const std::string lane = step == 0 ? first : fmt::format("{} + {}", first, step);
    // Vectors begin where a period does.
    if (made.period == 0) near.push_back(made.lane_stride == Dim(1) ? lane : fmt::format("({}) * {}", lane, dim(made.lane_stride)));
    offset = substitute_axes(offset, {{lane_axis, Expr(0)}});
    kept_.push_back(offset);
  }
  std::vector<std::string> far;
  int far_depth = 0;
  const Affine a = affine(offset);
  if (a.affine) {
    for (const auto& [axis, coefficient] : a.coefficients) {
      far.push_back(times(axis_name(axis), coefficient));
      far_depth = std::max(far_depth, depth_of_axis(here, axis));
    }
    if (!(a.rest == Dim(0))) near.push_back(dim(a.rest));
  } else {
    const Term at = value(here, offset, part);
    far.push_back(at.text);
    far_depth = at.depth;
  }
  made.depth = std::max(made.depth, far_depth);
  made.pointer = base;
  if (!far.empty()) {
    const std::string pointer_type = base[0] == 'x' ? "const " + storage_type(type.dtype) + "*" : storage_type(type.dtype) + "*";
    LoopLevel& home = ancestor(here, std::max(far_depth, depth_of_buffer(here, base)));
    made.pointer = define(home, "p", pointer_type, base + " + " + sum_text(far));
  }
  made.offset = sum_text(near);
  return made;
}

std::string Emitter::load_text(const LoopLevel& here, const Place& at, DType, int part) const {
  const bool masked = here.lanes.masked == part && !at.whole;
  if (here.lanes.pair >= 0 && !(at.held.empty() && at.lane_stride == Dim(0))) return load_pair_text(at);
  if (!at.held.empty() && here.lanes.half) return fmt::format("first_half({})", at.held);
  if (!at.held.empty() && at.period > 0) return fmt::format("repeated<{}, {}>({})", at.period, at.lane, at.held);
  if (!at.held.empty()) return at.group > 1 ? fmt::format("spread_groups<{}, {}>({})", at.group, at.lane, at.held) : at.held;
  if (at.lane_stride == Dim(0)) return fmt::format("widen({}[{}])", at.pointer, at.offset);
  const std::string count = masked ? ", " + here.lanes.count : "";
  if (at.group > 1) return fmt::format("load_groups<{}>({} + {}{})", at.group, at.pointer, at.offset, count);
  if (at.period > 0) return fmt::format("load_repeated<{}>({} + {})", at.period, at.pointer, at.offset);
  if (here.lanes.half) return fmt::format("load_vector<f32v>({} + {})", at.pointer, at.offset);
  if (at.lane_stride == Dim(1)) return fmt::format("load({} + {}{})", at.pointer, at.offset, count);
  return fmt::format("gather({} + {}, {}{})", at.pointer, at.offset, dim(at.lane_stride), count);
}

// One vector of what lies at both positions of a pair.
std::string Emitter::load_pair_text(const Place& at) {
  if (!at.held.empty()) return at.is_pair ? at.held : fmt::format("twice(first_half({}))", at.held);
  const std::string first = fmt::format("load_vector<f32h>({} + {})", at.pointer, at.offset);
  return at.second.empty() ? fmt::format("twice({})", first) : fmt::format("both({}, load_vector<f32h>({}))", first, at.second);
}

std::string Emitter::store_text(const LoopLevel& here, const Place& at, DType dtype, int part, const Term& value) const {
  const bool masked = here.lanes.masked == part && !at.whole;
  if (at.lane_stride == Dim(0)) return fmt::format("{}[{}] = narrow<{}>({});\n", at.pointer, at.offset, storage_type(dtype), value.text);
  const std::string count = masked ? ", " + here.lanes.count : "", vector = lanes_of(here, value, dtype);
  if (!at.held.empty())
    return fmt::format("{} = {};\n", at.held, here.lanes.half && here.lanes.pair < 0 ? fmt::format("from_half({})", vector) : vector);
  if (here.lanes.half) return fmt::format("store_vector({} + {}, {});\n", at.pointer, at.offset, vector);
  const bool past_caches = at.streams && dtype == DType::f32 && !masked;
  if (at.lane_stride == Dim(1))
    return fmt::format("{}({} + {}, {}{});\n", past_caches ? "stream" : "store", at.pointer, at.offset, vector, count);
  return fmt::format("scatter({} + {}, {}, {}{});\n", at.pointer, at.offset, dim(at.lane_stride), vector, count);
}

std::string Emitter::fold_groups_text(const LoopLevel& here, const Place& at, Reduction reduction, DType dtype, int part,
                                      const std::string& element, bool fresh) const {
  const std::string count = here.lanes.masked == part ? ", " + here.lanes.count : "";
  return fmt::format("{}<{}>({} + {}, {}, {}{});\n", fresh ? "store_groups" : "fold_groups", at.group, at.pointer, at.offset, element,
                     fold_function(reduction, dtype), count);
}

Term Emitter::read(LoopLevel& here, const Expr& e, int part, const Expr& guard) {
  const Type type = operand_type(e->integer);
  std::vector<Expr> conditions;
  if (guard) conjuncts(guard, conditions);
  if (has_outside(e)) conjuncts(inside_condition(e, type, axes_), conditions);
  if (!conditions.empty()) return guarded_read(here, e, part, conditions);
  const std::vector<Expr> index = index_of(e);
  const bool from_data = !has_outside(e) && std::any_of(index.begin(), index.end(), has_read);
  Place at = place(here, operand_name(e->integer), type, index, part, from_data);
  if (depends(e, here.lanes.pair) && depends(e, here.lanes.axis) && at.held.empty()) {
    const Expr other = at_next(e, here.lanes.pair);
    kept_.push_back(other);
    const Place second = place(here, operand_name(e->integer), type, index_of(other), part, from_data);
    at.second = second.pointer + " + " + second.offset;
  }
  const Form form = at.lane_stride == Dim(0) ? Form::scalar : Form::vector;
  const int depth = std::max(at.depth, depth_of_buffer(here, operand_name(e->integer)));
  const DType shown = form == Form::vector ? here.lanes.dtype : type.dtype;
  return {define(ancestor(here, depth), "t", compute_type(shown, form), load_text(here, at, type.dtype, part)), depth, form};
}

// ---- values -------------------------------------------------------------------------------------------------------------------

Term Emitter::value(LoopLevel& here, const Expr& e, int part, const Expr& given_guard) {
  switch (e->op) {
    case Scalar::constant:
      return {literal(e.dtype(), e->number, e->integer)};
    case Scalar::size:
      return {dim(e->dim)};
    case Scalar::axis:
      NEAP_ASSERT(e->integer != here.lanes.axis, " the position in a vector is not a number");
      return {axis_name(static_cast<int>(e->integer)), depth_of_axis(here, static_cast<int>(e->integer))};
    default:
      break;
  }
  const Expr guard = static_cast<bool>(given_guard) && needs_guard(e) ? given_guard : Expr();
  if (guard) kept_.push_back(guard);
  kept_.push_back(e);
  const auto key = std::make_tuple(e.node().get(), depends(e, here.lanes.axis) ? part : -1, guard.node().get());
  for (const LoopLevel* at = &here; at != nullptr; at = at->parent) {
    const auto found = at->known.find(key);
    if (found != at->known.end()) return found->second;
  }
  Term made;
  if (e->op == Scalar::read) {
    made = read(here, e, part, guard);
  } else if (e->op == Scalar::reduce) {
    reductions(here, {{e, part, guard}});
    return value(here, e, part, guard);
  } else if (tests_position(e, here.lanes.axis)) {
    made = position_test(here, e, part, guard);
  } else {
    std::vector<Term> terms;
    for (std::size_t i = 0; i < e->args.size(); ++i) {
      const bool chosen = e->op == Scalar::select && i > 0 && needs_guard(e->args[i]);
      const Expr inner = chosen ? guard_and(guard, e->args[0], i == 1) : guard;
      terms.push_back(value(here, e->args[i], part, inner));
      made.depth = std::max(made.depth, terms.back().depth);
    }
    const bool in_lanes = std::any_of(terms.begin(), terms.end(), [](const Term& term) { return term.form != Form::scalar; });
    if (in_lanes) made.form = e.dtype() == DType::boolean ? Form::mask : Form::vector;
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      arguments.push_back(in_lanes ? lanes_of(here, terms[i], e->args[i].dtype()) : terms[i].text);
    }
    const std::string type = compute_type(in_lanes ? here.lanes.dtype : e.dtype(), made.form);
    made.text = define(ancestor(here, made.depth), "t", type, call_text(e, arguments, made.form, here.lanes.dtype));
  }
  ancestor(here, made.depth).known[key] = made;
  return made;
}

bool Emitter::in_groups(const Expr& offset, int axis, DType lane) const {
  const std::int64_t group = group_of(offset, axis), period = period_of(offset, axis);
  return (group > 1 && width(lane) % group == 0) || (period > 0 && width(lane) % period == 0);
}

bool Emitter::vectorises(const Expr& e, int axis, std::optional<DType>& dtype) {
  if (!depends(e, axis)) return true;
  const auto lanes = [&](DType wanted) {
    const DType lane = wanted == DType::f64 ? DType::f64 : DType::f32;
    if (!is_float(wanted) || (dtype && *dtype != lane)) return false;
    dtype = lane;
    return true;
  };
  switch (e->op) {
    case Scalar::axis:
    case Scalar::random_bits:
      return false;
    case Scalar::read: {
      const Type type = operand_type(e->integer);
      const Expr offset = storage_offset(type, index_of(e));
      kept_.push_back(offset);
      const auto coefficient = coefficient_of(offset, axis);
      if (!lanes(e.dtype()) || (!in_groups(offset, axis, *dtype) && (!coefficient || !coefficient->is_constant()))) return false;
      if (!has_outside(e)) return true;
      const Expr inside = inside_condition(e, type, axes_);
      kept_.push_back(inside);
      return !depends(inside, axis) && vectorises(e->args.back(), axis, dtype);
    }
    case Scalar::reduce:
      if (e->reduction > Reduction::min || !lanes(e.dtype())) return false;
      for (const Axis& own : e->axes) {
        if (own.ragged != nullptr && (depends(own.ragged->first, axis) || depends(own.ragged->second, axis))) return false;
      }
      return vectorises(e->args[0], axis, dtype);
    default:
      break;
  }
  if (tests_position(e, axis)) return true;
  if (!has_vector_form(e->op)) return false;
  if (e.dtype() != DType::boolean && !lanes(e.dtype())) return false;
  if (e->op == Scalar::cast && e.dtype() == DType::boolean) return false;
  for (const Expr& arg : e->args) {
    if (arg.dtype() != DType::boolean && depends(arg, axis) && !lanes(arg.dtype())) return false;
    if (e->op == Scalar::cast && !depends(arg, axis)) continue;
    if (arg.dtype() != DType::boolean && !is_float(arg.dtype())) return false;
    if (!vectorises(arg, axis, dtype)) return false;
  }
  // Reads that only a condition in the lanes makes legal cannot be loaded as a row.
  if (e->op == Scalar::select && depends(e->args[0], axis) && (needs_guard(e->args[1]) || needs_guard(e->args[2]))) return false;
  return true;
}

}  // namespace neap
