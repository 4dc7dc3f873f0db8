#include "neap/nn/edges.h"

#include <limits>

#include "neap/base/error.h"

namespace neap {
namespace {

Tensor on_pattern(std::string_view op, std::vector<Tensor> front, const Edges& edges) {
  for (const Tensor& part : edges.pattern()) front.push_back(part);
  return call(op, front);
}

Tensor lengths(const Tensor& offsets, DType dtype) {
  const std::int64_t end = std::numeric_limits<std::int64_t>::max();
  return (offsets.slice(0, 1, end) - offsets.slice(0, 0, -1)).cast(dtype);
}

Tensor divided_by_edges(const Tensor& sums, const Edges& edges) {
  return sums * per_row(1.0 / maximum(in_degrees(edges, sums.dtype()), 1.0), sums.rank());
}

}  // namespace

Edges Edges::with_weights(Tensor values) const {
  Edges other = *this;
  other.weights = std::move(values);
  return other;
}

Tensor from_source(const Tensor& x, const Edges& edges) { return on_pattern("edge_source", {x}, edges); }

Tensor from_target(const Tensor& x, const Edges& edges) {
  return call("segment_broadcast", {x, edges.offsets}, {{"entries", Shape{edges.count()}}});
}

Tensor aggregate(const Tensor& messages, const Edges& edges, Reduce how) {
  if (how == Reduce::max) {
    const Tensor best = call("segment_max", {messages, edges.offsets});
    return where(per_row(in_degrees(edges, DType::i64), best.rank()) > 0.0, best, 0.0);
  }
  const Tensor sums = call("segment_sum", {messages, edges.offsets});
  return how == Reduce::mean ? divided_by_edges(sums, edges) : sums;
}

Tensor collect(const Tensor& messages, const Edges& edges) { return on_pattern("edge_collect", {messages}, edges); }

Tensor edge_softmax(const Tensor& values, const Edges& edges) { return call("segment_softmax", {values, edges.offsets}); }

Tensor propagate(const Tensor& x, const Edges& edges) { return propagate(x, edges, edges.weights); }

Tensor propagate(const Tensor& x, const Edges& edges, const Tensor& weights) { return on_pattern("spmm", {x, weights}, edges); }

Tensor propagate(const Tensor& x, const Edges& edges, Reduce how) {
  if (how == Reduce::max) {
    const Tensor brought = from_source(x, edges);
    return aggregate(edges.weights ? per_row(edges.weights, x.rank()) * brought : brought, edges, how);
  }
  const Tensor sums = propagate(x, edges);
  return how == Reduce::mean ? divided_by_edges(sums, edges) : sums;
}

Tensor in_degrees(const Edges& edges, DType dtype) { return lengths(edges.offsets, dtype); }

Tensor out_degrees(const Edges& edges, DType dtype) {
  if (!edges.t_offsets) throw Error("edges that are known by targets only have no out-degrees", "", "give t_offsets, t_rows and t_order");
  return lengths(edges.t_offsets, dtype);
}

Tensor per_row(const Tensor& rows, int rank) {
  Shape shape(static_cast<std::size_t>(rank), Dim(1));
  shape[0] = rows.size(0);
  return rows.reshape(shape);
}

}  // namespace neap
