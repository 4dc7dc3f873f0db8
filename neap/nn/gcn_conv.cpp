#include "neap/nn/gcn_conv.h"

namespace neap {

GCNConv::GCNConv(std::int64_t in, std::int64_t out, GCNOptions options)
    : options_(options), linear_(add<Linear>("linear", in, out, LinearOptions{false, options.dtype, glorot_uniform(in, out)})) {
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, fill_with(0));
}

Tensor GCNConv::forward(const Tensor& source, const Tensor&, const Edges& edges) {
  const Tensor y = propagate(linear_(source), normalized(edges, options_.normalize, source.size(0), source.dtype()));
  return bias_ == nullptr ? y : y + *bias_;
}

}  // namespace neap
