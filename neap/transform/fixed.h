// Which values are the same in every run, until other fixed inputs are given.
#pragma once
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// By value: whether it is a fixed input, or depends on fixed inputs and constants alone (on at least one fixed input).
std::vector<char> fixed_values(const Graph& graph);

// Whether a node's operands are fixed or constant, at least one fixed.
bool depends_on_fixed_alone(const Graph& graph, const Node& node, const std::vector<char>& fixed);

}  // namespace neap
