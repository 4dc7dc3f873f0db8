#include "neap/gnn/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "neap/gnn/normalize.h"

namespace neap::gnn {
namespace {

constexpr std::int64_t bar_width = 40;

std::string bar(std::int64_t count, std::int64_t most) {
  return std::string(static_cast<std::size_t>(most == 0 ? 0 : (count * bar_width + most - 1) / most), '#');
}

// By class 0 for degree 0, k for 2^(k-1) .. 2^k - 1.
std::vector<std::int64_t> histogram(const Array& degrees) {
  std::vector<std::int64_t> counts;
  for (const std::int64_t degree : degrees.values<std::int64_t>()) {
    const auto bin = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(degree)));
    if (counts.size() <= bin) counts.resize(bin + 1, 0);
    ++counts[bin];
  }
  return counts;
}

// The largest first; `most` of them.
std::vector<std::size_t> largest(const std::vector<std::int64_t>& counts, std::size_t most) {
  std::vector<std::size_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  order.resize(std::min(order.size(), most));
  return order;
}

std::string counts_text(const std::string& title, const std::vector<std::string>& names, const std::vector<std::int64_t>& counts,
                        std::size_t most) {
  std::string text = title + "\n";
  for (const std::size_t i : largest(counts, most)) text += fmt::format("  {:>10}  {}\n", counts[i], names[i]);
  return text;
}

std::vector<std::int64_t> counted(const Array& numbers, std::size_t kinds) {
  std::vector<std::int64_t> counts(kinds, 0);
  for (std::int64_t i = 0; i < numbers.count(); ++i) {
    if (const std::int64_t kind = numbers.get_int(i); kind >= 0) ++counts[static_cast<std::size_t>(kind)];
  }
  return counts;
}

}  // namespace

std::string degrees_text(const Graph& graph) {
  const std::vector<std::int64_t> in = histogram(in_degrees(graph)), out = histogram(out_degrees(graph));
  std::int64_t most = 0;
  for (const auto* counts : {&in, &out}) {
    for (const std::int64_t count : *counts) most = std::max(most, count);
  }
  std::string text = fmt::format("{:>15}  {:>9} {:<{}} {:>9}\n", "edges", "vertices", "into", bar_width, "out of");
  for (std::size_t bin = 0; bin < std::max(in.size(), out.size()); ++bin) {
    const std::int64_t first = bin == 0 ? 0 : std::int64_t{1} << (bin - 1), last = bin == 0 ? 0 : 2 * first - 1;
    const auto count = [&](const std::vector<std::int64_t>& counts) { return bin < counts.size() ? counts[bin] : 0; };
    text += fmt::format("{:>15}  {:>9} {:<{}} {:>9} {}\n", first == last ? fmt::format("{}", first) : fmt::format("{} to {}", first, last),
                        count(in), bar(count(in), most), bar_width, count(out), bar(count(out), most));
  }
  return text;
}

std::string graph_text(const GraphData& data) {
  const Graph& graph = data.graph;
  constexpr std::size_t few = 10;
  std::string text = fmt::format("{} vertices, {} edges\n", graph.vertices(), graph.edges());
  if (!graph.edge_type_names().empty()) {
    text += counts_text("edges by type", graph.edge_type_names(), counted(graph.edge_types(), graph.edge_type_names().size()),
                        graph.edge_type_names().size());
  }
  if (!data.class_names.empty()) {
    text +=
        counts_text(fmt::format("vertices by class, the {} largest of {}", std::min(few, data.class_names.size()), data.class_names.size()),
                    data.class_names, counted(data.labels, data.class_names.size()), few);
  }
  for (const FeatureGroup& group : data.groups) text += fmt::format("features: {} of {}\n", group.end - group.begin, group.name);
  text += degrees_text(graph);
  if (!data.vertex_names.empty()) {
    const Array degrees = in_degrees(graph);
    const auto counts = degrees.values<std::int64_t>();
    text += counts_text("most edges into", data.vertex_names, {counts.begin(), counts.end()}, few);
  }
  return text;
}

}  // namespace neap::gnn
