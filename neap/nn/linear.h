// y = x w^T + bias over the last axis.
#pragma once
#include "neap/nn/module.h"

namespace neap {

struct LinearOptions {
  bool bias = true;
  DType dtype = DType::f32;
  Initializer weights, biases;  // empty: uniform within 1 / sqrt(in)
};

class Linear : public Layer {
 public:
  Linear(std::int64_t in, std::int64_t out, LinearOptions options = {});  // weight [out, in], bias [out]

 protected:
  Tensor forward(const Tensor& x) override;  // [..., in] -> [..., out]

 private:
  Parameter& weight_;
  Parameter* bias_ = nullptr;
};

}  // namespace neap
