// Group normalisation (Wu and He 2018, arXiv:1803.08494): each group of channels of each example by its own statistics.
#pragma once
#include "neap/nn/module.h"

namespace neap {

struct GroupNormOptions {
  double epsilon = 1e-5;
  DType dtype = DType::f32;
};

class GroupNorm : public Layer {
 public:
  GroupNorm(std::int64_t groups, std::int64_t channels, GroupNormOptions options = {});  // weight, bias: [channels]

 protected:
  Tensor forward(const Tensor& x) override;  // [N, channels, ...]

 private:
  std::int64_t groups_;
  double epsilon_;
  Parameter &weight_, &bias_;
};

}  // namespace neap
