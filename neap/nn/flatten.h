// All axes but the first as one: [N, ...] -> [N, elements].
#pragma once
#include "neap/nn/module.h"

namespace neap {

class Flatten : public Layer {
 protected:
  Tensor forward(const Tensor& x) override { return flatten(x, 1); }
};

}  // namespace neap
