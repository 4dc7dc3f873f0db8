// Whether maps stay inside their operands at given sizes: what the verifier cannot tell while sizes are symbols.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// Error naming the node, the operand and the index where a position that is affine in the axes would leave its operand or result. Positions
// from data are checked when they are read; branches of a select are not looked into: they need not be in bounds.
void check_ranges(const Graph& graph, const Node& map_node, const Symbols& symbols);

}  // namespace neap
