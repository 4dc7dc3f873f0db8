// Graph attention: GAT (Velickovic et al. 2018, arXiv:1710.10903, eqs. 1 to 6) and GATv2 (Brody, Alon and Yahav 2022, arXiv:2105.14491,
// eq. 7), whose scores are not the same order of neighbours for every vertex.
#pragma once
#include "neap/nn/dropout.h"
#include "neap/nn/graph_convolution.h"
#include "neap/nn/linear.h"

namespace neap {

struct GATOptions {
  std::int64_t heads = 1;
  bool concat = true;  // heads side by side: [N, heads * out]; otherwise their mean: [N, out]
  double negative_slope = 0.2;
  double dropout = 0;              // of the normalised weights
  std::int64_t edge_features = 0;  // how many features an edge has; 0: they are not looked at
  bool share_weights = false;      // GATv2: sources and targets by the same weights
  bool bias = true;
  DType dtype = DType::f32;
};

// What both have in common: scores [edges, heads] from which weights follow.
class AttentionConv : public GraphConvolution {
 protected:
  AttentionConv(std::int64_t out, GATOptions options);
  Tensor heads(const Tensor& x) const;                                            // [n, heads * out] -> [n, heads, out]
  Tensor edge_heads(const Edges& edges);                                          // of the edges' features; empty: none are looked at
  Tensor attend(const Tensor& values, const Tensor& scores, const Edges& edges);  // values [sources, heads, out] -> the layer's result
  Parameter& attention(std::string name);                                         // [heads, out]

  std::int64_t out_;
  GATOptions options_;

 private:
  Dropout& dropout_;
  Linear* edge_ = nullptr;
  Parameter* bias_ = nullptr;
};

class GATConv : public AttentionConv {
 public:
  GATConv(std::int64_t in, std::int64_t out, GATOptions options = {});

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  Linear& linear_;
  Parameter &source_, &target_;
  Parameter* edge_attention_ = nullptr;
};

class GATv2Conv : public AttentionConv {
 public:
  GATv2Conv(std::int64_t in, std::int64_t out, GATOptions options = {});

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  Linear& source_;
  Linear* target_ = nullptr;
  Parameter& attention_;
};

}  // namespace neap
