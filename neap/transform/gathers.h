// What reads at places from the data cost: rows of a table in no order, of which caches hold what fits.
#pragma once
#include "neap/ir/graph.h"
#include "neap/transform/cost.h"

namespace neap {

// Whether a read's place depends on the data.
bool is_gather(const Expr& read);

// In bytes of a stream that take as long. `operands`: the values that the map reads, by number. Counts every read, not every distinct
// element: each touches whole lines, which come the quicker the nearer the cache is that holds the table.
double gathered_bytes(const CostModel& model, const Graph& graph, const Map& map, const std::vector<ValueId>& operands);

}  // namespace neap
