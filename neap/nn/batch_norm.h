// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167): by the batch's statistics in training, by running ones in evaluation.
#pragma once
#include "neap/nn/module.h"

namespace neap {

struct BatchNormOptions {
  double momentum = 0.1;  // share of the batch in the running statistics
  double epsilon = 1e-5;
  DType dtype = DType::f32;
};

class BatchNorm : public Layer {
 public:
  explicit BatchNorm(std::int64_t channels, BatchNormOptions options = {});  // weight, bias, running_mean, running_variance: [channels]

 protected:
  Tensor forward(const Tensor& x) override;  // [N, channels, ...]

 private:
  BatchNormOptions options_;
  Parameter &weight_, &bias_, &running_mean_, &running_variance_;
};

}  // namespace neap
