#include "neap/codegen/scope_stages.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/accumulation.h"
#include "neap/codegen/entry_blocks.h"
#include "neap/codegen/entry_pairs.h"
#include "neap/codegen/registers.h"
#include "neap/codegen/sums_apart.h"

namespace neap {
namespace {

constexpr std::int64_t most_local_bytes = 1 << 20;  // on the stack of a thread

}  // namespace

void ScopeStages::plan(const std::function<Assignment(const Stage&)>& assignment) {
  for (const EntryLoop& loop : loops_.loops) emit_.set_axes({loop.axis});
  plan_nests(assignment);
  if (choose_blocks()) plan_nests(assignment);
}

void ScopeStages::write(LoopLevel& here) {
  declare_locals(here, nullptr);
  for (std::size_t i = 0; i < nests_.size();) {
    const EntryLoop* loop = loop_of_nest_[i];
    if (loop == nullptr) {
      write_stage(here, nests_[i++]);
      continue;
    }
    std::vector<const Nest*> nests;
    for (; i < nests_.size() && loop_of_nest_[i] == loop; ++i) nests.push_back(&nests_[i]);
    const Range range = emit_.range_of(here, loop->axis);
    if (loop->in_blocks) {
      write_blocks(here, range, nests, *loop);
    } else {
      write_entries(here, loop->axis, range, nests, loop);
    }
  }
}

void ScopeStages::write_entries(LoopLevel& here, const Axis& axis, const Range& range) {
  std::vector<const Nest*> nests;
  for (const Nest& nest : nests_) nests.push_back(&nest);
  write_entries(here, axis, range, nests, nullptr);
}

void ScopeStages::plan_nests(const std::function<Assignment(const Stage&)>& assignment) {
  nests_.clear();
  loop_of_nest_.clear();
  for (std::size_t from = 0; from < map_.stages.size();) {
    const EntryLoop* const loop = loop_of(from);
    const bool sums_entries = loop != nullptr && loop->in_blocks && !fills_entry(*loop, map_.stages[from]);
    std::size_t to = std::min(end_of_nest(map_.stages, from), end_of_loops(from));
    if (loop != nullptr && loop->in_blocks) to = end_of_kind(*loop, map_.stages, from, to);
    std::vector<Assignment> body;
    for (std::size_t s = from; s < to; ++s) body.push_back(assignment(map_.stages[s]));
    nests_.push_back(sums_entries ? plan_sums_of_entries(emit_, loop->axis, map_.stages[from].axes, std::move(body))
                                  : plan_nest(emit_, map_.stages[from].axes, std::move(body), {}));
    loop_of_nest_.push_back(loop);
    from = to;
  }
}

// Whether any loop is taken in blocks.
bool ScopeStages::choose_blocks() {
  if (loops_.loops.empty()) return false;
  std::vector<Nest> trial = nests_;
  hold_in_registers(emit_, trial);
  bool any = false;
  for (EntryLoop& loop : loops_.loops) {
    loop.in_blocks = wants_blocks(emit_, loop, map_.stages);
    if (!loop.in_blocks) continue;
    any = true;
    emit_.set_buffers_of_entry(loop.axis.id, buffers_of_entry(&loop));
  }
  emit_.hold({});
  return any;
}

// The loop over entries that a stage is in; null: none.
const EntryLoop* ScopeStages::loop_of(std::size_t stage) const {
  for (const EntryLoop& loop : loops_.loops) {
    if (loop.from <= stage && stage < loop.to) return &loop;
  }
  return nullptr;
}

// The stage behind this one at which a loop over entries begins or ends.
std::size_t ScopeStages::end_of_loops(std::size_t stage) const {
  std::size_t end = map_.stages.size();
  for (const EntryLoop& loop : loops_.loops) {
    for (const std::size_t bound : {loop.from, loop.to}) {
      if (bound > stage) end = std::min(end, bound);
    }
  }
  return end;
}

// The nests of a loop over entries, for one at a time or for two; `loop` of a scope's several; null: it has this one.
void ScopeStages::write_entries(LoopLevel& here, const Axis& axis, const Range& range, const std::vector<const Nest*>& nests,
                                const EntryLoop* loop) {
  const auto body = [&](LoopLevel& at, std::unique_ptr<LoopLevel> level, int entries, const std::vector<std::vector<Nest>>& written) {
    level->axes.insert(axis.id);
    fetch_entries(*level, axis, loop, entries);
    declare_locals(*level, loop);
    for (const std::vector<Nest>& of_nest : written) {
      for (const Nest& nest : of_nest) write_stage(*level, nest);
    }
    at.text += level->close();
  };
  std::vector<std::vector<Nest>> one;
  for (const Nest* nest : nests) one.push_back({*nest});
  const std::string name = axis_name(axis.id);
  std::optional<EntryPairs> pairs = pairs_of_entries(emit_, nests, axis, buffers_of_entry(loop));
  if (!pairs) {
    body(here, here.loop(axis.id, range.first, range.second), 1, one);
    return;
  }
  const auto around = here.inner(fmt::format("{{\ni64 {} = {};\n", name, range.first));
  emit_.hold_pairs(pairs->buffers);
  body(*around, around->inner(fmt::format("for (; {0} + 2 <= {1}; {0} += 2) {{\n", name, range.second)), 2, pairs->nests);
  emit_.hold_pairs({});
  around->text += fold_pairs_text(*pairs);
  body(*around, around->inner(fmt::format("if ({} < {}) {{\n", name, range.second)), 1, one);
  here.text += around->close();
}

// Some entries at a time: their buffers are filled one entry after the other, then each sum takes all of them up.
void ScopeStages::write_blocks(LoopLevel& here, const Range& range, const std::vector<const Nest*>& nests, const EntryLoop& loop) {
  const std::string name = axis_name(loop.axis.id), first = name + "_from", behind = name + "_to";
  const auto block = here.inner(fmt::format("for (i64 {0} = {1}; {0} < {2}; {0} += {3}) {{\nconst i64 {4} = min({0} + {3}l, {2});\n", first,
                                            range.first, range.second, entries_of_block, behind));
  std::string text;
  for (const int local : loop.locals) {
    const std::string base = operand_name(local), type = storage_type(emit_.operand_type(local).dtype);
    const std::int64_t elements = elements_of_local(local);
    block->text += fmt::format("alignas(64) {} {}_of[{}];\n", type, base, entries_of_block * elements);
    text += fmt::format("{0}* const {1} = {1}_of + ({2} - {2}_from) * {3}l;\n", type, base, name, elements);
  }
  emit_.set_entry_text(loop.axis.id, text);
  bool fetches = true;
  for (std::size_t i = 0; i < nests.size();) {
    if (!fills_entry(loop, *nests[i])) {
      write_stage(*block, *nests[i++], {{loop.axis.id, {first, behind}}});
      continue;
    }
    emit_.set_axes({loop.axis});
    const auto level = block->loop(loop.axis.id, first, behind);
    level->text += text;
    if (fetches) fetch_entries(*level, loop.axis, &loop, 1);
    fetches = false;
    for (; i < nests.size() && fills_entry(loop, *nests[i]); ++i) write_stage(*level, *nests[i]);
    block->text += level->close();
  }
  emit_.set_entry_text(loop.axis.id, "");
  here.text += block->close();
}

std::int64_t ScopeStages::elements_of_local(std::int64_t operand) const {
  const Type type = emit_.operand_type(operand);
  return padded_count(element_count(type.shape).constant(), type.dtype);
}

std::set<std::string> ScopeStages::buffers_of_entry(const EntryLoop* loop) const {
  std::set<std::string> buffers;
  for (std::size_t k = 0; k < map_.locals.size(); ++k) {
    if (is_of(loop, k)) buffers.insert(operand_name(-1 - static_cast<std::int64_t>(k)));
  }
  return buffers;
}

// Whether a local is a buffer of a loop over entries; null: of what is around all of them.
bool ScopeStages::is_of(const EntryLoop* loop, std::size_t local) const {
  const auto has_it = [&](const EntryLoop& one) {
    return std::find(one.locals.begin(), one.locals.end(), -1 - static_cast<int>(local)) != one.locals.end();
  };
  return loop != nullptr ? has_it(*loop) : std::none_of(loops_.loops.begin(), loops_.loops.end(), has_it);
}

void ScopeStages::write_stage(LoopLevel& here, const Nest& nest, const Ranges& ranges) {
  const auto stage = here.inner();
  emit_.set_stage_depth(stage->depth);
  write_nest(emit_, *stage, nest, ranges);
  here.text += stage->close();
}

// Rows that a loop ahead of it over the same entries has read are in the second cache.
void ScopeStages::fetch_entries(LoopLevel& here, const Axis& axis, const EntryLoop* loop, int entries) {
  std::vector<Stage> stages, before;
  if (loop == nullptr) stages = map_.stages;
  bool is_last = true;
  for (const EntryLoop& other : loops_.loops) {
    if (loop == nullptr || other.axis.id != axis.id) continue;
    is_last &= other.from <= loop->from;
    if (other.from > loop->from) continue;
    std::vector<Stage>& of = other.from == loop->from ? stages : before;
    of.insert(of.end(), map_.stages.begin() + static_cast<std::ptrdiff_t>(other.from),
              map_.stages.begin() + static_cast<std::ptrdiff_t>(other.to));
  }
  emit_.prefetch_entries(here, axis, stages, before, is_last, entries);
}

// Buffers of a loop over entries; null: those of a row.
void ScopeStages::declare_locals(LoopLevel& here, const EntryLoop* of) const {
  std::int64_t bytes = 0;
  for (std::size_t k = 0; k < map_.locals.size(); ++k) {
    if (!is_of(of, k)) continue;
    const Local& local = map_.locals[k];
    const Dim count = element_count(local.shape);
    if (!count.is_constant())
      throw Error(fmt::format("a scope's buffer has {} elements: a size that is not known", count.to_string()), "",
                  "do not fuse this scope");
    bytes += count.constant() * size_of(local.dtype);
    if (bytes > most_local_bytes)
      throw Error(fmt::format("a scope's buffers of {} bytes are too large for a stack", bytes), "", "do not fuse this scope");
    const auto into = std::find_if(map_.stages.begin(), map_.stages.end(), [&](const Stage& stage) {
      return stage.target == -1 - static_cast<int>(k) && stage.accumulate != Accumulate::none;
    });
    const std::string start = into == map_.stages.end() ? "" : identity_literal(reduction_of(into->accumulate), local.dtype);
    const std::string base = operand_name(-1 - static_cast<std::int64_t>(k));
    if (emit_.vectors(base) > 0) {
      here.text += emit_.declare_vectors(base, local.dtype, start);
      continue;
    }
    here.text += fmt::format("alignas(64) {} {}[{}];\n", storage_type(local.dtype), base, padded_count(count.constant(), local.dtype));
    if (start.empty()) continue;
    here.text +=
        fmt::format("for (i64 i = 0; i < {}; ++i) {}[i] = narrow<{}>({});\n", count.constant(), base, storage_type(local.dtype), start);
  }
}

}  // namespace neap
