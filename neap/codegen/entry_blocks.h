// Loops over the entries of a row in which sums are wider than registers hold, by blocks of a few entries: first what an entry needs, in
// buffers of all entries of the block, each entry's computation beside the next one's; then some vectors of the sums at a time, over all
// entries of the block, in registers.
#pragma once
#include <vector>

#include "neap/codegen/entry_loops.h"
#include "neap/codegen/nest.h"

namespace neap {

constexpr std::int64_t entries_of_block = 16;

// Whether a stage, or a nest of such stages, of a loop fills buffers of an entry; the others add up over entries.
bool fills_entry(const EntryLoop& loop, const Stage& stage);
bool fills_entry(const EntryLoop& loop, const Nest& nest);
// The stage behind `from` and not behind `to` from which on stages are of the other kind.
std::size_t end_of_kind(const EntryLoop& loop, const std::vector<Stage>& stages, std::size_t from, std::size_t to);

// Whether blocks gain: with the emitter's choice of what registers hold, sums are left in memory that buffers of an entry go into.
bool wants_blocks(const Emitter& emit, const EntryLoop& loop, const std::vector<Stage>& stages);

// The nest of sums over the entries of a block, which is its innermost loop.
Nest plan_sums_of_entries(Emitter& emit, Axis entry, std::vector<Axis> axes, std::vector<Assignment> body);

}  // namespace neap
