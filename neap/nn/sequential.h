// Layers one after the other.
#pragma once
#include "neap/nn/module.h"

namespace neap {

class Sequential : public Layer {
 public:
  // Appends a layer; gives this, so that calls chain: net.then<Linear>("hidden", 784, 128).then<Activation>("relu1", "relu").
  template <class L, class... Arguments>
  Sequential& then(std::string name, Arguments&&... arguments) {
    layers_.push_back(&add<L>(std::move(name), std::forward<Arguments>(arguments)...));
    return *this;
  }

 protected:
  Tensor forward(const Tensor& x) override {
    Tensor y = x;
    for (Layer* layer : layers_) y = (*layer)(y);
    return y;
  }

 private:
  std::vector<Layer*> layers_;
};

}  // namespace neap
