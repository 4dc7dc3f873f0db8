#include "neap/nn/gat_conv.h"

#include "neap/base/error.h"

namespace neap {

AttentionConv::AttentionConv(std::int64_t out, GATOptions options)
    : out_(out), options_(options), dropout_(add<Dropout>("dropout", options.dropout)) {
  if (options.heads < 1) throw Error(fmt::format("{} heads", options.heads), "graph attention", "at least 1");
  if (options.edge_features > 0) {
    const std::int64_t wide = options.heads * out;
    edge_ =
        &add<Linear>("edge", options.edge_features, wide, LinearOptions{false, options.dtype, glorot_uniform(options.edge_features, wide)});
  }
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {options.concat ? options.heads * out : out}, {}}, fill_with(0));
}

Parameter& AttentionConv::attention(std::string name) {
  return parameter(std::move(name), {options_.dtype, {options_.heads, out_}, {}}, glorot_uniform(options_.heads, out_));
}

Tensor AttentionConv::heads(const Tensor& x) const { return x.reshape({x.size(0), options_.heads, out_}); }

Tensor AttentionConv::edge_heads(const Edges& edges) {
  if (edge_ == nullptr) return {};
  if (!edges.features) throw Error("the layer looks at features of edges, and there are none", Scope::current(), "give Edges::features");
  return heads((*edge_)(edges.features));
}

Tensor AttentionConv::attend(const Tensor& values, const Tensor& scores, const Edges& edges) {
  const Tensor mixed = propagate(values, edges, dropout_(edge_softmax(scores, edges)));
  const Tensor y = options_.concat ? mixed.reshape({mixed.size(0), options_.heads * out_}) : mean(mixed, {1});
  return bias_ == nullptr ? y : y + *bias_;
}

GATConv::GATConv(std::int64_t in, std::int64_t out, GATOptions options)
    : AttentionConv(out, options),
      linear_(add<Linear>("linear", in, options.heads * out, LinearOptions{false, options.dtype, glorot_uniform(in, options.heads * out)})),
      source_(attention("attention_source")),
      target_(attention("attention_target")) {
  if (options.edge_features > 0) edge_attention_ = &attention("attention_edge");
}

Tensor GATConv::forward(const Tensor& source, const Tensor& target, const Edges& edges) {
  const Tensor values = heads(linear_(source));
  const Tensor receivers = source.record() == target.record() ? values : heads(linear_(target));
  Tensor scores = from_source(sum(values * source_, {2}), edges) + from_target(sum(receivers * target_, {2}), edges);
  if (const Tensor of_edges = edge_heads(edges)) scores = scores + sum(of_edges * *edge_attention_, {2});
  return attend(values, call("leaky_relu", {scores}, {{"alpha", options_.negative_slope}}), edges);
}

GATv2Conv::GATv2Conv(std::int64_t in, std::int64_t out, GATOptions options)
    : AttentionConv(out, options),
      source_(add<Linear>("source", in, options.heads * out,
                          LinearOptions{options.bias, options.dtype, glorot_uniform(in, options.heads * out), fill_with(0)})),
      attention_(attention("attention")) {
  if (!options.share_weights) {
    target_ = &add<Linear>("target", in, options.heads * out,
                           LinearOptions{options.bias, options.dtype, glorot_uniform(in, options.heads * out), fill_with(0)});
  }
}

Tensor GATv2Conv::forward(const Tensor& source, const Tensor& target, const Edges& edges) {
  const Tensor values = heads(source_(source));
  const Tensor receivers = heads(target_ == nullptr ? source_(target) : (*target_)(target));
  Tensor met = from_source(values, edges) + from_target(receivers, edges);
  if (const Tensor of_edges = edge_heads(edges)) met = met + of_edges;
  return attend(values, sum(call("leaky_relu", {met}, {{"alpha", options_.negative_slope}}) * attention_, {2}), edges);
}

}  // namespace neap
