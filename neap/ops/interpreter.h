// The slow and obviously right meaning of a graph: every definition evaluated point by point. All else is tested against it.
#pragma once
#include <functional>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// Inputs in the graph's order, row-major; results in the order of its outputs, row-major. Floats are computed in f64 and rounded to the
// dtype at every scalar operation; sums are rounded once. Layouts change nothing here. Error (naming node and read) for an index out of
// bounds.
std::vector<Array> interpret(const Graph& graph, const std::vector<Array>& inputs);

// The same, calling `observe` with each value as it is made.
std::vector<Array> interpret(const Graph& graph, const std::vector<Array>& inputs,
                             const std::function<void(ValueId, const Array&)>& observe);

// One map on arrays: operands in the node's order, outputs of these types.
std::vector<Array> interpret_map(const Map& map, const std::vector<Array>& operands, const std::vector<Type>& outputs,
                                 const Symbols& symbols);

// Binds the symbols of a graph's inputs to the sizes of arrays; Error naming the input that does not fit.
Symbols bind_inputs(const Graph& graph, const std::vector<Array>& inputs);

}  // namespace neap
