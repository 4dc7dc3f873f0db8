// Orders of vertices in which neighbours stand near each other, so that what an aggregation gathers is still in cache; and the way back.
#pragma once
#include "neap/gnn/graph_data.h"

namespace neap::gnn {

// Each gives i32 [vertices]: element i is the vertex that comes i-th. Directions and self loops do not matter.
Array degree_order(const Graph& graph);  // most neighbours first
Array reverse_cuthill_mckee_order(
    const Graph& graph);  // breadth first from the rim of each component, fewest neighbours first, reversed (George 1971)
// Communities by label propagation (Raghavan et al. 2007), `sweeps` over all vertices; in a community, most neighbours first.
Array community_order(const Graph& graph, int sweeps = 4);
Array partition_order(const Graph& graph, std::int64_t parts, std::uint64_t seed = 0);  // parts of METIS (partition.h), one after the other

// Error unless `order` names each vertex once.
void check_order(const Array& order, std::int64_t vertices);

// Vertex i of the result is vertex order[i]: edges with their features and types, features, labels, parts of the split and names.
Graph reordered(const Graph& graph, const Array& order);
GraphData reordered(const GraphData& data, const Array& order);
// Its rows of incoming edges alone; `entries`, where it is given, says which edge of the original each is (i64).
Csr reordered_rows(const Graph& graph, const Array& order, Array* entries = nullptr);
// Results [vertices, ...] for the reordered graph, back in the order of the original.
Array restored(const Array& results, const Array& order);

enum class Order : std::uint8_t { none, degree, reverse_cuthill_mckee, community, partition, automatic };
std::string_view name(Order order);
Order parse_order(std::string_view text);  // Error naming those that there are

struct OrderChoice {
  Order order = Order::none;
  Array vertices;      // as above; without elements: the graph stays as it is
  double gain = 1;     // predicted: time of gathering in the old order / in the new one
  std::string reason;  // why this order, or why none
};

struct OrderOptions {
  std::int64_t row_bytes = 512;                // of the features that an aggregation gathers for one neighbour
  double least_gain = 1.15;                    // below, an order is refused: reordering costs as much as 10 to 20 aggregations
  std::int64_t sample = 1 << 20;               // entries on which the caches are simulated
  std::int64_t near_bytes = 0, far_bytes = 0;  // caches of a core, and shared; 0: those of the machine
};
// `order`, or for `automatic` that of communities, or, where that brings less than half of what is gathered near, the better of it and
// reverse Cuthill-McKee, by a simulation of the machine's caches on a sample of rows; none, with the reason, where that gains too little.
OrderChoice choose_order(const Graph& graph, Order order = Order::automatic, const OrderOptions& options = {});

// Predicted cost of gathering the neighbours of `graph` row by row, in units of a hit in the near cache for each entry.
double gather_cost(const Csr& rows, const OrderOptions& options);

// The part of what is gathered that is predicted to be in the near cache, as most is in an order by communities: for
// CostModel::gathering_near, which else takes all rows for wanted evenly.
double near_part(const Graph& graph, const OrderOptions& options);

}  // namespace neap::gnn
