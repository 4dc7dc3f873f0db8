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

Var part(const Var& x, int axis, const Dim& begin, const Dim& end) {
  return x.build().call("slice", {x}, {{"starts", Shape{begin}}, {"stops", Shape{end}}, {"axes", std::vector<std::int64_t>{axis}}});
}

std::vector<Var> parts(const Var& x, int axis, std::int64_t count) {
  return x.build().calls("split", {x}, {{"axis", std::int64_t{axis}}, {"parts", count}});
}

AttributeSpec reduction_attribute() { return {"reduction", std::string("mean"), "none, sum or mean"}; }

Var reduce_loss(const Var& loss, const Call& call) {
  const std::string& reduction = call.text("reduction");
  if (reduction == "none") return loss;
  if (reduction == "sum") return sum(loss, {});
  if (reduction == "mean") return mean(loss, {});
  call.fail(fmt::format("reduction is '{}'", reduction), "none, sum or mean");
}

}  // namespace neap
