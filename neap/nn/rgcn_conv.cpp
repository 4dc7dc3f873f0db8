#include "neap/nn/rgcn_conv.h"

#include "neap/base/error.h"

namespace neap {

RGCNConv::RGCNConv(std::int64_t in, std::int64_t out, std::int64_t types, RGCNOptions options)
    : in_(in), out_(out), types_(types), options_(options) {
  if (types < 1) throw Error(fmt::format("{} types of edges", types), "RGCNConv", "at least 1");
  if (options.aggregate == Reduce::max) throw Error("types of edges are aggregated by sum or mean", "RGCNConv");
  const std::int64_t stored = options.bases > 0 ? options.bases : types;
  weight_ = &parameter("weight", {options.dtype, {stored, in, out}, {}}, glorot_uniform(in, out));
  if (options.bases > 0) mix_ = &parameter("mix", {options.dtype, {types, stored}, {}}, glorot_uniform(types, stored));
  if (options.self_weights) self_ = &add<Linear>("self", in, out, LinearOptions{false, options.dtype, glorot_uniform(in, out)});
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, fill_with(0));
}

Tensor RGCNConv::operator()(const Tensor& source, const Tensor& target, const std::vector<Edges>& types) {
  const Scope scope(path());
  if (static_cast<std::int64_t>(types.size()) != types_) {
    throw Error(fmt::format("edges of {} types, the layer has weights for {}", types.size(), types_), Scope::current());
  }
  Tensor weights = *weight_;
  if (mix_ != nullptr) weights = matmul(*mix_, weights.reshape({options_.bases, in_ * out_})).reshape({types_, in_, out_});
  Tensor y;
  for (std::int64_t type = 0; type < types_; ++type) {
    const Tensor part = propagate(matmul(source, weights[type]), types[static_cast<std::size_t>(type)], options_.aggregate);
    y = y ? y + part : part;
  }
  if (self_ != nullptr) y = y + (*self_)(target);
  return bias_ == nullptr ? y : y + *bias_;
}

}  // namespace neap
