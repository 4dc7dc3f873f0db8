#include "neap/demo/network.h"

#include "neap/nn/pool.h"

namespace neap {

std::unique_ptr<Sequential> efficient_net_28(std::int64_t classes, std::int64_t channels) {
  auto net = std::make_unique<Sequential>();
  const ConvOptions stem{.stride = 2, .bias = false}, head{.bias = false};
  //                      name       in  out                                                           size
  net->then<Conv2d>("stem", channels, 16, 3, stem).then<BatchNorm>("stem_norm", 16).then<Activation>("stem_swish", "swish");  // 14 x 14
  net->then<InvertedResidual>("block1", 16, 16, InvertedResidualOptions{.kernel = 3, .stride = 1, .expansion = 2})            // 14 x 14
      .then<InvertedResidual>("block2", 16, 24, InvertedResidualOptions{.kernel = 3, .stride = 2, .expansion = 4})            //  7 x 7
      .then<InvertedResidual>("block3", 24, 40, InvertedResidualOptions{.kernel = 5, .stride = 1, .expansion = 4})            //  7 x 7
      .then<InvertedResidual>("block4", 40, 40, InvertedResidualOptions{.kernel = 3, .stride = 1, .expansion = 4})            //  7 x 7
      .then<InvertedResidual>("block5", 40, 48, InvertedResidualOptions{.kernel = 5, .stride = 1, .expansion = 3});           //  7 x 7
  net->then<Conv2d>("head", 48, 64, 1, head).then<BatchNorm>("head_norm", 64).then<Activation>("head_swish", "swish");
  net->then<GlobalAveragePool>("pool").then<Linear>("classify", 64, classes);
  return net;
}

}  // namespace neap
