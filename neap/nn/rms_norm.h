// Root-mean-square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467) over the last axis.
#pragma once
#include "neap/nn/module.h"

namespace neap {

struct RmsNormOptions {
  double epsilon = 1e-6;
  DType dtype = DType::f32;
};

class RmsNorm : public Layer {
 public:
  explicit RmsNorm(std::int64_t features, RmsNormOptions options = {});  // weight: [features]

 protected:
  Tensor forward(const Tensor& x) override;  // [..., features]

 private:
  double epsilon_;
  Parameter& weight_;
};

}  // namespace neap
