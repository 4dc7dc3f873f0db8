// demo/: Neap's main job, done whole: a network trained on real images.
#pragma once
#include "neap/nn/inverted_residual.h"
#include "neap/nn/sequential.h"

namespace neap {

// An EfficientNet for images of 28 x 28 (others fit too): [N,channels,28,28] -> logits [N,classes]; about 55,000 parameters.
std::unique_ptr<Sequential> efficient_net_28(std::int64_t classes = 10, std::int64_t channels = 1);

}  // namespace neap
