// A layer of a graph network: features of vertices in, features of vertices out, along edges.
#pragma once
#include "neap/nn/edges.h"
#include "neap/nn/module.h"

namespace neap {

class GraphConvolution : public Module {
 public:
  // x [N, in] -> [N, out], along edges between the same N vertices.
  Tensor operator()(const Tensor& x, const Edges& edges) {
    const Scope scope(path());
    return forward(x, x, edges);
  }
  // From sources [M, in] to targets [N, in]: a layer of a sampled graph.
  Tensor operator()(const Tensor& source, const Tensor& target, const Edges& edges) {
    const Scope scope(path());
    return forward(source, target, edges);
  }

 protected:
  virtual Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) = 0;
};

}  // namespace neap
