// Layer normalisation (Ba et al. 2016, arXiv:1607.06450) over the last axis.
#pragma once
#include "neap/nn/module.h"

namespace neap {

struct LayerNormOptions {
  double epsilon = 1e-5;
  DType dtype = DType::f32;
};

class LayerNorm : public Layer {
 public:
  explicit LayerNorm(std::int64_t features, LayerNormOptions options = {});  // weight, bias: [features]

 protected:
  Tensor forward(const Tensor& x) override;  // [..., features]

 private:
  double epsilon_;
  Parameter &weight_, &bias_;
};

}  // namespace neap
