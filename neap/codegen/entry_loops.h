// Stages of a scope over rows that run over the entries of its rows (the edges of a vertex): those side by side share one loop over the
// entries, in which what several of them need of an entry, and what fewer axes decide than they run over (a head's weight, of all
// features), is computed once, in buffers of the entry.
#pragma once
#include <algorithm>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// A loop over the entries of a row, and the stages that run inside of it, whose own axes do not have it any more.
struct EntryLoop {
  Axis axis;
  std::size_t from = 0, to = 0;  // stages
  std::vector<int> locals;       // of an entry, as operands
  bool in_blocks = false;        // entries are taken some at a time (entry_blocks.h)
  bool has(std::int64_t operand) const { return std::find(locals.begin(), locals.end(), operand) != locals.end(); }
};

struct ScopeLoops {
  Map map;
  std::vector<EntryLoop> loops;  // in order; loops over the same entries have the same axis
};

bool runs_over_entries(const Stage& stage);
// Whether stages of the map do.
bool has_entry_loops(const Map& map);

// The map with these loops and, of a scope, its sums apart (sums_apart.h). `width`: lanes of a vector of f32.
ScopeLoops scope_loops(const Map& map, const std::vector<Type>& inputs, int width);

}  // namespace neap
