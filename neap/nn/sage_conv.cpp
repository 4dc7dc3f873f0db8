#include "neap/nn/sage_conv.h"

#include <cmath>

namespace neap {

SAGEConv::SAGEConv(std::int64_t in, std::int64_t out, SAGEOptions options)
    : options_(options), neighbours_(add<Linear>("neighbours", in, out, LinearOptions{false, options.dtype})) {
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, uniform_within(1 / std::sqrt(static_cast<double>(in))));
  if (options.self_weights) self_ = &add<Linear>("self", in, out, LinearOptions{false, options.dtype});
}

Tensor SAGEConv::forward(const Tensor& source, const Tensor& target, const Edges& edges) {
  // Sum and mean are linear: the product with the weights stands next to that with the graph, where their order can be chosen.
  Tensor y = options_.aggregate == Reduce::max ? neighbours_(propagate(source, edges, Reduce::max))
                                               : propagate(neighbours_(source), edges, options_.aggregate);
  if (self_ != nullptr) y = y + (*self_)(target);
  if (bias_ != nullptr) y = y + *bias_;
  return options_.normalize ? y * rsqrt(maximum(sum(y * y, {1}, true), 1e-24)) : y;
}

}  // namespace neap
