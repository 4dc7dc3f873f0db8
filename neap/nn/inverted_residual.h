// The block of MobileNetV2 and EfficientNet (Sandler et al. 2018, arXiv:1801.04381; Tan and Le 2019, arXiv:1905.11946): 1x1 convolution
// to more channels, depthwise convolution, squeeze-excite, 1x1 convolution back; a residual where shapes allow.
#pragma once
#include "neap/nn/batch_norm.h"
#include "neap/nn/conv.h"
#include "neap/nn/squeeze_excite.h"

namespace neap {

struct InvertedResidualOptions {
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t expansion = 4;  // hidden channels = in * expansion; 1: no first convolution
  std::int64_t squeezed = 0;   // channels of the gate's bottleneck; 0: in / 4, at least 1
  DType dtype = DType::f32;
};

class InvertedResidual : public Layer {
 public:
  InvertedResidual(std::int64_t in, std::int64_t out, InvertedResidualOptions options = {});

 protected:
  Tensor forward(const Tensor& x) override;  // [N, in, H, W] -> [N, out, ceil(H / stride), ceil(W / stride)]

 private:
  bool residual_;
  Conv2d *expand_ = nullptr, *depthwise_ = nullptr, *project_ = nullptr;
  BatchNorm *expand_norm_ = nullptr, *depthwise_norm_ = nullptr, *project_norm_ = nullptr;
  SqueezeExcite* gate_ = nullptr;
};

}  // namespace neap
