#include "neap/nn/graph_propagation.h"

#include "neap/base/error.h"

namespace neap {
namespace {

void check_square(const Tensor& source, const Edges& edges) {
  if (source.size(0) == edges.targets()) return;
  throw Error(fmt::format("{} sources and {} targets: propagation takes several steps between the same vertices",
                          source.size(0).to_string(), edges.targets().to_string()),
              Scope::current());
}

}  // namespace

SGConv::SGConv(std::int64_t in, std::int64_t out, SGOptions options)
    : options_(options), linear_(add<Linear>("linear", in, out, LinearOptions{options.bias, options.dtype})) {}

Tensor SGConv::forward(const Tensor& source, const Tensor&, const Edges& edges) {
  check_square(source, edges);
  const Edges weighted = normalized(edges, options_.normalize, source.size(0), source.dtype());
  Tensor x = source;
  for (std::int64_t step = 0; step < options_.steps; ++step) x = propagate(x, weighted);
  return linear_(x);
}

Tensor APPNP::forward(const Tensor& source, const Tensor&, const Edges& edges) {
  check_square(source, edges);
  const Edges weighted = normalized(edges, options_.normalize, source.size(0), source.dtype());
  Tensor z = source;
  for (std::int64_t step = 0; step < options_.steps; ++step) {
    z = propagate(z, weighted) * (1 - options_.teleport) + source * options_.teleport;
  }
  return z;
}

}  // namespace neap
