#include "neap/ops/composition.h"

namespace neap {

Var size_number(Builder& build, DType dtype, const Dim& size) {
  if (size.is_constant()) return build.constant(dtype, static_cast<double>(size.constant()));
  return build.call("size_value", {}, {{"size", std::vector<Dim>{size}}, {"dtype", dtype}});
}

Dim count_over(const Var& x, const std::vector<std::int64_t>& axes) {
  Dim count = 1;
  for (const std::int64_t axis : axes) count *= x.size(static_cast<int>(axis));
  return count;
}

Var square(const Var& x) { return unary("square", x); }
Var rsqrt(const Var& x) { return unary("rsqrt", x); }

Var along_channels(const Var& per_channel, int rank) {
  Shape shape(static_cast<std::size_t>(rank), Dim(1));
  shape[1] = per_channel.size(0);
  return reshape(per_channel, shape);
}

std::vector<std::int64_t> not_channels(int rank) {
  std::vector<std::int64_t> axes;
  for (int axis = 0; axis < rank; ++axis) {
    if (axis != 1) axes.push_back(axis);
  }
  return axes;
}

}  // namespace neap
