#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "neap/base/error.h"
#include "neap/ir/scalar.h"
#include "neap/runtime/blocked_plan.h"

namespace neap::blocks {
namespace {

struct Unsupported {
  std::string why;
};

Kind kind_of(DType dtype) {
  if (dtype == DType::boolean) return Kind::truth;
  if (dtype == DType::f64) return Kind::f64;
  return is_float(dtype) ? Kind::f32 : Kind::i64;
}

// Whether a register of this dtype looks as its memory does.
bool same_in_memory(DType dtype) { return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::i64 || dtype == DType::boolean; }

struct Operand {
  DType dtype;
  std::vector<Count> sizes, strides;

  Operand(const Type& type, const Symbols& symbols) : dtype(type.dtype), sizes(evaluate(type.shape, symbols)), strides(sizes.size()) {
    Count stride = 1;
    for (std::size_t i = sizes.size(); i-- > 0; stride *= sizes[i]) strides[i] = stride;
  }
};

// An index with known coefficients.
struct KnownAffine {
  Count base = 0;
  std::map<int, Count> coefficients;

  void add(const KnownAffine& other, Count factor) {
    base += other.base * factor;
    for (const auto& [axis, coefficient] : other.coefficients) coefficients[axis] += coefficient * factor;
  }
};

double weight(Scalar op) { return kind(op) == ScalarKind::unary_float || op == Scalar::pow || op == Scalar::random_bits ? 8 : 1; }

class Compiler {
 public:
  Compiler(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols)
      : map_(map), symbols_(symbols), plan_(std::make_unique<Plan>()), loops_(loops()) {
    for (const Type& type : inputs) inputs_.emplace_back(type, symbols);
    for (const Type& type : outputs) outputs_.emplace_back(type, symbols);
  }

  std::unique_ptr<Plan> compile() {
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

 private:
  struct Scope {
    Program* program;
    Scope* parent;          // with the same lanes; null: lanes of its own
    std::vector<int> axes;  // that change from run to run of this program within one of the parent's
    std::map<std::pair<const Expr::Node*, int>, int> made;
  };

  void enter(const Axis& axis) {
    extent_[axis.id] = axis.extent.evaluate(symbols_);
    plan_->axes = std::max(plan_->axes, axis.id + 1);
  }

  int fresh(Kind kind) {
    plan_->registers.push_back(kind);
    return static_cast<int>(plan_->registers.size()) - 1;
  }

  int constant(Kind kind, double real, Count integer) {
    for (const Constant& known : plan_->constants) {
      if (known.kind == kind && known.integer == integer && std::bit_cast<Count>(known.real) == std::bit_cast<Count>(real))
        return known.out;
    }
    plan_->constants.push_back({fresh(kind), kind, real, integer});
    return plan_->constants.back().out;
  }

  int compute(Scope& scope, Compute loop, Kind result, int a, int b = -1, int c = -1, double cost = 1) {
    if (loop == nullptr) throw Unsupported{"it uses an operation on a dtype that has no loop"};
    const int out = fresh(result);
    scope.program->steps.emplace_back(ComputeStep{loop, out, a, b, c});
    scope.program->work += cost;
    return out;
  }

  int convert(Scope& scope, int value, Kind to) {
    const Kind from = plan_->registers[static_cast<std::size_t>(value)];
    return from == to ? value : compute(scope, loops_.convert[static_cast<int>(from)][static_cast<int>(to)], to, value);
  }
  int round(Scope& scope, int value, DType dtype) {
    const Compute loop = loops_.round[static_cast<int>(dtype)];
    return loop == nullptr ? value : compute(scope, loop, kind_of(dtype), value);
  }

  // ---- affine indices ----

  std::optional<KnownAffine> known_affine(const Expr& index) const {
    const Affine form = affine(index);
    if (!form.affine) return std::nullopt;
    KnownAffine known{form.rest.evaluate(symbols_), {}};
    for (const auto& [axis, coefficient] : form.coefficients) {
      if (extent_.count(axis) == 0) return std::nullopt;
      known.coefficients[axis] = coefficient.evaluate(symbols_);
    }
    return known;
  }

  bool within(const KnownAffine& index, Count size) const {
    Count low = index.base, high = index.base;
    for (const auto& [axis, coefficient] : index.coefficients) {
      const Count reach = coefficient * std::max<Count>(extent_.at(axis) - 1, 0);
      (coefficient < 0 ? low : high) += reach;
    }
    return low >= 0 && high < size;
  }

  static AffineLanes over_lanes(const KnownAffine& index, const Program& program) {
    AffineLanes made{index.base, {}, {}};
    std::map<int, Count> rest = index.coefficients;
    for (const LaneAxis& lane : program.lanes) {
      const auto found = rest.find(lane.id);
      const Count step = found == rest.end() ? 0 : found->second;
      if (found != rest.end()) rest.erase(found);
      if (lane.extent == 1) continue;
      if (!made.levels.empty() && made.levels.back().step == step * lane.extent) {
        made.levels.back() = {made.levels.back().extent * lane.extent, step};
      } else {
        made.levels.push_back({lane.extent, step});
      }
    }
    if (made.levels.size() > most_levels) throw Unsupported{"it has too many axes"};
    if (made.levels.size() == 1 && made.levels[0].step == 0) made.levels.clear();
    for (const auto& [axis, coefficient] : rest) {
      if (coefficient != 0) made.outer.emplace_back(axis, coefficient);
    }
    return made;
  }

  // ---- expressions ----

  bool provable(const Expr& read) const {
    const Operand& from = inputs_.at(static_cast<std::size_t>(read->integer));
    for (int i = 0; i < read->rank; ++i) {
      const auto index = known_affine(read->args[static_cast<std::size_t>(i)]);
      if (!index || !within(*index, from.sizes[static_cast<std::size_t>(i)])) return false;
    }
    return true;
  }

  // Whether it holds a read that may turn out to be out of bounds: only then does it matter in which lanes it is asked for.
  bool may_fail(const Expr& e) {
    const auto found = may_fail_.find(e.node().get());
    if (found != may_fail_.end()) return found->second;
    bool fails = false;
    if (e->op == Scalar::reduce) {
      for (const Axis& axis : e->axes) {
        enter(axis);
        fails |= axis.ragged != nullptr;
      }
    }
    if (e->op == Scalar::read && static_cast<int>(e->args.size()) == e->rank) fails = !provable(e);
    for (const Expr& arg : e->args) fails |= may_fail(arg);
    return may_fail_[e.node().get()] = fails;
  }

  int value(const Expr& e, Scope& scope, int mask) {
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

  int real_constant(const Expr& e) {
    const Kind kind = kind_of(e->dtype);
    const double number = e->dtype == DType::boolean ? (e->number != 0 || e->integer != 0 ? 1 : 0) : e->number;
    return constant(kind, number, static_cast<Count>(kind == Kind::truth ? number : 0));
  }

  int make(const Expr& e, Scope& scope, int mask) {
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

  Compute loop(Scalar op, Kind kind) const { return loops_.compute[static_cast<int>(op)][static_cast<int>(kind)]; }
  int negated(Scope& scope, int truth) { return compute(scope, loop(Scalar::logical_not, Kind::truth), Kind::truth, truth); }
  int both(Scope& scope, int mask, int truth) {
    return mask < 0 ? truth : compute(scope, loop(Scalar::logical_and, Kind::truth), Kind::truth, mask, truth);
  }

  int call(const Expr& e, Scope& scope, int mask) {
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

  int read(const Expr& e, Scope& scope, int mask) {
    if (e->integer < 0) throw Unsupported{"it reads a local"};
    const Operand& from = inputs_.at(static_cast<std::size_t>(e->integer));
    const int operand = static_cast<int>(e->integer);
    Program& program = *scope.program;
    if (provable(e)) {
      KnownAffine offset;
      for (int i = 0; i < e->rank; ++i)
        offset.add(*known_affine(e->args[static_cast<std::size_t>(i)]), from.strides[static_cast<std::size_t>(i)]);
      AffineLanes place = over_lanes(offset, program);
      const bool in_place = same_in_memory(from.dtype) && place.linear() && place.step() == 1;
      const int out = fresh(kind_of(from.dtype));
      program.work += in_place ? 0 : place.linear() ? 1 : 3;
      program.steps.emplace_back(LoadStep{out, operand, std::move(place), from.dtype, in_place});
      return out;
    }
    if (const auto window = clipped(e, from, scope, mask)) return *window;
    GatherStep gather{-1, operand, from.dtype, {}, -1, mask, static_cast<int>(e->args.size()) > e->rank, -1, -1};
    for (int i = 0; i < e->rank; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const int position = convert(scope, value(e->args[at], scope, mask), Kind::i64);
      gather.index.push_back({position, from.sizes[at], from.strides[at]});
    }
    if (gather.guarded) gather.outside = value(e->args.back(), scope, mask);
    gather.offset = fresh(Kind::i64);
    gather.ok = fresh(Kind::truth);
    gather.out = fresh(kind_of(from.dtype));
    program.work += 4;
    const int out = gather.out;
    program.steps.emplace_back(std::move(gather));
    return out;
  }

  // A guarded read with affine indices that do not fall along the lanes.
  std::optional<int> clipped(const Expr& e, const Operand& from, Scope& scope, int mask) {
    Program& program = *scope.program;
    if (static_cast<int>(e->args.size()) == e->rank || program.lanes.empty()) return std::nullopt;
    WindowStep step{-1, static_cast<int>(e->integer), from.dtype, {}, {}, -1};
    for (const LaneAxis& lane : program.lanes) {
      if (lane.extent > 1) step.lanes.push_back(lane);
    }
    if (step.lanes.empty() || step.lanes.size() > most_levels || step.lanes.back().extent < 4) return std::nullopt;
    for (int i = 0; i < e->rank; ++i) {
      const auto at = static_cast<std::size_t>(i);
      auto index = known_affine(e->args[at]);
      if (!index) return std::nullopt;
      WindowStep::Axis axis{from.sizes[at], from.strides[at], index->base, {}, {}};
      for (const LaneAxis& lane : step.lanes) {
        const auto found = index->coefficients.find(lane.id);
        axis.steps.push_back(found == index->coefficients.end() ? 0 : found->second);
        if (found != index->coefficients.end()) index->coefficients.erase(found);
      }
      if (axis.steps.back() < 0) return std::nullopt;
      for (const LaneAxis& lane : program.lanes) index->coefficients.erase(lane.id);  // those of one element
      axis.outer.assign(index->coefficients.begin(), index->coefficients.end());
      step.axes.push_back(std::move(axis));
    }
    step.outside = value(e->args.back(), scope, mask);
    const int out = step.out = fresh(kind_of(from.dtype));
    program.work += 1;
    program.steps.emplace_back(std::move(step));
    return out;
  }

  // ---- reductions ----

  // Lanes that are the reduction's points suit reads that are contiguous along it; lanes of our own suit reads that are contiguous along
  // ours.
  bool lanes_should_be_points(const Expr& e, const Program& outer, Count points) {
    if (e->axes.back().ragged) return true;
    double operations = 1, along_points = 0, along_lanes = 0;
    int innermost = -1;  // of our axes, but for those of one element (kept ones)
    for (const LaneAxis& lane : outer.lanes) innermost = lane.extent > 1 ? lane.id : innermost;
    const auto price = [](Count step) { return step == 0 || step == 1 ? 0.3 : 1.5; };
    visit(e->args[0], [&](const Expr& x) {
      operations += x->op > Scalar::read ? 1 : 0;
      if (x->op != Scalar::read || x->integer < 0) return;
      const Operand& from = inputs_.at(static_cast<std::size_t>(x->integer));
      KnownAffine offset;
      for (int i = 0; i < x->rank; ++i) {
        const auto index = known_affine(x->args[static_cast<std::size_t>(i)]);
        if (!index) {
          along_points += 3;
          along_lanes += 3;
          return;
        }
        offset.add(*index, from.strides[static_cast<std::size_t>(i)]);
      }
      operations += 1;
      along_points += price(offset.coefficients[e->axes.back().id]);
      along_lanes += price(innermost < 0 ? 0 : offset.coefficients[innermost]);
    });
    constexpr double step_ns = 8, block = 512;
    const double p = static_cast<double>(points), l = static_cast<double>(outer.lane_count);
    const double as_points = l * (20 + std::ceil(p / block) * operations * step_ns) + l * p * along_points;
    const double as_lanes = std::ceil(l / block) * p * operations * step_ns + l * p * along_lanes;
    return as_points < as_lanes;
  }

  int reduce(const Expr& e, Scope& scope, int mask) {
    const bool position = e->reduction == Reduction::argmax || e->reduction == Reduction::argmin;
    ReduceStep step{};
    step.reduction = e->reduction;
    step.element = e->args[0].dtype();
    step.begin = step.end = step.part = step.best = -1;
    step.mask = mask;
    Count points = 1;
    for (const Axis& axis : e->axes) {
      enter(axis);
      if (axis.ragged && e->axes.size() > 1) throw Unsupported{"it reduces over a ragged axis and another"};
      step.axes.push_back({axis.id, extent_.at(axis.id)});
      points *= extent_.at(axis.id);
    }
    if (e->axes[0].ragged) {
      step.begin = value(e->axes[0].ragged->first, scope, mask);
      step.end = value(e->axes[0].ragged->second, scope, mask);
    }
    step.over_lanes = lanes_should_be_points(e, *scope.program, points);
    step.body = std::make_unique<Program>();
    Scope inner{step.body.get(), step.over_lanes ? nullptr : &scope, {}, {}};
    for (const LaneAxis& axis : step.axes) inner.axes.push_back(axis.id);
    step.body->lanes = step.over_lanes ? step.axes : scope.program->lanes;
    step.body->lane_count = step.over_lanes ? points : scope.program->lane_count;
    // What does not depend on the reduction's axes is made once, in the program around; over no points it must not be made at all.
    if (points == 0) inner.parent = nullptr;
    int element = value(e->args[0], inner, step.over_lanes ? -1 : mask);
    const bool logical = e->reduction == Reduction::any || e->reduction == Reduction::all;
    if (logical) {
      element = convert(inner, element, Kind::truth);
    } else if (plan_->registers[static_cast<std::size_t>(element)] == Kind::truth) {
      element = convert(inner, element, Kind::i64);
    }
    step.value = element;
    step.kind = plan_->registers[static_cast<std::size_t>(element)];
    const Kind result = position ? Kind::i64 : step.kind;
    if (position) step.best = fresh(step.kind);
    if (!step.over_lanes && e->reduction == Reduction::sum && is_float_kind(step.kind)) step.part = fresh(step.kind);
    step.out = fresh(result);
    scope.program->work += static_cast<double>(points) * (step.body->work + 1);
    scope.program->heavy |= step.over_lanes;
    const int out = step.out;
    scope.program->steps.emplace_back(std::move(step));
    return round(scope, convert(scope, out, kind_of(e->dtype)), e->dtype);
  }
  static bool is_float_kind(Kind kind) { return kind == Kind::f32 || kind == Kind::f64; }

  // ---- results ----

  // Whether the stage writes each element of its output once.
  bool covers(const Stage& stage) const {
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

  void fill_first(const Stage& stage) {
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

  static Reduction reduction_of(Accumulate accumulate) {
    return accumulate == Accumulate::max ? Reduction::max : accumulate == Accumulate::min ? Reduction::min : Reduction::sum;
  }

  void store(const Stage& stage, Scope& scope) {
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
      if (place.linear() && (place.step() == 1 || program.lane_count == 1) && same_in_memory(to.dtype) &&
          may_write_through(made, program)) {
        program.in_place.push_back({made, stage.target, std::move(place), to.dtype});
      } else {
        program.work += 1;
        program.steps.emplace_back(StoreStep{made, stage.target, std::move(place), to.dtype});
      }
      // Where points share an element the last one stays.
      program.serial |= !covers(stage);
      return;
    }
    ScatterStep scatter{made, stage.target, to.dtype, {}, stage.accumulate != Accumulate::none, reduction_of(stage.accumulate), -1, -1};
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
  static bool may_write_through(int made, const Program& program) {
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
  void finish() {
    assign_places(*plan_);
    Count bytes = 0;
    for (const Kind kind : plan_->places) bytes += size_of(kind);
    constexpr Count cache = 32 << 10;
    plan_->block = 1024;
    while (plan_->block > 256 && plan_->block * bytes > cache) plan_->block /= 2;
    for (const Operand& operand : inputs_) plan_->input_sizes.push_back(operand.sizes);
    for (const Operand& operand : outputs_) plan_->output_sizes.push_back(operand.sizes);
  }

  const Map& map_;
  const Symbols& symbols_;
  std::unique_ptr<Plan> plan_;
  const Loops& loops_;
  std::vector<Operand> inputs_, outputs_;
  std::map<int, Count> extent_;
  std::vector<Scope> scopes_;
  std::map<const Expr::Node*, bool> may_fail_;
};

}  // namespace

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
