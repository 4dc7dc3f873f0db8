// Propagation without weights between the steps: SGC (Wu et al. 2019, arXiv:1902.07153, eq. 8) and APPNP (Gasteiger et al. 2019,
// arXiv:1810.05997, eqs. 4 and 5).
#pragma once
#include "neap/nn/edge_norm.h"
#include "neap/nn/graph_convolution.h"
#include "neap/nn/linear.h"

namespace neap {

struct SGOptions {
  std::int64_t steps = 1;
  EdgeNorm normalize = EdgeNorm::symmetric;
  bool bias = true;
  DType dtype = DType::f32;
};

// y = norm(A)^steps x w^T + bias. Between the same vertices only.
class SGConv : public GraphConvolution {
 public:
  SGConv(std::int64_t in, std::int64_t out, SGOptions options = {});

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  SGOptions options_;
  Linear& linear_;
};

struct APPNPOptions {
  std::int64_t steps = 10;
  double teleport = 0.1;
  EdgeNorm normalize = EdgeNorm::symmetric;
};

// z <- (1 - teleport) norm(A) z + teleport x, `steps` times from z = x. Between the same vertices only.
class APPNP : public GraphConvolution {
 public:
  explicit APPNP(APPNPOptions options = {}) : options_(options) {}

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  APPNPOptions options_;
};

}  // namespace neap
