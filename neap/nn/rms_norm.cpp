#include "neap/nn/rms_norm.h"

namespace neap {

RmsNorm::RmsNorm(std::int64_t features, RmsNormOptions options)
    : epsilon_(options.epsilon), weight_(parameter("weight", {options.dtype, {features}, {}}, fill_with(1))) {}

Tensor RmsNorm::forward(const Tensor& x) { return call("rms_norm", {x, weight_}, {{"epsilon", epsilon_}}); }

}  // namespace neap
