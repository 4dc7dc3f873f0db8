// Which call a map is.
#pragma once
#include <optional>
#include <string>

#include "neap/ir/graph.h"

namespace neap {

// The call, bound to no library, whose definition the map's one sum of products is; what the map does with the sum is the call's epilogue.
// Of products of matrices (also of parts of tensors) and of convolutions without a bias of their own. Nothing, with the reason in `why`,
// where it is none.
std::optional<Node> recognise_call(const Graph& graph, const Node& map_node, std::string& why);

}  // namespace neap
