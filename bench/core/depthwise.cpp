// Depthwise convolution + bias + swish on the seven shapes of EfficientNet's blocks (stride 1, one picture, one thread), generated, against
// oneDNN's convolution with swish as post-op, called bare: filters in the layout that it likes, the better of two layouts of activations.
#include <cmath>

#include "bench/core/bare.h"
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"

namespace neap::bench {
namespace {

struct Layer {
  std::int64_t channels, size, kernel;
};

Graph graph_of(const Layer& layer, const Array& filters, const Array& bias) {
  const auto [channels, size, kernel] = layer;
  Graph graph;
  Builder build(graph);
  const Layout last = Layout::channels_last(4);
  const Var x = build.input("x", {DType::f32, {1, channels, size, size}, last});
  const std::vector<std::int64_t> pads(4, kernel / 2);
  const Var y =
      unary("swish", build.call("conv", {x, build.constant(filters), build.constant(bias)}, {{"groups", channels}, {"pads", pads}}));
  graph.add_output(y.id(), "y");
  graph.set_type(y.id(), {DType::f32, y.shape(), last});
  return graph;
}

std::vector<Row> run() {
  const Threads one(1);
  std::vector<Row> rows;
  double product = 1;
  const Layer layers[] = {{32, 112, 3}, {144, 56, 3}, {240, 28, 3}, {672, 14, 3}, {240, 28, 5}, {672, 14, 5}, {1152, 7, 5}};
  for (const Layer& layer : layers) {
    const auto [channels, size, kernel] = layer;
    const Array x = random_array({1, channels, size, size}, 1), w = random_array({channels, 1, kernel, kernel}, 2),
                bias = random_array({channels}, 3);
    Executable ours = executable_of(graph_of(layer, w, bias));
    const BareConvolution::Shape shape{.in = channels, .out = channels, .groups = channels, .size = size, .kernel = kernel, .swish = true};
    BareConvolution last(shape, dnnl::memory::format_tag::nhwc, x, w, bias);
    BareConvolution blocked(shape, dnnl::memory::format_tag::any, x, w, bias);
    last.run();
    last.check(ours.run({x})[0], "depthwise convolution");
    const auto seconds = interleave({{"neap", [&] { ours.run({x}); }}, {"nhwc", [&] { last.run(); }}, {"blocked", [&] { blocked.run(); }}},
                                    {.clock = Clock::thread});
    const bool better_last = median(seconds[1]) < median(seconds[2]);
    const double work = 2e-9 * static_cast<double>(channels * size * size * kernel * kernel);
    Row row = against(fmt::format("depthwise {}x{}x{} k{}", channels, size, size, kernel), "GF/s", 1, seconds[0],
                      seconds[better_last ? 1 : 2], better_last ? "oneDNN nhwc" : "oneDNN blocked", 1.0);
    row.ours = work / row.ours;
    row.other = work / *row.other;
    product *= *row.ratio;
    rows.push_back(std::move(row));
  }
  rows.push_back({.name = "depthwise, geometric mean of the seven",
                  .metric = "ratio",
                  .ours = std::pow(product, 1.0 / 7),
                  .ratio = std::pow(product, 1.0 / 7),
                  .target = 1.3});
  return rows;
}

const RegisterTopic topic{{"depthwise", "depthwise convolution + bias + swish, channels-last, one thread", run}};

}  // namespace
}  // namespace neap::bench
