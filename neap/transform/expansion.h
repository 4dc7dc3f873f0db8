// Calls written out in the graph that they stand in.
#pragma once
#include <unordered_map>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct Expansion {
  std::vector<Node> nodes;                       // in order; they make the results under the ids that the call gave them
  std::unordered_map<ValueId, ValueId> replace;  // results that are operands, passed through
};

// What a composite is made of, one level down: values are added to the graph, nodes are not.
Expansion expansion(Graph& graph, const Node& composite);

// Goes through a graph's nodes in order. `decide` may change a node, and says whether it stands or is written out; the parts of what is
// written out are gone through likewise. Gives the number of nodes changed or written out.
enum class Fate : std::uint8_t { unchanged, changed, expand };
int rewrite_nodes(Graph& graph, const std::function<Fate(Node&)>& decide);

// The map of a primitive call, with the call's operands and results.
Node as_map(const Graph& graph, const Node& primitive);

bool is_composite(const Node& node);

}  // namespace neap
