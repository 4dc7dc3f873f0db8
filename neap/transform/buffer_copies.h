// Buffers of a scope that only repeat another.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// Lets the readers of a buffer that is a copy of another, element by element, read that other. The copy and its buffer go, and buffers are
// numbered anew. Operands may be numbered as in a node or name values of a graph.
void drop_buffer_copies(Map& map);

}  // namespace neap
