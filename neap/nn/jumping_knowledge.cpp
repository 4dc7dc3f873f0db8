#include "neap/nn/jumping_knowledge.h"

#include "neap/base/error.h"

namespace neap {

Tensor jumping_knowledge(const std::vector<Tensor>& layers, Jumping how) {
  if (layers.empty()) throw Error("there are no layers to join", Scope::current());
  if (how == Jumping::none) return layers.back();
  if (how == Jumping::concat) return concat(layers, 1);
  Tensor most = layers.front();
  for (std::size_t i = 1; i < layers.size(); ++i) most = maximum(most, layers[i]);
  return most;
}

}  // namespace neap
