#include "neap/nn/squeeze_excite.h"

#include <numeric>

namespace neap {

SqueezeExcite::SqueezeExcite(std::int64_t channels, std::int64_t squeezed, DType dtype)
    : reduce_(add<Linear>("reduce", channels, squeezed, LinearOptions{.dtype = dtype})),
      expand_(add<Linear>("expand", squeezed, channels, LinearOptions{.dtype = dtype})) {}

Tensor SqueezeExcite::forward(const Tensor& x) {
  Axes spatial(static_cast<std::size_t>(x.rank() - 2));
  std::iota(spatial.begin(), spatial.end(), 2);
  const Tensor gate = sigmoid(expand_(swish(reduce_(mean(x, spatial)))));
  Shape wide(static_cast<std::size_t>(x.rank()), Dim(1));
  wide[0] = x.size(0);
  wide[1] = x.size(1);
  return x * gate.reshape(wide);
}

}  // namespace neap
