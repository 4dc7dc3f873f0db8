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
constexpr std::int64_t least_flops = 8;             // of an element, which are worth a loop of their own over all entries of a block

std::vector<Assignment> assignments(const std::vector<Stage>& stages, std::size_t from, std::size_t to,
                                    const std::function<Assignment(const Stage&)>& assignment) {
  std::vector<Assignment> made;
  for (std::size_t s = from; s < to; ++s) made.push_back(assignment(stages[s]));
  return made;
}

}  // namespace

void ScopeStages::plan(const std::function<Assignment(const Stage&)>& assignment) {
  for (const EntryLoop& loop : loops_.loops) emit_.set_axes({loop.axis});
  plan_nests(assignment);
  if (choose_blocks()) plan_nests(assignment);
}

std::vector<std::size_t> ScopeStages::steps() const {
  std::vector<std::size_t> steps;
  for (std::size_t i = 0; i < around_.size(); ++i) {
    const bool goes_on = i > 0 && around_[i].loop != nullptr && around_[i].loop == around_[i - 1].loop;
    steps.push_back(i == 0 ? 0 : steps.back() + (goes_on ? 0 : 1));
  }
  return steps;
}

void ScopeStages::write(LoopLevel& here) {
  declare_locals(here, nullptr);
  for (std::size_t i = 0; i < nests_.size();) {
    const EntryLoop* loop = around_[i].loop;
    if (loop == nullptr) {
      write_stage(here, nests_[i++]);
      continue;
    }
    const std::size_t from = i;
    while (i < nests_.size() && around_[i].loop == loop) ++i;
    const Range range = emit_.range_of(here, loop->axis);
    if (loop->in_blocks) {
      write_blocks(here, range, from, i);
    } else {
      write_entries(here, loop->axis, range, from, i, loop);
    }
  }
}

void ScopeStages::write_entries(LoopLevel& here, const Axis& axis, const Range& range) {
  write_entries(here, axis, range, 0, nests_.size(), nullptr);
}

void ScopeStages::plan_nests(const std::function<Assignment(const Stage&)>& assignment) {
  nests_.clear();
  around_.clear();
  for (std::size_t from = 0; from < map_.stages.size();) {
    const EntryLoop* const loop = loop_of(from);
    const bool in_blocks = loop != nullptr && loop->in_blocks;
    if (in_blocks && fills_entry(*loop, map_.stages[from])) {
      const std::size_t to = end_of_kind(*loop, map_.stages, from, end_of_loops(from));
      plan_fill(*loop, from, to, assignment);
      from = to;
      continue;
    }
    std::size_t to = std::min(end_of_nest(map_.stages, from), end_of_loops(from));
    if (in_blocks) to = end_of_kind(*loop, map_.stages, from, to);
    std::vector<Assignment> body = assignments(map_.stages, from, to, assignment);
    nests_.push_back(in_blocks ? plan_sums_of_entries(emit_, loop->axis, map_.stages[from].axes, std::move(body))
                               : plan_nest(emit_, map_.stages[from].axes, std::move(body), {}));
    around_.push_back({loop});
    from = to;
  }
}

// Stages that fill buffers of a block: what is taken entry by entry, until somebody needs what is made of it over all elements.
void ScopeStages::plan_fill(const EntryLoop& loop, std::size_t from, std::size_t to,
                            const std::function<Assignment(const Stage&)>& assignment) {
  std::vector<Stage> of_entry;
  std::vector<FillApart> apart;
  const auto plan = [&] {
    for (std::size_t first = 0; first < of_entry.size();) {
      const std::size_t end = end_of_nest(of_entry, first);
      nests_.push_back(plan_nest(emit_, of_entry[first].axes, assignments(of_entry, first, end, assignment), {}));
      around_.push_back({&loop});
      first = end;
    }
    for (const FillApart& fill : apart) plan_apart(loop, fill, assignment(fill.of_entry));
    of_entry.clear();
    apart.clear();
  };
  const auto waits = [&](const Stage& stage) {
    return std::any_of(apart.begin(), apart.end(), [&](const FillApart& fill) { return waits_for(stage, fill); });
  };
  for (std::size_t s = from; s < to; ++s) {
    const Stage& whole = map_.stages[s];
    std::optional<FillApart> fill = fill_apart(emit_, loop, whole);
    if (fill && flops(fill->over_elements).constant() < least_flops && !waits(whole)) fill.reset();
    const Stage& stage = fill ? fill->of_entry : whole;
    if (waits(stage)) plan();
    of_entry.push_back(stage);
    if (fill) apart.push_back(std::move(*fill));
  }
  plan();
}

// Entry by entry where an entry's elements are whole vectors; else over all of them, whole vectors side by side.
void ScopeStages::plan_apart(const EntryLoop& loop, const FillApart& fill, Assignment made) {
  const std::int64_t elements = elements_of_local(fill.of_entry.target);
  made.value = fill.over_elements;
  if (elements % emit_.width(made.type.dtype) == 0) {
    nests_.push_back(plan_nest(emit_, fill.of_entry.axes, {std::move(made)}, {}));
    around_.push_back({&loop, true});
    return;
  }
  const Axis all{emit_.axes().rbegin()->first + 1, "element", Dim(entries_of_block * elements), nullptr};
  made.value = substitute_axes(made.value, {{fill.of_entry.axes[0].id, axis_position(all)}});
  made.index = {axis_position(all)};
  made.type.shape = {all.extent};
  nests_.push_back(plan_nest(emit_, {all}, {std::move(made)}, {}));
  around_.push_back({&loop, true, elements});
}

// Whether any loop is taken in blocks.
bool ScopeStages::choose_blocks() {
  if (loops_.loops.empty()) return false;
  std::vector<Nest> trial = nests_;
  hold_in_registers(emit_, trial, steps());
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
void ScopeStages::write_entries(LoopLevel& here, const Axis& axis, const Range& range, std::size_t from, std::size_t to,
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
  std::vector<const Nest*> nests;
  std::vector<std::vector<Nest>> one;
  for (std::size_t i = from; i < to; ++i) {
    nests.push_back(&nests_[i]);
    one.push_back({nests_[i]});
  }
  const std::string name = axis_name(axis.id);
  std::optional<EntryPairs> pairs = pairs_of_entries(emit_, nests, axis, buffers_of_entry(loop));
  if (!pairs) {
    body(here, here.loop(axis.id, range.first, range.second), 1, one);
    return;
  }
  const auto around = here.inner(fmt::format("{{\ni64 {} = {};\n", name, range.first));
  emit_.hold_pairs(pairs->buffers);
  if (loop != nullptr && begins_with_fills(*loop, pairs->nests)) {
    write_pairs_ahead(*around, range, pairs->nests, *loop);
  } else {
    body(*around, around->inner(fmt::format("for (; {0} + 2 <= {1}; {0} += 2) {{\n", name, range.second)), 2, pairs->nests);
  }
  emit_.hold_pairs({});
  around->text += fold_pairs_text(*pairs);
  body(*around, around->inner(fmt::format("if ({} < {}) {{\n", name, range.second)), 1, one);
  here.text += around->close();
}

// Pairs of entries, the buffers of the next pair filled while this one is summed up: what fills them is a long chain of operations, for
// which sums would wait.
void ScopeStages::write_pairs_ahead(LoopLevel& around, const Range& range, const std::vector<std::vector<Nest>>& nests,
                                    const EntryLoop& loop) {
  const std::string name = axis_name(loop.axis.id), type = compute_type(DType::f32, Form::vector);
  const auto write = [&](LoopLevel& at, bool fills) {
    for (const std::vector<Nest>& of_nest : nests) {
      for (const Nest& nest : of_nest) {
        if (fills_entry(loop, nest) == fills) write_stage(at, nest);
      }
    }
  };
  const auto level_of = [&](const std::string& head) {
    auto level = around.inner(head);
    level->axes.insert(loop.axis.id);
    return level;
  };
  std::string declared, kept, taken;
  for (const int local : loop.locals) {
    const std::string base = operand_name(local);
    declared += fmt::format("{} {}_next;\n", type, base);
    kept += fmt::format("{0}_next = {0}_0;\n", base);
    taken += fmt::format("{0}_0 = {0}_next;\n", base);
  }
  declare_locals(around, &loop);
  const auto first = level_of(fmt::format("if ({} + 2 <= {}) {{\n", name, range.second));
  write(*first, true);
  around.text += first->close();
  const auto pair = level_of(fmt::format("for (; {0} + 2 <= {1}; {0} += 2) {{\n", name, range.second));
  pair->text += declared;
  fetch_entries(*pair, loop.axis, &loop, 2);
  // No part of the pair's level: what is known there is known of its own entries.
  const auto next =
      level_of(fmt::format("if (const i64 {0}_next = {0} + 2; {0}_next + 2 <= {1}) {{\nconst i64 {0} = {0}_next;\n", name, range.second));
  declare_locals(*next, &loop);
  write(*next, true);
  next->text += kept;
  pair->text += next->close();
  write(*pair, false);
  pair->text += taken;
  around.text += pair->close();
}

// Some entries at a time: their buffers are filled one entry after the other, or all at once, then each sum takes all of them up.
void ScopeStages::write_blocks(LoopLevel& here, const Range& range, std::size_t from, std::size_t to) {
  const EntryLoop& loop = *around_[from].loop;
  const std::string name = axis_name(loop.axis.id), first = name + "_from", behind = name + "_to";
  const auto block = here.inner(fmt::format("for (i64 {0} = {1}; {0} < {2}; {0} += {3}) {{\nconst i64 {4} = min({0} + {3}l, {2});\n", first,
                                            range.first, range.second, entries_of_block, behind));
  std::string of_entry, of_block;
  for (const int local : loop.locals) {
    const Type type = emit_.operand_type(local);
    const std::string base = operand_name(local), element = storage_type(type.dtype);
    const std::int64_t elements = elements_of_local(local);
    // Vectors of the last entry may reach behind it; those of others are stored before the next entry's.
    block->text +=
        fmt::format("alignas(64) {} {}_of[{}];\n", element, base, (entries_of_block - 1) * elements + padded_count(elements, type.dtype));
    of_entry += fmt::format("{0}* const {1} = {1}_of + ({2} - {2}_from) * {3}l;\n", element, base, name, elements);
    of_block += fmt::format("{0}* const {1} = {1}_of;\n", element, base);
  }
  emit_.set_entry_text(loop.axis.id, of_entry);
  // Rows that sums take up are asked for where only buffers are looked at: asked for all at once, they would wait for each other.
  const auto of_entries = [](const Around& around) { return around.apart && around.elements == 0; };
  const bool spread =
      std::any_of(around_.begin() + static_cast<std::ptrdiff_t>(from), around_.begin() + static_cast<std::ptrdiff_t>(to), of_entries);
  std::vector<Rows> fetches = spread ? std::vector{Rows::of_sums, Rows::of_fills} : std::vector{Rows::all};
  for (std::size_t i = from; i < to;) {
    if (const std::int64_t elements = around_[i].elements; elements > 0) {
      const auto level = block->inner();
      level->text += of_block;
      write_stage(*level, nests_[i], {{nests_[i].axes[0].id, {"0l", fmt::format("({} - {}) * {}l", behind, first, elements)}}});
      block->text += level->close();
      ++i;
      continue;
    }
    if (!fills_entry(loop, nests_[i])) {
      write_stage(*block, nests_[i++], {{loop.axis.id, {first, behind}}});
      continue;
    }
    emit_.set_axes({loop.axis});
    const auto level = block->loop(loop.axis.id, first, behind);
    level->behind = behind;
    level->text += of_entry;
    if (!fetches.empty()) {
      fetch_entries(*level, loop.axis, &loop, 1, fetches.back());
      fetches.pop_back();
    }
    const std::size_t begin = i;
    do write_stage(*level, nests_[i++]);
    while (i < to && !around_[begin].apart && !around_[i].apart && fills_entry(loop, nests_[i]));
    block->text += level->close();
  }
  emit_.set_entry_text(loop.axis.id, "");
  here.text += block->close();
}

std::int64_t ScopeStages::elements_of_local(std::int64_t operand) const {
  return std::max<std::int64_t>(1, element_count(emit_.operand_type(operand).shape).constant());
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
  const auto has_it = [&](const EntryLoop& one) { return one.has(-1 - static_cast<std::int64_t>(local)); };
  return loop != nullptr ? has_it(*loop) : std::none_of(loops_.loops.begin(), loops_.loops.end(), has_it);
}

void ScopeStages::write_stage(LoopLevel& here, const Nest& nest, const Ranges& ranges) {
  const auto stage = here.inner();
  emit_.set_stage_depth(stage->depth);
  write_nest(emit_, *stage, nest, ranges);
  here.text += stage->close();
}

// Rows that a loop ahead of it over the same entries has read are in the second cache.
void ScopeStages::fetch_entries(LoopLevel& here, const Axis& axis, const EntryLoop* loop, int entries, Rows which) {
  std::vector<Stage> stages, before;
  if (loop == nullptr) stages = map_.stages;
  bool is_last = true;
  for (const EntryLoop& other : loops_.loops) {
    if (loop == nullptr || other.axis.id != axis.id) continue;
    is_last &= other.from <= loop->from;
    const bool is_own = other.from == loop->from;
    for (std::size_t s = other.from; s < other.to; ++s) {
      const bool fills = fills_entry(other, map_.stages[s]);
      const bool asked = is_own && (which == Rows::all || fills == (which == Rows::of_fills));
      const bool done = is_own ? fills && which == Rows::of_sums : other.from < loop->from;
      if (asked || done) (asked ? stages : before).push_back(map_.stages[s]);
    }
  }
  const bool near = is_last && (loop == nullptr || !loop->in_blocks);  // sums over a block go on with later rows while they wait for one
  emit_.prefetch_entries(here, axis, stages, before, near, entries);
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
