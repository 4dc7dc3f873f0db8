// Random legal graphs with everything that a graph can hold, for round trips.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// The same seed gives the same graph.
Graph random_graph(unsigned seed, int nodes);

}  // namespace neap
