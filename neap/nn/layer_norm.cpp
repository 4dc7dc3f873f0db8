#include "neap/nn/layer_norm.h"

namespace neap {

LayerNorm::LayerNorm(std::int64_t features, LayerNormOptions options)
    : epsilon_(options.epsilon),
      weight_(parameter("weight", {options.dtype, {features}, {}}, fill_with(1))),
      bias_(parameter("bias", {options.dtype, {features}, {}}, fill_with(0))) {}

Tensor LayerNorm::forward(const Tensor& x) { return call("layer_norm", {x, weight_, bias_}, {{"epsilon", epsilon_}}); }

}  // namespace neap
