#include "neap/nn/inverted_residual.h"

#include <algorithm>

namespace neap {

InvertedResidual::InvertedResidual(std::int64_t in, std::int64_t out, InvertedResidualOptions options)
    : residual_(options.stride == 1 && in == out) {
  const std::int64_t hidden = in * options.expansion;
  const std::int64_t squeezed = options.squeezed > 0 ? options.squeezed : std::max<std::int64_t>(1, in / 4);
  const DType dtype = options.dtype;
  const ConvOptions pointwise{.bias = false, .dtype = dtype};
  const BatchNormOptions norm{.dtype = dtype};
  if (options.expansion != 1) {
    expand_ = &add<Conv2d>("expand", in, hidden, 1, pointwise);
    expand_norm_ = &add<BatchNorm>("expand_norm", hidden, norm);
  }
  depthwise_ = &add<Conv2d>("depthwise", hidden, hidden, options.kernel,
                            ConvOptions{.stride = options.stride, .groups = hidden, .bias = false, .dtype = dtype});
  depthwise_norm_ = &add<BatchNorm>("depthwise_norm", hidden, norm);
  gate_ = &add<SqueezeExcite>("gate", hidden, squeezed, dtype);
  project_ = &add<Conv2d>("project", hidden, out, 1, pointwise);
  project_norm_ = &add<BatchNorm>("project_norm", out, norm);
}

Tensor InvertedResidual::forward(const Tensor& x) {
  Tensor y = x;
  if (expand_ != nullptr) y = swish((*expand_norm_)((*expand_)(y)));
  y = swish((*depthwise_norm_)((*depthwise_)(y)));
  y = (*project_norm_)((*project_)((*gate_)(y)));
  return residual_ ? x + y : y;
}

}  // namespace neap
