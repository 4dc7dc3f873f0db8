// The depthwise convolutions of EfficientNet's blocks, which are measured against several peers.
#pragma once
#include "bench/demo_step.h"
#include "neap/ops/builder.h"

namespace neap::bench {

struct DepthwiseLayer {
  std::int64_t channels, size, kernel;  // of pictures [1, channels, size, size]; stride 1
  Array filters() const { return random_array({channels, 1, kernel, kernel}, 2); }
  Array bias() const { return random_array({channels}, 3); }
};
constexpr DepthwiseLayer depthwise_layers[] = {{32, 112, 3}, {144, 56, 3}, {240, 28, 3}, {672, 14, 3},
                                               {240, 28, 5}, {672, 14, 5}, {1152, 7, 5}};

// Convolution + bias + swish, `count` of them one after the other, on activations in this layout.
inline Graph depthwise_chain(const DepthwiseLayer& layer, int count, const Layout& layout) {
  Graph graph;
  Builder build(graph);
  const auto [channels, size, kernel] = layer;
  Var x = build.input("x", {DType::f32, {1, channels, size, size}, layout});
  const std::vector<std::int64_t> pads(4, kernel / 2);
  const Array filters = layer.filters(), bias = layer.bias();
  for (int i = 0; i < count; ++i) {
    const Var w = build.constant(filters), b = build.constant(bias);
    x = unary("swish", build.call("conv", {x, w, b}, {{"groups", channels}, {"pads", pads}}));
  }
  graph.add_output(x.id(), "y");
  graph.set_type(x.id(), {DType::f32, x.shape(), layout});
  return graph;
}

}  // namespace neap::bench
