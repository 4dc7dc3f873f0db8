// Graph convolution (Kipf & Welling 2017, arXiv:1609.02907, eq. 2).
#pragma once
#include "neap/nn/edge_norm.h"
#include "neap/nn/graph_convolution.h"
#include "neap/nn/linear.h"

namespace neap {

struct GCNOptions {
  EdgeNorm normalize = EdgeNorm::symmetric;
  bool bias = true;
  DType dtype = DType::f32;
};

// y = norm(A) x w^T + bias; weight [out, in], by Glorot and Bengio, bias 0. Self loops are the graph's to have.
class GCNConv : public GraphConvolution {
 public:
  GCNConv(std::int64_t in, std::int64_t out, GCNOptions options = {});

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  GCNOptions options_;
  Linear& linear_;
  Parameter* bias_ = nullptr;
};

}  // namespace neap
