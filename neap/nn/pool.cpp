#include "neap/nn/pool.h"

#include <numeric>

namespace neap {

Tensor GlobalAveragePool::forward(const Tensor& x) {
  Axes spatial(static_cast<std::size_t>(x.rank() - 2));
  std::iota(spatial.begin(), spatial.end(), 2);
  return mean(x, spatial);
}

}  // namespace neap
