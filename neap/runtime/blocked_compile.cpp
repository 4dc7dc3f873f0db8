// Expressions and results of a map as steps over lanes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "neap/base/error.h"
#include "neap/base/stream.h"
#include "neap/ir/scalar.h"
#include "neap/runtime/blocked_compiler.h"

namespace neap::blocks {
namespace {

double weight(Scalar op) { return kind(op) == ScalarKind::unary_float || op == Scalar::pow || op == Scalar::random_bits ? 8 : 1; }

}  // namespace

std::unique_ptr<Plan> Compiler::compile() {
  if (!map_.locals.empty()) throw Unsupported{"it is a scope"};
  for (const Axis& axis : map_.axes) enter(axis);
  const bool together = std::all_of(map_.stages.begin(), map_.stages.end(), [](const Stage& stage) { return stage.axes.empty(); });
  for (std::size_t i = 0; i < map_.stages.size(); ++i) {
    const Stage& stage = map_.stages[i];
    fill_first(stage);
    if (i == 0 || !together) {
      Program& program = plan_->programs.emplace_back();
      scopes_.clear();
      scopes_.push_back({&program, nullptr, {}, {}});
      for (const std::vector<Axis>* axes : {&map_.axes, &stage.axes}) {
        for (const Axis& axis : *axes) {
          enter(axis);
          if (axis.ragged) throw Unsupported{"it has a ragged axis"};
          program.lanes.push_back({axis.id, extent_.at(axis.id)});
          program.lane_count *= extent_.at(axis.id);
        }
      }
    }
    store(stage, scopes_.back());
  }
  finish();
  return std::move(plan_);
}

void Compiler::enter(const Axis& axis) {
  extent_[axis.id] = axis.extent.evaluate(symbols_);
  plan_->axes = std::max(plan_->axes, axis.id + 1);
}

int Compiler::fresh(Kind kind) {
  plan_->registers.push_back(kind);
  return static_cast<int>(plan_->registers.size()) - 1;
}

int Compiler::constant(Kind kind, double real, Count integer) {
  for (const Constant& known : plan_->constants) {
    if (known.kind == kind && known.integer == integer && std::bit_cast<Count>(known.real) == std::bit_cast<Count>(real)) return known.out;
  }
  plan_->constants.push_back({fresh(kind), kind, real, integer});
  return plan_->constants.back().out;
}

int Compiler::compute(Scope& scope, Compute loop, Kind result, int a, int b, int c, double cost) {
  if (loop == nullptr) throw Unsupported{"it uses an operation on a dtype that has no loop"};
  const int out = fresh(result);
  scope.program->steps.emplace_back(ComputeStep{loop, out, a, b, c});
  scope.program->work += cost;
  return out;
}

int Compiler::convert(Scope& scope, int value, Kind to) {
  const Kind from = plan_->registers[static_cast<std::size_t>(value)];
  return from == to ? value : compute(scope, loops_.convert[static_cast<int>(from)][static_cast<int>(to)], to, value);
}

int Compiler::round(Scope& scope, int value, DType dtype) {
  const Compute loop = loops_.round[static_cast<int>(dtype)];
  return loop == nullptr ? value : compute(scope, loop, kind_of(dtype), value);
}

int Compiler::value(const Expr& e, Scope& scope, int mask) {
  if (mask >= 0 && !may_fail(e)) mask = -1;
  if (e->op == Scalar::constant)
    return is_float(e->dtype) || e->dtype == DType::boolean ? real_constant(e) : constant(Kind::i64, 0, e->integer);
  if (e->op == Scalar::size) return constant(Kind::i64, 0, e->dim.evaluate(symbols_));
  if (scope.parent != nullptr && std::none_of(scope.axes.begin(), scope.axes.end(), [&](int axis) { return uses_axis(e, axis); }))
    return value(e, *scope.parent, mask);
  const auto key = std::pair(e.node().get(), mask);
  const auto found = scope.made.find(key);
  if (found != scope.made.end()) return found->second;
  const int made = make(e, scope, mask);
  scope.made.emplace(key, made);
  return made;
}

int Compiler::real_constant(const Expr& e) {
  const Kind kind = kind_of(e->dtype);
  const double number = e->dtype == DType::boolean ? (e->number != 0 || e->integer != 0 ? 1 : 0) : e->number;
  return constant(kind, number, static_cast<Count>(kind == Kind::truth ? number : 0));
}

int Compiler::make(const Expr& e, Scope& scope, int mask) {
  if (e->dtype == DType::i64 && e->op != Scalar::read && e->op != Scalar::reduce) {
    if (const auto index = known_affine(e)) {
      if (index->coefficients.empty()) return constant(Kind::i64, 0, index->base);
      const int out = fresh(Kind::i64);
      scope.program->steps.emplace_back(PositionStep{out, over_lanes(*index, *scope.program)});
      scope.program->work += 1;
      return out;
    }
  }
  switch (e->op) {
    case Scalar::read:
      return read(e, scope, mask);
    case Scalar::reduce:
      return reduce(e, scope, mask);
    case Scalar::cast: {
      const int from = value(e->args[0], scope, mask);
      return round(scope, convert(scope, from, kind_of(e->dtype)), e->dtype);
    }
    case Scalar::select: {
      const int condition = value(e->args[0], scope, mask);
      const int yes = value(e->args[1], scope, may_fail(e->args[1]) ? both(scope, mask, condition) : -1);
      const int no = value(e->args[2], scope, may_fail(e->args[2]) ? both(scope, mask, negated(scope, condition)) : -1);
      return compute(scope, loop(Scalar::select, kind_of(e->dtype)), kind_of(e->dtype), condition, yes, no);
    }
    default:
      return call(e, scope, mask);
  }
}

int Compiler::call(const Expr& e, Scope& scope, int mask) {
  int args[3] = {-1, -1, -1};
  Kind kind = kind_of(e->args.back().dtype());
  const bool widened = loop(e->op, kind) == nullptr && kind == Kind::truth;  // arithmetic on truth values
  if (widened) kind = Kind::i64;
  for (std::size_t i = 0; i < e->args.size(); ++i) {
    args[i] = value(e->args[i], scope, mask);
    args[i] = convert(scope, args[i], kind);
  }
  const ScalarKind sort = neap::kind(e->op);
  const bool truth = sort == ScalarKind::comparison || sort == ScalarKind::logical || sort == ScalarKind::unary_bool;
  const int out = compute(scope, loop(e->op, kind), truth ? Kind::truth : kind, args[0], args[1], args[2], weight(e->op));
  if (truth) return out;
  const bool exact = e->op == Scalar::min || e->op == Scalar::max || e->op == Scalar::random_bits;
  return exact ? convert(scope, out, kind_of(e->dtype)) : round(scope, convert(scope, out, kind_of(e->dtype)), e->dtype);
}

// Whether the stage writes each element of its output once.
bool Compiler::covers(const Stage& stage) const {
  const Operand& to = outputs_[static_cast<std::size_t>(stage.target)];
  std::vector<int> seen;
  for (std::size_t i = 0; i < stage.index.size(); ++i) {
    const auto index = known_affine(stage.index[i]);
    if (index && index->coefficients.empty() && index->base == 0 && to.sizes[i] == 1) continue;
    if (!index || index->base != 0 || index->coefficients.size() != 1) return false;
    const auto [axis, coefficient] = *index->coefficients.begin();
    if (coefficient != 1 || extent_.at(axis) != to.sizes[i] || std::find(seen.begin(), seen.end(), axis) != seen.end()) return false;
    seen.push_back(axis);
  }
  return true;
}

void Compiler::fill_first(const Stage& stage) {
  if (stage.target < 0) throw Unsupported{"it writes a local"};
  for (const Axis& axis : stage.axes) enter(axis);
  const Operand& to = outputs_[static_cast<std::size_t>(stage.target)];
  const bool accumulates = stage.accumulate != Accumulate::none;
  if (!accumulates && covers(stage)) return;
  Number start{0, 0};
  if (accumulates) start = identity(reduction_of(stage.accumulate), to.dtype);
  Count count = 1;
  for (const Count size : to.sizes) count *= size;
  plan_->fills.push_back({stage.target, to.dtype, count, start.real, start.integer});
}

void Compiler::store(const Stage& stage, Scope& scope) {
  const Operand& to = outputs_[static_cast<std::size_t>(stage.target)];
  Program& program = *scope.program;
  const int made = convert(scope, value(stage.value, scope, -1), kind_of(to.dtype));
  KnownAffine offset;
  bool plain = stage.accumulate == Accumulate::none;
  for (std::size_t i = 0; i < stage.index.size(); ++i) {
    const auto index = known_affine(stage.index[i]);
    plain &= index && within(*index, to.sizes[i]);
    if (plain) offset.add(*index, to.strides[i]);
  }
  if (plain) {
    AffineLanes place = over_lanes(offset, program);
    if (place.linear() && (place.step() == 1 || program.lane_count == 1) && same_in_memory(to.dtype) && may_write_through(made, program)) {
      program.in_place.push_back({made, stage.target, std::move(place), to.dtype});
    } else {
      program.work += 1;
      program.steps.emplace_back(StoreStep{made, stage.target, std::move(place), to.dtype});
    }
    // Where points share an element the last one stays.
    program.serial |= !covers(stage);
    return;
  }
  ScatterStep scatter{made, stage.target, to.dtype, {}, stage.accumulate != Accumulate::none, Reduction::sum, -1, -1};
  if (scatter.accumulates) scatter.reduction = reduction_of(stage.accumulate);
  for (std::size_t i = 0; i < stage.index.size(); ++i) {
    const int position = convert(scope, value(stage.index[i], scope, -1), Kind::i64);
    scatter.index.push_back({position, to.sizes[i], to.strides[i]});
  }
  scatter.offset = fresh(Kind::i64);
  scatter.ok = fresh(Kind::truth);
  program.serial = true;
  program.steps.emplace_back(std::move(scatter));
}

// Whether the register is made by a step of this program that writes it, and is no output's memory yet.
bool Compiler::may_write_through(int made, const Program& program) {
  for (const InPlace& taken : program.in_place) {
    if (taken.value == made) return false;
  }
  for (const Step& step : program.steps) {
    if (const auto* compute = std::get_if<ComputeStep>(&step); compute != nullptr && compute->out == made) return true;
    if (const auto* load = std::get_if<LoadStep>(&step); load != nullptr && load->out == made) return !load->in_place;
    if (const auto* gather = std::get_if<GatherStep>(&step); gather != nullptr && gather->out == made) return true;
    if (const auto* reduce = std::get_if<ReduceStep>(&step); reduce != nullptr && reduce->out == made) return true;
  }
  return false;
}

// Registers of a block should stay in the first-level cache.
void Compiler::finish() {
  assign_places(*plan_);
  Count bytes = 0;
  for (const Kind kind : plan_->places) bytes += size_of(kind);
  constexpr Count cache = 32 << 10;
  plan_->block = 1024;
  while (plan_->block > 256 && plan_->block * bytes > cache) plan_->block /= 2;
  for (const Operand& operand : inputs_) plan_->input_sizes.push_back(operand.sizes);
  for (const Operand& operand : outputs_) {
    plan_->output_sizes.push_back(operand.sizes);
    Count size = neap::size_of(operand.dtype);
    for (const Count extent : operand.sizes) size *= extent;
    plan_->far_outputs.push_back(is_past_caches(size));
  }
}

std::unique_ptr<Plan> compile(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols,
                              std::string* why) {
  if (auto transposition = find_transposition(map, inputs, outputs, symbols)) {
    auto plan = std::make_unique<Plan>();
    plan->transposition = std::move(transposition);
    return plan;
  }
  try {
    return Compiler(map, inputs, outputs, symbols).compile();
  } catch (const Unsupported& reason) {
    if (why != nullptr) *why = reason.why;
    return nullptr;
  }
}

}  // namespace neap::blocks
