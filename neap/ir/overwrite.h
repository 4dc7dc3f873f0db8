// Results that take the place of operands.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// Whether a node may write `result` over `value`, which it reads: it is a map that writes each point of the result once, and nothing reads
// an element of `value` after the point that writes there. The two must be of one type.
bool may_overwrite(const Node& node, ValueId value, ValueId result);

}  // namespace neap
