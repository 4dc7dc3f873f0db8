// Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2).
#pragma once
#include "neap/nn/linear.h"

namespace neap {

struct AttentionOptions {
  bool causal = false;  // no position sees a later one
  bool bias = true;
  DType dtype = DType::f32;
};

class MultiheadAttention : public Layer {
 public:
  // Projections query, key, value and output, all features to features. Error unless the heads divide the features.
  MultiheadAttention(std::int64_t features, std::int64_t heads, AttentionOptions options = {});
  using Layer::operator();  // of x to itself
  // query [N, Q, features], key and value [N, K, features] -> [N, Q, features]. The mask broadcasts to [N, heads, Q, K]: bools say which
  // keys count, numbers are added to the scores.
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask = {});

 protected:
  Tensor forward(const Tensor& x) override { return attend(x, x, x, {}); }

 private:
  Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask);
  Tensor split_heads(const Tensor& x) const;
  std::int64_t features_, heads_;
  bool causal_;
  Linear &query_, &key_, &value_, &output_;
};

}  // namespace neap
