#include "neap/codegen/entry_blocks.h"

#include <algorithm>

#include "neap/codegen/accumulation.h"

namespace neap {
namespace {

bool is_of(const EntryLoop& loop, std::int64_t operand) {
  return std::find(loop.locals.begin(), loop.locals.end(), operand) != loop.locals.end();
}

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

bool fills_entry(const EntryLoop& loop, const Stage& stage) { return is_of(loop, stage.target); }

bool fills_entry(const EntryLoop& loop, const Nest& nest) {
  return std::any_of(loop.locals.begin(), loop.locals.end(), [&](int local) { return nest.body[0].base == operand_name(local); });
}

std::size_t end_of_kind(const EntryLoop& loop, const std::vector<Stage>& stages, std::size_t from, std::size_t to) {
  std::size_t end = from + 1;
  while (end < to && fills_entry(loop, stages[end]) == fills_entry(loop, stages[from])) ++end;
  return end;
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
    visit(stage.value, [&](const Expr& e) { takes |= e->op == Scalar::read && is_of(loop, e->integer); });
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
