// What `verify` (ir/verify.cpp) cannot know of a graph that came as text: what its calls make.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// Error naming the first call whose operator is not known or does not take its operands, whose results are said to have other sizes or
// dtypes than it makes (whoever ran it would read and write past their ends), or whose library does not take it.
void verify_calls(const Graph& graph);

}  // namespace neap
