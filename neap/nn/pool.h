// Pooling over the spatial axes.
#pragma once
#include "neap/nn/conv.h"

namespace neap {

// [N, C, ...] -> [N, C]: the mean of each channel.
class GlobalAveragePool : public Layer {
 protected:
  Tensor forward(const Tensor& x) override;
};

}  // namespace neap
