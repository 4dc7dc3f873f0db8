// Rows of a table by number.
#pragma once
#include "neap/nn/module.h"

namespace neap {

class Embedding : public Layer {
 public:
  Embedding(std::int64_t rows, std::int64_t features, DType dtype = DType::f32);  // weight: [rows, features]

 protected:
  Tensor forward(const Tensor& indices) override;  // integers [...] -> [..., features]

 private:
  Parameter& weight_;
};

}  // namespace neap
