#include "neap/zoo/bert.h"

namespace neap {

BertLayer::BertLayer(const BertOptions& options)
    : attention_(add<MultiheadAttention>("attention", options.features, options.heads)),
      attention_norm_(add<LayerNorm>("attention_norm", options.features, LayerNormOptions{.epsilon = 1e-12})),
      inner_(add<Linear>("inner", options.features, options.inner)),
      output_(add<Linear>("output", options.inner, options.features)),
      output_norm_(add<LayerNorm>("output_norm", options.features, LayerNormOptions{.epsilon = 1e-12})) {}

Tensor BertLayer::forward(const Tensor& x) {
  const Tensor attended = attention_norm_(x + attention_(x));
  return output_norm_(attended + output_(call("gelu", {inner_(attended)})));
}

BertEncoder::BertEncoder(const BertOptions& options) {
  for (std::int64_t i = 0; i < options.layers; ++i) layers_.push_back(&add<BertLayer>("layer" + std::to_string(i), options));
}

Tensor BertEncoder::forward(const Tensor& x) {
  Tensor y = x;
  for (BertLayer* layer : layers_) y = (*layer)(y);
  return y;
}

}  // namespace neap
