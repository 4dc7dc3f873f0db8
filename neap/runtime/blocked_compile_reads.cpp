// Positions and reads: which lie along the lanes, which are gathered, which are clipped to what is within bounds.
#include <algorithm>
#include <span>

#include "neap/runtime/blocked_compiler.h"

namespace neap::blocks {

std::optional<KnownAffine> Compiler::known_affine(const Expr& index) const {
  const Affine form = affine(index);
  if (!form.affine) return std::nullopt;
  KnownAffine known{form.rest.evaluate(symbols_), {}};
  for (const auto& [axis, coefficient] : form.coefficients) {
    if (extent_.count(axis) == 0) return std::nullopt;
    known.coefficients[axis] = coefficient.evaluate(symbols_);
  }
  return known;
}

bool Compiler::within(const KnownAffine& index, Count size) const {
  Count low = index.base, high = index.base;
  for (const auto& [axis, coefficient] : index.coefficients) {
    const Count reach = coefficient * std::max<Count>(extent_.at(axis) - 1, 0);
    (coefficient < 0 ? low : high) += reach;
  }
  return low >= 0 && high < size;
}

AffineLanes Compiler::over_lanes(const KnownAffine& index, const Program& program) {
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

bool Compiler::provable(const Expr& read) const {
  const Operand& from = inputs_.at(static_cast<std::size_t>(read->integer));
  for (int i = 0; i < read->rank; ++i) {
    const auto index = known_affine(read->args[static_cast<std::size_t>(i)]);
    if (!index || !within(*index, from.sizes[static_cast<std::size_t>(i)])) return false;
  }
  return true;
}

// Whether it holds a read that may turn out to be out of bounds: only then does it matter in which lanes it is asked for.
bool Compiler::may_fail(const Expr& e) {
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

int Compiler::read(const Expr& e, Scope& scope, int mask) {
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
std::optional<int> Compiler::clipped(const Expr& e, const Operand& from, Scope& scope, int mask) {
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

}  // namespace neap::blocks
