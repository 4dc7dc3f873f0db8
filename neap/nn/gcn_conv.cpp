#include "neap/nn/gcn_conv.h"

namespace neap {

GCNConv::GCNConv(std::int64_t in, std::int64_t out, GCNOptions options)
    : options_(options), linear_(add<Linear>("linear", in, out, LinearOptions{false, options.dtype, glorot_uniform(in, out)})) {
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, fill_with(0));
}

Tensor GCNConv::forward(const Tensor& source, const Tensor&, const Edges& edges) {
  Tensor y;
  if (options_.scale_rows && options_.normalize != EdgeNorm::given) {
    const NormFactors factors = norm_factors(edges, options_.normalize, source.size(0), source.dtype());
    y = propagate(linear_(source * per_row(factors.source, 2)), edges) * per_row(factors.target, 2);
  } else {
    const Edges weighted = normalized(edges, options_.normalize, source.size(0), source.dtype());
    y = propagate(linear_(source), weighted);
  }
  return bias_ == nullptr ? y : y + *bias_;
}

}  // namespace neap
