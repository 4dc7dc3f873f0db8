// Bytes that reads at places from the data bring in: rows of a table in no order, of which caches hold what fits.
#pragma once
#include "neap/ir/graph.h"
#include "neap/transform/cost.h"

namespace neap {

// `operands`: types of the map's inputs. Counts every read, not every distinct element: each touches whole lines of memory. 0 for operands
// that stay in a core's cache.
double gathered_bytes(const CostModel& model, const Map& map, const std::vector<Type>& operands);
bool gathers(const Map& map);  // whether it has any such reads

}  // namespace neap
