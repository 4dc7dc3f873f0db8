#include "neap/nn/gin_conv.h"

namespace neap {

GINConv::GINConv(std::unique_ptr<Layer> network, GINOptions options)
    : options_(options), network_(static_cast<Layer&>(adopt("network", std::move(network)))) {
  if (options.train_epsilon) epsilon_ = &parameter("epsilon", {options.dtype, {}, {}}, fill_with(options.epsilon));
}

Tensor GINConv::forward(const Tensor& source, const Tensor& target, const Edges& edges) {
  const Tensor own = epsilon_ == nullptr ? target * (1 + options_.epsilon) : target * (1.0 + epsilon_->value());
  return network_(own + propagate(source, edges));
}

}  // namespace neap
