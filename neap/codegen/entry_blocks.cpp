#include "neap/codegen/entry_blocks.h"

#include <algorithm>

#include "neap/codegen/accumulation.h"
#include "neap/ir/map_walk.h"

namespace neap {
namespace {

// What a stage makes of an entry's buffers alone.
class Apart {
 public:
  Apart(const Emitter& emit, const EntryLoop& loop, const Stage& stage) : emit_(emit), loop_(loop), stage_(stage) {}

  std::optional<FillApart> run() {
    const bool is_row = stage_.axes.size() == 1 && stage_.index.size() == 1 && at_axis(stage_.index[0]);
    if (!is_row || !is_row_of_entry(stage_.target) || reads(stage_.value, stage_.target)) return std::nullopt;
    find_taken();
    FillApart made{stage_, rewrite(stage_.value, [&](const Expr& e) { return same(e, taken_) ? own_element() : Expr(); })};
    if (!of_buffers(made.over_elements) || taken_.node() == stage_.value.node()) return std::nullopt;
    made.of_entry.value = taken_;
    return made;
  }

 private:
  // The innermost part with all that the value takes from elsewhere.
  void find_taken() {
    taken_ = stage_.value;
    for (Expr e = taken_;;) {
      if (e->op == Scalar::read || e->op == Scalar::reduce || e->op == Scalar::axis) return;
      Expr next;
      for (const Expr& arg : e->args) {
        if (of_buffers(arg)) continue;
        if (!next) next = arg;
        if (!same(arg, next)) return;
      }
      if (!next) return;
      e = next;
      if (e.dtype() == stage_.value.dtype()) taken_ = e;
    }
  }

  // Whether it is made of buffers of the entry, at the element that is computed, and of what is the same for all elements.
  bool of_buffers(const Expr& e) const {
    if (e->op == Scalar::axis || e->op == Scalar::reduce) return false;
    if (e->op != Scalar::read) return std::all_of(e->args.begin(), e->args.end(), [&](const Expr& arg) { return of_buffers(arg); });
    if (e->integer >= 0) return e->args.empty();
    return is_row_of_entry(e->integer) && e->rank == 1 && !has_outside(e) && at_axis(e->args[0]);
  }

  bool is_row_of_entry(std::int64_t operand) const {
    if (!loop_.has(operand)) return false;
    const Type type = emit_.operand_type(operand);
    return type.dtype == stage_.value.dtype() && type.shape.size() == 1 && type.shape[0] == stage_.axes[0].extent;
  }

  bool at_axis(const Expr& index) const { return is_axis(index, stage_.axes[0].id); }
  Expr own_element() const { return read(stage_.target, stage_.value.dtype(), {stage_.index[0]}); }

  const Emitter& emit_;
  const EntryLoop& loop_;
  const Stage& stage_;
  Expr taken_;
};

// Vectors of sums side by side: as many as registers hold beside what is multiplied, of which each row has whole sets.
int vectors_at_once(const Emitter& emit, const std::vector<Axis>& axes, const std::vector<Assignment>& body) {
  const std::int64_t most = 3 * emit.registers() / 4 / static_cast<std::int64_t>(body.size()), width = emit.width(body[0].type.dtype);
  const std::int64_t all = (points(axes).constant() + width - 1) / width;
  std::int64_t best = 1;
  for (std::int64_t count = 1; count <= std::min(most, all); ++count) {
    if (all % count == 0) best = count;
  }
  return static_cast<int>(best);
}

// Whether so few sets of vectors have all sums of a stage that a block's rows are gone through a few times only: one row of vectors, or
// groups that vectors hold whole.
bool in_few_passes(const Emitter& emit, const Stage& stage) {
  constexpr std::int64_t most_passes = 4;
  const std::int64_t width = emit.width(stage.value.dtype()), elements = points(stage.axes).constant();
  if (elements == 0) return false;
  const bool is_row = stage.axes.size() == 1 || (stage.axes.size() == 2 && width % stage.axes.back().extent.constant() == 0);
  return is_row && elements <= most_passes * width * emit.registers() / 4;
}

}  // namespace

bool fills_entry(const EntryLoop& loop, const Stage& stage) { return loop.has(stage.target); }

bool fills_entry(const EntryLoop& loop, const Nest& nest) {
  return std::any_of(loop.locals.begin(), loop.locals.end(), [&](int local) { return nest.body[0].base == operand_name(local); });
}

bool begins_with_fills(const EntryLoop& loop, const std::vector<std::vector<Nest>>& nests) {
  const auto fills = [&](const std::vector<Nest>& of_nest) { return fills_entry(loop, of_nest[0]); };
  return fills(nests.front()) && !fills(nests.back()) && std::is_partitioned(nests.begin(), nests.end(), fills);
}

std::size_t end_of_kind(const EntryLoop& loop, const std::vector<Stage>& stages, std::size_t from, std::size_t to) {
  std::size_t end = from + 1;
  while (end < to && fills_entry(loop, stages[end]) == fills_entry(loop, stages[from])) ++end;
  return end;
}

bool waits_for(const Stage& stage, const FillApart& fill) {
  const int target = fill.of_entry.target;
  return stage.target == target || reads(stage.value, target) || reads(fill.over_elements, stage.target);
}

std::optional<FillApart> fill_apart(const Emitter& emit, const EntryLoop& loop, const Stage& stage) {
  return Apart(emit, loop, stage).run();
}

bool wants_blocks(const Emitter& emit, const EntryLoop& loop, const std::vector<Stage>& stages) {
  constexpr std::int64_t most_bytes = 16 << 10;  // of a block's buffers, which share the first cache with rows
  std::int64_t bytes = 0;
  for (const int local : loop.locals) {
    const Type type = emit.operand_type(local);
    const Dim count = element_count(type.shape);
    if (!count.is_constant()) return false;
    bytes += padded_count(count.constant(), type.dtype) * size_of(type.dtype);
  }
  if (bytes * entries_of_block > most_bytes) return false;
  bool wants = false;
  for (std::size_t s = loop.from; s < loop.to; ++s) {
    const Stage& stage = stages[s];
    if (fills_entry(loop, stage) != (stage.accumulate == Accumulate::none) || stage.target >= 0) return false;
    if (fills_entry(loop, stage)) continue;
    for (const Axis& axis : stage.axes) {
      if (axis.ragged != nullptr || !axis.extent.is_constant()) return false;
    }
    bool takes = false;
    visit(stage.value, [&](const Expr& e) { takes |= e->op == Scalar::read && loop.has(e->integer); });
    if (!in_few_passes(emit, stage)) return false;
    wants |= takes && emit.vectors(operand_name(stage.target)) == 0;
  }
  return wants;
}

Nest plan_sums_of_entries(Emitter& emit, Axis entry, std::vector<Axis> axes, std::vector<Assignment> body) {
  Schedule schedule;
  if (const int vectors = vectors_at_once(emit, axes, body); vectors > 1) schedule.vector_width = vectors * emit.width(body[0].type.dtype);
  entry.ragged = nullptr;
  axes.push_back(entry);
  Nest nest = plan_nest(emit, std::move(axes), std::move(body), schedule);
  nest.block_axis = -1;  // the block is one already
  return nest;
}

}  // namespace neap
