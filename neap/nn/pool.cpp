#include "neap/nn/pool.h"

#include <numeric>

namespace neap {

Tensor Pool::forward(const Tensor& x) {
  const int axes = x.rank() - 2;
  const std::vector<std::int64_t> window = window_.on(axes, "window");
  std::vector<std::int64_t> strides = options_.stride.on(axes, "stride"), pads = options_.padding.on(axes, "padding");
  for (std::size_t i = 0; i < strides.size(); ++i) {
    if (strides[i] == 0) strides[i] = window[i];
  }
  pads.insert(pads.end(), pads.begin(), pads.begin() + axes);
  return call(op_, {x}, {{"kernel_size", window}, {"strides", strides}, {"pads", pads}});
}

Tensor GlobalAveragePool::forward(const Tensor& x) {
  Axes spatial(static_cast<std::size_t>(x.rank() - 2));
  std::iota(spatial.begin(), spatial.end(), 2);
  return mean(x, spatial);
}

}  // namespace neap
