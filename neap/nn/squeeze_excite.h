// Channels weighed by a gate that sees the whole image (Hu et al. 2018, arXiv:1709.01507): x * sigmoid(expand(swish(reduce(mean x)))).
#pragma once
#include "neap/nn/linear.h"

namespace neap {

class SqueezeExcite : public Layer {
 public:
  SqueezeExcite(std::int64_t channels, std::int64_t squeezed, DType dtype = DType::f32);

 protected:
  Tensor forward(const Tensor& x) override;  // [N, channels, ...]

 private:
  Linear &reduce_, &expand_;
};

}  // namespace neap
