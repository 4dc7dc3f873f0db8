#include "neap/nn/linear.h"

#include <cmath>

namespace neap {
namespace {

Initializer chosen(Initializer given, std::int64_t in) { return given ? given : uniform_within(1 / std::sqrt(static_cast<double>(in))); }

}  // namespace

Linear::Linear(std::int64_t in, std::int64_t out, LinearOptions options)
    : weight_(parameter("weight", {options.dtype, {out, in}, {}}, chosen(std::move(options.weights), in))) {
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, chosen(std::move(options.biases), in));
}

Tensor Linear::forward(const Tensor& x) {
  const Tensor y = call("matmul", {x, weight_}, {{"transpose_b", true}});
  return bias_ == nullptr ? y : y + *bias_;
}

}  // namespace neap
