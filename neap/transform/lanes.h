// How well a map's loads and stores lie for vectors.
#pragma once
#include "neap/transform/cost.h"

namespace neap {

// How many times longer a map takes than one whose every access lies along its vectors: 1 where one of its axes has steps of 0 or 1 in all
// accesses and fills whole vectors; more where vectors are gathered element by element, tested against borders, or filled in part.
double lanes_factor(const CostModel& model, const Graph& graph, const Node& map_node);

}  // namespace neap
