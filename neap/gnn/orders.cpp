// The orders themselves: by degree, by breadth, by community.
#include <algorithm>
#include <numeric>

#include "neap/base/error.h"
#include "neap/gnn/partition.h"
#include "neap/gnn/reorder.h"

namespace neap::gnn {
namespace {

std::vector<VertexId> all_vertices(std::int64_t count) {
  std::vector<VertexId> vertices(static_cast<std::size_t>(count));
  std::iota(vertices.begin(), vertices.end(), 0);
  return vertices;
}

// Breadth first over one component, the neighbours of each vertex by their degree.
class Breadth {
 public:
  explicit Breadth(const Csr& rows) : rows_(rows), seen_(static_cast<std::size_t>(rows.rows), 0) {}

  // The component of `start`, as it is met; the last level begins at last_level().
  const std::vector<VertexId>& from(VertexId start) {
    ++mark_;
    met_.assign(1, start);
    seen_[static_cast<std::size_t>(start)] = mark_;
    levels_ = 0;
    for (std::size_t next = 0; next < met_.size();) {
      last_level_ = next;
      ++levels_;
      for (const std::size_t end = met_.size(); next < end; ++next) visit(met_[next]);
    }
    return met_;
  }
  std::size_t last_level() const { return last_level_; }
  int levels() const { return levels_; }

 private:
  void visit(VertexId vertex) {
    const auto before = static_cast<std::ptrdiff_t>(met_.size());
    for (const VertexId other : rows_.row(vertex)) {
      if (seen_[static_cast<std::size_t>(other)] == mark_) continue;
      seen_[static_cast<std::size_t>(other)] = mark_;
      met_.push_back(other);
    }
    std::stable_sort(met_.begin() + before, met_.end(), [&](VertexId a, VertexId b) { return rows_.length(a) < rows_.length(b); });
  }
  const Csr& rows_;
  std::vector<std::int64_t> seen_;  // by the mark of the last search that met the vertex
  std::int64_t mark_ = 0;
  std::vector<VertexId> met_;
  std::size_t last_level_ = 0;
  int levels_ = 0;
};

// A vertex on the rim: one of the last level, of the smallest degree, as long as that makes the search deeper (George & Liu 1979).
VertexId on_the_rim(VertexId start, const Csr& rows, Breadth& breadth) {
  constexpr int most_searches = 8;
  VertexId deepest = start;
  for (int search = 0, levels = 0; search < most_searches; ++search) {
    const std::vector<VertexId>& met = breadth.from(start);
    if (breadth.levels() <= levels) break;
    levels = breadth.levels();
    deepest = start;
    const auto by_degree = [&](VertexId a, VertexId b) { return rows.length(a) < rows.length(b); };
    start = *std::min_element(met.begin() + static_cast<std::ptrdiff_t>(breadth.last_level()), met.end(), by_degree);
  }
  return deepest;
}

std::vector<VertexId> propagated_labels(const Csr& rows, int sweeps) {
  std::vector<VertexId> labels = all_vertices(rows.rows);
  std::vector<std::int32_t> votes(labels.size(), 0);
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    bool changed = false;
    for (std::int64_t vertex = 0; vertex < rows.rows; ++vertex) {
      VertexId& label = labels[static_cast<std::size_t>(vertex)];
      VertexId best = label;
      std::int32_t most = 0;
      for (const VertexId other : rows.row(vertex)) {
        const VertexId candidate = labels[static_cast<std::size_t>(other)];
        const std::int32_t count = ++votes[static_cast<std::size_t>(candidate)];
        if (count > most || (count == most && candidate == label)) most = count, best = candidate;
      }
      for (const VertexId other : rows.row(vertex)) votes[static_cast<std::size_t>(labels[static_cast<std::size_t>(other)])] = 0;
      changed |= best != label;
      label = best;
    }
    if (!changed) break;
  }
  return labels;
}

std::vector<VertexId> most_neighbours_first(const Csr& rows) {
  std::vector<VertexId> order = all_vertices(rows.rows);
  std::ranges::stable_sort(order, [&](VertexId a, VertexId b) { return rows.length(a) > rows.length(b); });
  return order;
}

// By label, labels in the order of their largest members; in a label most neighbours first.
Array by_label(const std::vector<VertexId>& labels, const Csr& rows) {
  std::vector<VertexId> order = most_neighbours_first(rows);
  std::vector<std::int64_t> rank(labels.size(), -1);
  std::int64_t ranks = 0;
  for (const VertexId vertex : order) {
    std::int64_t& of = rank[static_cast<std::size_t>(labels[static_cast<std::size_t>(vertex)])];
    if (of < 0) of = ranks++;
  }
  std::ranges::stable_sort(order, {},
                           [&](VertexId vertex) { return rank[static_cast<std::size_t>(labels[static_cast<std::size_t>(vertex)])]; });
  return Array::of(order);
}

}  // namespace

Array degree_order(const Graph& graph) { return Array::of(most_neighbours_first(neighbours(graph))); }

Array reverse_cuthill_mckee_order(const Graph& graph) {
  const Csr rows = neighbours(graph);
  Breadth breadth(rows);
  std::vector<bool> placed(static_cast<std::size_t>(rows.rows));
  std::vector<VertexId> order;
  for (VertexId vertex = 0; vertex < rows.rows; ++vertex) {
    if (placed[static_cast<std::size_t>(vertex)]) continue;
    for (const VertexId met : breadth.from(rows.length(vertex) == 0 ? vertex : on_the_rim(vertex, rows, breadth))) {
      placed[static_cast<std::size_t>(met)] = true;
      order.push_back(met);
    }
  }
  std::ranges::reverse(order);
  return Array::of(order);
}

Array community_order(const Graph& graph, int sweeps) {
  if (sweeps < 0) throw Error(fmt::format("{} sweeps", sweeps), "community order", "use 0 or more");
  const Csr rows = neighbours(graph);
  return by_label(propagated_labels(rows, sweeps), rows);
}

Array partition_order(const Graph& graph, std::int64_t parts, std::uint64_t seed) {
  std::vector<VertexId> order;
  for (const auto& part : members(partition(graph, parts, seed))) order.insert(order.end(), part.begin(), part.end());
  return Array::of(order);
}

}  // namespace neap::gnn
