// Where a step's numbers stopped being finite.
#pragma once
#include <string>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct NotFinite {
  std::string what;   // "cross_entropy gives nan" or "input 'x' holds inf"
  std::string place;  // "node %12 (log, from loss: log), element 3 of f32[128]"
};

bool all_finite(const Array& array);  // integers are

// Runs the graph of operators and finds the first node whose operands are all finite and whose result is not; an input that is not finite
// comes first. Nothing found: `what` is empty.
NotFinite first_not_finite(const Graph& graph, const std::vector<Array>& inputs);

}  // namespace neap
