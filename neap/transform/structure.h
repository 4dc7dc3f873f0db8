// What a node computes, as a hash: equal for nodes that compute the same from the same values, whatever their axes are called.
#pragma once
#include "neap/base/hash.h"
#include "neap/ir/graph.h"

namespace neap {

// `resolve` gives the value that stands for an operand. Operands of commutative operations may stand in any order; which node it is, its
// origin and the ids of its outputs do not count.
Hash structure(const Graph& graph, const Node& node, const std::function<ValueId(ValueId)>& resolve);

}  // namespace neap
