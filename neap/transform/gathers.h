// Bytes that reads at places from the data bring in: rows of a table in no order, of which caches hold what fits.
#pragma once
#include "neap/ir/graph.h"
#include "neap/transform/cost.h"

namespace neap {

// `operands`: the values that the map reads, by number. Counts every read, not every distinct element: each touches whole lines of memory.
// 0 for operands that stay in a core's cache.
double gathered_bytes(const CostModel& model, const Graph& graph, const Map& map, const std::vector<ValueId>& operands);

}  // namespace neap
