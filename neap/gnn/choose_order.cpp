#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "neap/gnn/reorder.h"

namespace neap::gnn {
namespace {

constexpr std::array<std::pair<Order, std::string_view>, 6> names = {{{Order::none, "none"},
                                                                      {Order::degree, "degree"},
                                                                      {Order::reverse_cuthill_mckee, "rcm"},
                                                                      {Order::community, "community"},
                                                                      {Order::partition, "metis"},
                                                                      {Order::automatic, "automatic"}}};

// Rows of features in a cache of 8 ways, the least recently used of which goes.
class Cache {
 public:
  Cache(std::int64_t bytes, std::int64_t row_bytes)
      : sets_(std::max<std::int64_t>(1, bytes / row_bytes / ways)), rows_(static_cast<std::size_t>(sets_ * ways), -1) {}
  bool hit(VertexId row) {
    const auto mixed =
        static_cast<std::uint32_t>(row) * 0x9E3779B1u;  // rows that follow each other do not share a set, as their lines do not
    VertexId* set = rows_.data() + static_cast<std::int64_t>((std::uint64_t{mixed} * static_cast<std::uint64_t>(sets_)) >> 32) * ways;
    VertexId before = row;
    for (int way = 0; way < ways; ++way) {
      std::swap(before, set[way]);
      if (before == row) return true;
    }
    return false;
  }

 private:
  static constexpr std::int64_t ways = 8;
  std::int64_t sets_;
  std::vector<VertexId> rows_;
};

OrderOptions with_caches(OrderOptions options) {
  if (options.near_bytes == 0) options.near_bytes = machine().l2_bytes;
  // A virtual machine may be told of a cache that it shares with others.
  if (options.far_bytes == 0) options.far_bytes = std::min<std::int64_t>(machine().l3_bytes, std::int64_t{32} << 20);
  options.row_bytes = std::max<std::int64_t>(options.row_bytes, 1);
  return options;
}

// The parts of rows that are found in a cache, in the nearest that has them.
struct Hits {
  double near = 0, far = 0, none = 0;
};

Hits hits_of(const Csr& rows, const OrderOptions& given) {
  const OrderOptions options = with_caches(given);
  Cache near(options.near_bytes, options.row_bytes), far(options.far_bytes, options.row_bytes);
  const auto indices = rows.indices.values<VertexId>();
  const std::int64_t count = std::min(options.sample, rows.entries());
  // From the middle: the first rows of an order may be unlike the others.
  const auto begin = static_cast<std::size_t>((rows.entries() - count) / 2);
  Hits parts;
  for (std::size_t entry = begin; entry < begin + static_cast<std::size_t>(count); ++entry) {
    const bool is_near = near.hit(indices[entry]), is_far = far.hit(indices[entry]);
    (is_near ? parts.near : is_far ? parts.far : parts.none) += 1;
  }
  const auto all = static_cast<double>(std::max<std::int64_t>(1, count));
  return {parts.near / all, parts.far / all, parts.none / all};
}

Array order_of(const Graph& graph, Order order, const OrderOptions& options) {
  switch (order) {
    case Order::degree:
      return degree_order(graph);
    case Order::reverse_cuthill_mckee:
      return reverse_cuthill_mckee_order(graph);
    case Order::partition: {  // parts whose features fill half of the near cache
      const std::int64_t most = std::max<std::int64_t>(1, options.near_bytes / 2 / options.row_bytes);
      return partition_order(graph, std::max<std::int64_t>(graph.vertices() > 0 ? 1 : 0, (graph.vertices() + most - 1) / most));
    }
    default:
      return community_order(graph);
  }
}

double cost_of(const Hits& parts) {
  constexpr double near_hit = 1, far_hit = 2.5, miss = 7;  // of a row of some hundred bytes, as gathers were measured in and out of cache
  return near_hit * parts.near + far_hit * parts.far + miss * parts.none;
}

// Of gathering in whole rows, of which `near` is the part in the near cache, or in panels of their columns (panel_gathers), whichever is
// predicted to be quicker.
struct Gathering {
  double cost = 0, near = 0;
};

Gathering gathering(const Csr& rows, const OrderOptions& options) {
  constexpr double pass = 0.2;  // through the lists of entries, for one more panel
  const Hits whole = hits_of(rows, options);
  Gathering least{cost_of(whole), whole.near};
  for (const std::int64_t bytes : {64, 128, 256}) {
    if (bytes >= options.row_bytes) break;
    OrderOptions panel = options;
    panel.row_bytes = bytes;
    const double passes = static_cast<double>(options.row_bytes) / static_cast<double>(bytes) - 1;
    least.cost = std::min(least.cost, gather_cost(rows, panel) + passes * pass);
  }
  return least;
}

}  // namespace

std::string_view name(Order order) { return std::ranges::find(names, order, &std::pair<Order, std::string_view>::first)->second; }

Order parse_order(std::string_view text) {
  const auto found = std::ranges::find(names, text, &std::pair<Order, std::string_view>::second);
  if (found != names.end()) return found->first;
  throw Error(fmt::format("there is no order {}", shown(text)), "", "use none, degree, rcm, community, metis or automatic");
}

double gather_cost(const Csr& rows, const OrderOptions& options) { return cost_of(hits_of(rows, options)); }

double near_part(const Graph& graph, const OrderOptions& options) { return hits_of(graph.incoming(), options).near; }

OrderChoice choose_order(const Graph& graph, Order order, const OrderOptions& given) {
  const OrderOptions options = with_caches(given);
  if (order == Order::none) return {.reason = "no order was asked for"};
  const double before = gathering(graph.incoming(), options).cost;
  Gathering after;  // in the order of the last choice
  const auto choice = [&](Order kind) {
    OrderChoice made{.order = kind, .vertices = order_of(graph, kind, options)};
    after = gathering(reordered_rows(graph, made.vertices), options);
    made.gain = after.cost > 0 ? before / after.cost : 1;
    return made;
  };
  if (order != Order::automatic) {
    OrderChoice made = choice(order);
    made.reason = fmt::format("asked for; gathering is predicted to be {:.2f} times as fast", made.gain);
    return made;
  }
  const double all = static_cast<double>(graph.vertices()) * static_cast<double>(options.row_bytes);
  if (all <= static_cast<double>(options.near_bytes)) {
    return {.reason = fmt::format("the features of all vertices ({}) fit the cache of a core ({})", human_bytes(all),
                                  human_bytes(static_cast<double>(options.near_bytes)))};
  }
  OrderChoice best;
  for (const Order kind : {Order::community, Order::reverse_cuthill_mckee}) {
    if (after.near >= 0.5) break;  // there is little left to gain
    OrderChoice made = choice(kind);
    if (made.gain > best.gain) best = std::move(made);
  }
  if (best.gain < options.least_gain) {
    return {.gain = best.gain,
            .reason = fmt::format("the best order ({}) is predicted to gather {:.2f} times as fast, below {:.2f}: the graph has no "
                                  "communities, or is in their order",
                                  name(best.order), best.gain, options.least_gain)};
  }
  best.reason = fmt::format("gathering is predicted to be {:.2f} times as fast in the order {}", best.gain, name(best.order));
  return best;
}

}  // namespace neap::gnn
