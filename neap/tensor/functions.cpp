#include "neap/tensor/functions.h"

#include <numeric>

#include "neap/base/error.h"

namespace neap {
namespace {

Tensor reduction(const char* op, const Tensor& x, const Axes& axes, bool keep) { return call(op, {x}, {{"axes", axes}, {"keep", keep}}); }

int checked_axis(const Tensor& x, int axis, int rank) {
  const int at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) throw Error(fmt::format("axis {} is not in a tensor of rank {}", axis, rank), x.type().to_string());
  return at;
}

}  // namespace

Tensor operator+(const Tensor& a, const Tensor& b) { return call("add", {a, b}); }
Tensor operator-(const Tensor& a, const Tensor& b) { return call("sub", {a, b}); }
Tensor operator*(const Tensor& a, const Tensor& b) { return call("mul", {a, b}); }
Tensor operator/(const Tensor& a, const Tensor& b) { return call("div", {a, b}); }
Tensor operator%(const Tensor& a, const Tensor& b) { return call("mod", {a, b}); }
Tensor operator<(const Tensor& a, const Tensor& b) { return call("less", {a, b}); }
Tensor operator<=(const Tensor& a, const Tensor& b) { return call("less_equal", {a, b}); }
Tensor operator>(const Tensor& a, const Tensor& b) { return call("greater", {a, b}); }
Tensor operator>=(const Tensor& a, const Tensor& b) { return call("greater_equal", {a, b}); }
Tensor operator==(const Tensor& a, const Tensor& b) { return call("equal", {a, b}); }
Tensor operator!=(const Tensor& a, const Tensor& b) { return call("not_equal", {a, b}); }

namespace {
Tensor logical_or_bits(const Tensor& a, const Tensor& b, const char* logical, const char* bits) {
  return call(a.dtype() == DType::boolean ? logical : bits, {a, b});
}
}  // namespace
Tensor operator&(const Tensor& a, const Tensor& b) { return logical_or_bits(a, b, "logical_and", "bit_and"); }
Tensor operator|(const Tensor& a, const Tensor& b) { return logical_or_bits(a, b, "logical_or", "bit_or"); }
Tensor operator^(const Tensor& a, const Tensor& b) { return logical_or_bits(a, b, "logical_xor", "bit_xor"); }
Tensor operator-(const Tensor& a) { return call("neg", {a}); }
Tensor operator~(const Tensor& a) { return call(a.dtype() == DType::boolean ? "logical_not" : "bit_not", {a}); }

Tensor number_like(const Tensor& like, double value) {
  Array number = Array::full(like.dtype(), {}, value);
  if (!is_float(like.dtype()) && number.get(0) != value) {
    throw Error(fmt::format("{} beside {}: the dtype cannot hold it", value, like.type().to_string()), "",
                "cast the tensor to a floating-point dtype first");
  }
  return number;
}

Tensor minimum(const Tensor& a, const Tensor& b) { return call("minimum", {a, b}); }
Tensor maximum(const Tensor& a, const Tensor& b) { return call("maximum", {a, b}); }
Tensor minimum(const Tensor& a, double b) { return minimum(a, number_like(a, b)); }
Tensor maximum(const Tensor& a, double b) { return maximum(a, number_like(a, b)); }
Tensor pow(const Tensor& a, const Tensor& b) { return call("pow", {a, b}); }
Tensor pow(const Tensor& a, double b) { return b == 2 ? square(a) : pow(a, number_like(a, b)); }
Tensor where(const Tensor& condition, const Tensor& yes, const Tensor& no) { return call("where", {condition, yes, no}); }
Tensor where(const Tensor& condition, const Tensor& yes, double no) { return where(condition, yes, number_like(yes, no)); }
Tensor where(const Tensor& condition, double yes, const Tensor& no) { return where(condition, number_like(no, yes), no); }
Tensor clip(const Tensor& x, double low, double high) { return call("clip", {x}, {{"low", low}, {"high", high}}); }
Tensor cast(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x : call("cast", {x}, {{"dtype", dtype}}); }

Tensor abs(const Tensor& x) { return call("abs", {x}); }
Tensor sign(const Tensor& x) { return call("sign", {x}); }
Tensor sqrt(const Tensor& x) { return call("sqrt", {x}); }
Tensor rsqrt(const Tensor& x) { return call("rsqrt", {x}); }
Tensor square(const Tensor& x) { return call("square", {x}); }
Tensor exp(const Tensor& x) { return call("exp", {x}); }
Tensor expm1(const Tensor& x) { return call("expm1", {x}); }
Tensor log(const Tensor& x) { return call("log", {x}); }
Tensor log1p(const Tensor& x) { return call("log1p", {x}); }
Tensor sin(const Tensor& x) { return call("sin", {x}); }
Tensor cos(const Tensor& x) { return call("cos", {x}); }
Tensor tanh(const Tensor& x) { return call("tanh", {x}); }
Tensor erf(const Tensor& x) { return call("erf", {x}); }
Tensor floor(const Tensor& x) { return call("floor", {x}); }
Tensor ceil(const Tensor& x) { return call("ceil", {x}); }
Tensor round(const Tensor& x) { return call("round", {x}); }
Tensor is_nan(const Tensor& x) { return call("is_nan", {x}); }
Tensor is_inf(const Tensor& x) { return call("is_inf", {x}); }
Tensor relu(const Tensor& x) { return call("relu", {x}); }
Tensor sigmoid(const Tensor& x) { return call("sigmoid", {x}); }
Tensor swish(const Tensor& x) { return call("swish", {x}); }
Tensor gelu(const Tensor& x) { return call("gelu", {x}); }

Tensor sum(const Tensor& x, const Axes& axes, bool keep) { return reduction("sum", x, axes, keep); }
Tensor mean(const Tensor& x, const Axes& axes, bool keep) { return reduction("mean", x, axes, keep); }
Tensor max(const Tensor& x, const Axes& axes, bool keep) { return reduction("max", x, axes, keep); }
Tensor min(const Tensor& x, const Axes& axes, bool keep) { return reduction("min", x, axes, keep); }
Tensor prod(const Tensor& x, const Axes& axes, bool keep) { return reduction("prod", x, axes, keep); }
Tensor any(const Tensor& x, const Axes& axes, bool keep) { return reduction("any", x, axes, keep); }
Tensor all(const Tensor& x, const Axes& axes, bool keep) { return reduction("all", x, axes, keep); }
Tensor logsumexp(const Tensor& x, const Axes& axes, bool keep) { return reduction("logsumexp", x, axes, keep); }
Tensor variance(const Tensor& x, const Axes& axes, bool keep) { return mean(square(x - mean(x, axes, true)), axes, keep); }

Tensor argmax(const Tensor& x, int axis, bool keep) { return call("argmax", {x}, {{"axis", std::int64_t{axis}}, {"keep", keep}}); }
Tensor argmin(const Tensor& x, int axis, bool keep) { return call("argmin", {x}, {{"axis", std::int64_t{axis}}, {"keep", keep}}); }
Tensor cumulative_sum(const Tensor& x, int axis) { return call("cumulative_sum", {x}, {{"axis", std::int64_t{axis}}}); }
Tensor softmax(const Tensor& x, int axis) { return call("softmax", {x}, {{"axis", std::int64_t{axis}}}); }
Tensor log_softmax(const Tensor& x, int axis) { return call("log_softmax", {x}, {{"axis", std::int64_t{axis}}}); }

Tensor matmul(const Tensor& a, const Tensor& b) { return call("matmul", {a, b}); }

Tensor reshape(const Tensor& x, const Shape& wanted) {
  Shape shape = wanted;
  int open = -1;
  Dim known = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!(shape[i] == Dim(-1))) {
      known *= shape[i];
    } else if (open < 0) {
      open = static_cast<int>(i);
    } else {
      throw Error("reshape: only one size may be -1", to_string(wanted));
    }
  }
  if (open >= 0 && !Dim::divide_exactly(element_count(x.shape()), known, shape[static_cast<std::size_t>(open)])) {
    throw Error(fmt::format("reshape: the elements of {} do not fill {}", x.type().to_string(), to_string(wanted)));
  }
  return x.shape() == shape ? x : call("reshape", {x}, {{"shape", shape}});
}

Tensor transpose(const Tensor& x, const Axes& permutation) {
  Axes order = permutation;
  if (order.empty()) {
    order.resize(static_cast<std::size_t>(x.rank()));
    std::iota(order.rbegin(), order.rend(), 0);
  }
  return call("transpose", {x}, {{"permutation", order}});
}

Tensor swap_axes(const Tensor& x, int a, int b) {
  Axes order(static_cast<std::size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(checked_axis(x, a, x.rank()))], order[static_cast<std::size_t>(checked_axis(x, b, x.rank()))]);
  return transpose(x, order);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) { return x.shape() == shape ? x : call("expand", {x}, {{"shape", shape}}); }

Tensor expand_dims(const Tensor& x, int axis) {
  Shape shape = x.shape();
  shape.insert(shape.begin() + checked_axis(x, axis, x.rank() + 1), Dim(1));
  return reshape(x, shape);
}

Tensor squeeze(const Tensor& x, int axis) {
  const int at = checked_axis(x, axis, x.rank());
  if (!(x.size(at) == Dim(1))) throw Error(fmt::format("axis {} of {} is not of size 1", axis, x.type().to_string()));
  Shape shape = x.shape();
  shape.erase(shape.begin() + at);
  return reshape(x, shape);
}

Tensor flatten(const Tensor& x, int from_axis) {
  if (x.rank() == 0) return reshape(x, {Dim(1)});
  const int at = checked_axis(x, from_axis, x.rank());
  Shape shape(x.shape().begin(), x.shape().begin() + at);
  Dim rest = 1;
  for (int axis = at; axis < x.rank(); ++axis) rest *= x.size(axis);
  shape.push_back(rest);
  return reshape(x, shape);
}

Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step) {
  return call("slice", {x}, {{"starts", Axes{begin}}, {"stops", Axes{end}}, {"axes", Axes{axis}}, {"steps", Axes{step}}});
}

Tensor concat(const std::vector<Tensor>& parts, int axis) { return call("concat", parts, {{"axis", std::int64_t{axis}}}); }

std::vector<Tensor> split(const Tensor& x, int parts, int axis) {
  return calls("split", {x}, {{"axis", std::int64_t{axis}}, {"parts", std::int64_t{parts}}});
}

Tensor take(const Tensor& x, const Tensor& indices, int axis) { return call("gather", {x, indices}, {{"axis", std::int64_t{axis}}}); }

Tensor stop_gradient(const Tensor& x) { return call("stop_gradient", {x}); }

Tensor stack(const std::vector<Tensor>& parts, int axis) {
  std::vector<Tensor> wider;
  for (const Tensor& part : parts) wider.push_back(expand_dims(part, axis));
  return concat(wider, axis);
}

}  // namespace neap
