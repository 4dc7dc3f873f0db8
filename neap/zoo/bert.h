// zoo/: networks that many people know, short enough to be read beside the figures of their papers. Weights are seeded, not trained.
// BERT (Devlin et al. 2019, arXiv:1810.04805): the encoder of Vaswani et al. 2017 (arXiv:1706.03762, figure 1, left) with GELU.
#pragma once
#include <memory>

#include "neap/nn/attention.h"
#include "neap/nn/layer_norm.h"

namespace neap {

struct BertOptions {
  std::int64_t layers = 12, features = 768, heads = 12, inner = 3072;  // of BERT-base
};

// x = norm(x + attention(x)); x = norm(x + output(gelu(inner(x))))
class BertLayer : public Layer {
 public:
  explicit BertLayer(const BertOptions& options);

 protected:
  Tensor forward(const Tensor& x) override;  // [N, positions, features], likewise

 private:
  MultiheadAttention& attention_;
  LayerNorm& attention_norm_;
  Linear &inner_, &output_;
  LayerNorm& output_norm_;
};

// The layers one after the other, on embedded words: [N, positions, features], likewise. Six matrices a layer.
class BertEncoder : public Layer {
 public:
  explicit BertEncoder(const BertOptions& options = {});

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::vector<BertLayer*> layers_;
};

}  // namespace neap
