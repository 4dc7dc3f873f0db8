#include "neap/nn/conv.h"

#include <cmath>

#include "neap/base/error.h"

namespace neap {

std::vector<std::int64_t> PerAxis::on(int axes, const char* what) const {
  if (numbers.size() == 1) return std::vector<std::int64_t>(static_cast<std::size_t>(axes), numbers[0]);
  if (static_cast<int>(numbers.size()) != axes)
    throw Error(fmt::format("{} has {} numbers for {} spatial axes", what, numbers.size(), axes));
  return numbers;
}

Conv::Conv(int spatial_axes, std::int64_t in, std::int64_t out, PerAxis kernel, ConvOptions options) {
  const std::vector<std::int64_t> window = kernel.on(spatial_axes, "kernel");
  const std::vector<std::int64_t> dilations = options.dilation.on(spatial_axes, "dilation");
  std::vector<std::int64_t> pads = options.padding.on(spatial_axes, "padding");
  if (options.groups < 1 || in % options.groups != 0 || out % options.groups != 0) {
    throw Error(fmt::format("{} to {} channels do not divide into {} groups", in, out, options.groups), "a convolution");
  }
  Shape shape{out, in / options.groups};
  std::int64_t fan_in = in / options.groups;
  for (std::size_t i = 0; i < window.size(); ++i) {
    shape.emplace_back(window[i]);
    fan_in *= window[i];
    if (pads[i] < 0) pads[i] = dilations[i] * (window[i] - 1) / 2;
  }
  pads.insert(pads.end(), pads.begin(), pads.begin() + spatial_axes);
  attributes_ = {
      {"strides", options.stride.on(spatial_axes, "stride")}, {"pads", pads}, {"dilations", dilations}, {"groups", options.groups}};
  weight_ = &parameter("weight", {options.dtype, shape, {}}, he_normal(fan_in));
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, uniform_within(1 / std::sqrt(static_cast<double>(fan_in))));
}

Tensor Conv::forward(const Tensor& x) { return call("conv", {x, *weight_, bias_ == nullptr ? Tensor() : bias_->value()}, attributes_); }

}  // namespace neap
