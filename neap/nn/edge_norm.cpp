#include "neap/nn/edge_norm.h"

#include "neap/base/error.h"

namespace neap {
namespace {

Tensor inverse_root(const Tensor& sums) {
  const Tensor there = sums > 0.0;
  return where(there, rsqrt(where(there, sums, 1.0)), 0.0);
}

Tensor sum_out_of_sources(const Edges& edges, DType dtype) {
  return edges.weights ? collect(edges.weights, edges) : out_degrees(edges, dtype);
}

}  // namespace

Edges normalized(const Edges& edges, EdgeNorm norm, const Dim& sources, DType dtype) {
  if (norm == EdgeNorm::given) return edges;
  if (norm == EdgeNorm::symmetric && !(sources == edges.targets())) {
    throw Error(fmt::format("{} sources and {} targets have no symmetric normalisation", sources.to_string(), edges.targets().to_string()),
                Scope::current(), "use both_ends, or weights that are given");
  }
  const Tensor target = inverse_root(edges.weights ? aggregate(edges.weights, edges, Reduce::sum) : in_degrees(edges, dtype));
  const Tensor source = norm == EdgeNorm::symmetric ? target : inverse_root(sum_out_of_sources(edges, dtype));
  const Tensor weights = from_target(target, edges) * from_source(source, edges);
  return edges.with_weights(edges.weights ? weights * edges.weights : weights);
}

}  // namespace neap
