// Graph isomorphism network (Xu et al. 2019, arXiv:1810.00826, eq. 4.1).
#pragma once
#include "neap/nn/graph_convolution.h"

namespace neap {

struct GINOptions {
  double epsilon = 0;
  bool train_epsilon = false;
  DType dtype = DType::f32;
};

// y = network((1 + epsilon) x + sum of neighbours).
class GINConv : public GraphConvolution {
 public:
  explicit GINConv(std::unique_ptr<Layer> network, GINOptions options = {});

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  GINOptions options_;
  Layer& network_;
  Parameter* epsilon_ = nullptr;
};

}  // namespace neap
