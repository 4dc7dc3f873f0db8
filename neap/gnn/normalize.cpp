#include "neap/gnn/normalize.h"

#include <cmath>

#include "neap/base/error.h"

namespace neap::gnn {
namespace {

Array lengths(const Csr& csr) {
  Array degrees(DType::i64, {csr.rows});
  for (std::int64_t row = 0; row < csr.rows; ++row) degrees.values<std::int64_t>()[static_cast<std::size_t>(row)] = csr.length(row);
  return degrees;
}

std::vector<double> edge_weights(const Graph& graph, const Array& weights) {
  std::vector<double> values(static_cast<std::size_t>(graph.edges()), 1.0);
  if (weights.empty()) return values;
  if (weights.sizes() != Sizes{graph.edges()}) {
    throw Error(fmt::format("weights of sizes {} for {} edges", to_string(weights.sizes()), graph.edges()), "graph",
                "give one for each edge");
  }
  for (std::size_t edge = 0; edge < values.size(); ++edge) {
    values[edge] = weights.get(static_cast<std::int64_t>(edge));
    if (!std::isfinite(values[edge]))
      throw Error(fmt::format("the weight of edge {} is {}", edge, values[edge]), "graph", "give finite weights");
  }
  return values;
}

}  // namespace

Array in_degrees(const Graph& graph) { return lengths(graph.incoming()); }
Array out_degrees(const Graph& graph) { return lengths(graph.outgoing().csr); }

Array normalized_weights(const Graph& graph, Normalization kind, DType dtype, const Array& weights) {
  if (!is_float(dtype)) throw Error(fmt::format("weights of {}", name(dtype)), "graph", "use a floating-point dtype");
  std::vector<double> values = edge_weights(graph, weights);
  const Csr& rows = graph.incoming();
  const auto sources = rows.indices.values<VertexId>();
  std::vector<double> in(static_cast<std::size_t>(rows.rows), 0.0), out(in.size(), 0.0);
  for (std::int64_t target = 0; target < rows.rows; ++target) {
    for (std::int64_t edge = rows.begin(target); edge < rows.end(target); ++edge) {
      in[static_cast<std::size_t>(target)] += values[static_cast<std::size_t>(edge)];
      out[static_cast<std::size_t>(sources[static_cast<std::size_t>(edge)])] += values[static_cast<std::size_t>(edge)];
    }
  }
  const auto power = [](std::vector<double> degrees, double exponent) {
    for (double& degree : degrees) degree = degree > 0 ? std::pow(degree, exponent) : 0.0;
    return degrees;
  };
  const std::vector<double> target_factors = power(in, kind == Normalization::row ? -1.0 : -0.5);
  const std::vector<double> source_factors = kind == Normalization::both_ends   ? power(out, -0.5)
                                             : kind == Normalization::symmetric ? target_factors
                                                                                : std::vector<double>(in.size(), 1.0);
  Array result(dtype, {graph.edges()});
  for (std::int64_t target = 0; target < rows.rows; ++target) {
    for (std::int64_t edge = rows.begin(target); edge < rows.end(target); ++edge) {
      const auto source = static_cast<std::size_t>(sources[static_cast<std::size_t>(edge)]);
      result.set(edge, values[static_cast<std::size_t>(edge)] * source_factors[source] * target_factors[static_cast<std::size_t>(target)]);
    }
  }
  return result;
}

}  // namespace neap::gnn
