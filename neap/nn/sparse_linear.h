// y = x w + bias for sparse x: bags of words, one-hot columns.
#pragma once
#include "neap/nn/edges.h"
#include "neap/nn/module.h"

namespace neap {

struct SparseLinearOptions {
  bool bias = true;
  DType dtype = DType::f32;
};

class SparseLinear : public Module {
 public:
  // weight [in, out], by Glorot and Bengio; bias [out], 0.
  SparseLinear(std::int64_t in, std::int64_t out, SparseLinearOptions options = {});
  Tensor operator()(const Edges& x);  // rows by `in` columns -> [rows, out]

 private:
  Parameter& weight_;
  Parameter* bias_ = nullptr;
};

}  // namespace neap
