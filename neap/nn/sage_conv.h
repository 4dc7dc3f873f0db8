// GraphSAGE (Hamilton, Ying and Leskovec 2017, arXiv:1706.02216, algorithm 1).
#pragma once
#include "neap/nn/graph_convolution.h"
#include "neap/nn/linear.h"

namespace neap {

struct SAGEOptions {
  Reduce aggregate = Reduce::mean;
  bool self_weights = true;  // a vertex' own features, with weights of their own
  bool normalize = false;    // rows of length 1
  bool bias = true;
  DType dtype = DType::f32;
};

// y = aggregate(neighbours) w_neighbours^T + bias + x w_self^T; edges' weights, where given, are factors of what is aggregated.
class SAGEConv : public GraphConvolution {
 public:
  SAGEConv(std::int64_t in, std::int64_t out, SAGEOptions options = {});

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  SAGEOptions options_;
  Linear& neighbours_;
  Parameter* bias_ = nullptr;
  Linear* self_ = nullptr;
};

}  // namespace neap
