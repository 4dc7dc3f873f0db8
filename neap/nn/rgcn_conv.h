// Relational graph convolution (Schlichtkrull et al. 2018, arXiv:1703.06103, eqs. 2 and 3).
#pragma once
#include "neap/nn/edges.h"
#include "neap/nn/linear.h"

namespace neap {

struct RGCNOptions {
  Reduce aggregate = Reduce::mean;  // mean or sum, within each type
  std::int64_t bases = 0;           // types' weights are sums of so many; 0: each type has its own
  bool self_weights = true;
  bool bias = true;
  DType dtype = DType::f32;
};

// y = sum over types t of aggregate_t(neighbours) w_t + x w_self + bias.
class RGCNConv : public Module {
 public:
  RGCNConv(std::int64_t in, std::int64_t out, std::int64_t types, RGCNOptions options = {});
  // The edges of each type, in their order.
  Tensor operator()(const Tensor& x, const std::vector<Edges>& types) { return (*this)(x, x, types); }
  Tensor operator()(const Tensor& source, const Tensor& target, const std::vector<Edges>& types);

 private:
  std::int64_t in_, out_, types_;
  RGCNOptions options_;
  Parameter* weight_ = nullptr;  // [types, in, out], or of bases
  Parameter* mix_ = nullptr;     // [types, bases]
  Linear* self_ = nullptr;
  Parameter* bias_ = nullptr;
};

}  // namespace neap
