// Loops over the entries of a row in which sums are wider than registers hold, by blocks of a few entries: first what an entry needs, in
// buffers of all entries of the block; then what is made of these buffers alone, over all of their elements at once where an entry's rows
// are no whole vectors; then some vectors of the sums at a time, over all entries of the block, in registers.
#pragma once
#include <optional>
#include <vector>

#include "neap/codegen/entry_loops.h"
#include "neap/codegen/nest.h"

namespace neap {

constexpr std::int64_t entries_of_block = 16;

// Whether a stage, or a nest of such stages, of a loop fills buffers of an entry; the others add up over entries.
bool fills_entry(const EntryLoop& loop, const Stage& stage);
bool fills_entry(const EntryLoop& loop, const Nest& nest);
// Whether those that fill buffers of an entry are the first of these nests, and there are others.
bool begins_with_fills(const EntryLoop& loop, const std::vector<std::vector<Nest>>& nests);
// The stage behind `from` and not behind `to` from which on stages are of the other kind.
std::size_t end_of_kind(const EntryLoop& loop, const std::vector<Stage>& stages, std::size_t from, std::size_t to);

// A stage that fills a buffer of an entry, in two: what it takes from elsewhere, and what is made of that and of the entry's other buffers,
// element by element: an expression of the position in them.
struct FillApart {
  Stage of_entry;
  Expr over_elements;  // reads buffers, the stage's own among them, at the stage's axis
};
// Nothing where there is no such second part.
std::optional<FillApart> fill_apart(const Emitter& emit, const EntryLoop& loop, const Stage& stage);

// Whether such a part has to be complete ahead of a stage.
bool waits_for(const Stage& stage, const FillApart& fill);

// Whether blocks gain: with the emitter's choice of what registers hold, sums are left in memory that buffers of an entry go into.
bool wants_blocks(const Emitter& emit, const EntryLoop& loop, const std::vector<Stage>& stages);

// The nest of sums over the entries of a block, which is its innermost loop.
Nest plan_sums_of_entries(Emitter& emit, Axis entry, std::vector<Axis> axes, std::vector<Assignment> body);

}  // namespace neap
