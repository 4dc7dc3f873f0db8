// Depthwise convolution + bias + swish on the seven shapes of EfficientNet's blocks (stride 1, one picture, one thread), generated, against
// oneDNN's convolution with swish as post-op, called bare: filters in the layout that it likes, the better of two layouts of activations.
#include <cmath>

#include "bench/core/bare.h"
#include "bench/core/depthwise_layers.h"
#include "bench/core/graphs.h"
#include "bench/harness.h"

namespace neap::bench::depthwise_topic {
namespace {

void run(Rows& rows) {
  const Threads one(1);
  double product = 1;
  for (const DepthwiseLayer& layer : depthwise_layers) {
    const auto [channels, size, kernel] = layer;
    Executable ours = executable_of(depthwise_chain(layer, 1, Layout::channels_last(4)));
    const BareConvolution::Shape shape{.in = channels, .out = channels, .groups = channels, .size = size, .kernel = kernel, .swish = true};
    const Array x = random_array({1, channels, size, size}, 1);
    const AgainstBare taken = against_bare("depthwise convolution", ours, shape, x, layer.filters(), layer.bias());
    const double work = 2e-9 * static_cast<double>(channels * size * size * kernel * kernel);
    Row row = against(fmt::format("depthwise {}x{}x{} k{}", channels, size, size, kernel), "GF/s", 1, taken.ours, taken.other,
                      taken.other_name, 1.0);
    row.ours = work / row.ours;
    row.other = work / *row.other;
    product *= *row.ratio;
    rows.add(std::move(row));
  }
  rows.add({.name = "depthwise, geometric mean of the seven",
            .metric = "ratio",
            .ours = std::pow(product, 1.0 / 7),
            .ratio = std::pow(product, 1.0 / 7),
            .target = 1.3});
}

const RegisterTopic topic{{"depthwise", "depthwise convolution + bias + swish, channels-last, one thread", run}};

}  // namespace
}  // namespace neap::bench::depthwise_topic
