// The mean of each window, and its transpose, which is its gradient: both gather.
#include <algorithm>

#include "neap/ops/builder.h"
#include "neap/ops/pool.h"

namespace neap::average_pool_operator {
namespace {

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> all = pool_attributes();
  all.push_back({"count_include_pad", false, "padding counts as zeros"});
  return all;
}

Expr ceil_quotient(const Expr& a, std::int64_t b) { return b == 1 ? a : make(Scalar::floor_div, {a + Expr(b - 1), Expr(b)}); }

// How many taps of the window at o count on one axis: those from `low` to before `high`.
Expr taps_counted(const Window& window, const Call& call, int axis, const Expr& o, const Dim& size) {
  const auto i = static_cast<std::size_t>(axis);
  Expr kernel(window.kernel[i]);
  if (!window.padded() || (call.flag("count_include_pad") && !window.ceil_mode)) return kernel;
  const bool include = call.flag("count_include_pad");
  const Expr start = window.index(axis, o, Expr(0));
  const Expr low(include ? -window.begins[i] : std::int64_t{0}), high(include ? size + Dim(window.ends[i]) : size);
  const Expr first = max(Expr(0), ceil_quotient(low - start, window.dilations[i]));
  return min(kernel, ceil_quotient(high - start, window.dilations[i])) - first;
}

void define_pool(Definition& d) {
  const Window window = pool_window(d.call());
  if (!is_float(d.dtype(0))) d.call().fail("takes floating-point values", "cast first");
  const std::vector<Axis> axes = pool_axes(d, pooled_sizes(d.call(), window, spatial_sizes(d.call().input(0))));
  const std::vector<Axis> r = axes_over(d, "r", window.kernel);
  std::vector<Expr> index{d.at(axes[0]), d.at(axes[1])};
  Expr count(1);
  for (int i = 0; i < window.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Expr o = d.at(axes[at + 2]);
    index.push_back(window.index(i, o, d.at(r[at])));
    count = count * taps_counted(window, d.call(), i, o, d.size(0, i + 2));
  }
  const Expr total = d.sum(r, d.read(0, index, window.padded() ? constant(d.dtype(0), 0) : Expr()));
  d.output(d.dtype(0), axes, total / cast(count, d.dtype(0)));
}

void define_gradient(Definition& d) {
  const Window window = pool_window(d.call());
  const Shape& sizes = d.call().dims("input_size");
  if (static_cast<int>(sizes.size()) != window.rank() || pooled_sizes(d.call(), window, sizes) != spatial_sizes(d.call().input(0))) {
    d.call().fail("the cotangent does not come from an input of this size");
  }
  const std::vector<Axis> axes = pool_axes(d, sizes);
  std::vector<Axis> over;
  std::vector<Expr> index{d.at(axes[0]), d.at(axes[1])};
  Expr count(1), counts;
  bool outside = false;
  const auto require = [&](const Expr& condition) { counts = counts ? counts && condition : condition; };
  for (int i = 0; i < window.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Taps taps(d, window, i, d.at(axes[at + 2]));
    over.push_back(taps.axis);
    index.push_back(taps.o);
    count = count * taps_counted(window, d.call(), i, taps.o, sizes[at]);
    if (taps.exact) require(taps.exact);
    if (taps.r_outside) require(taps.r < Expr(window.kernel[at]));
    outside |= taps.o_outside;
  }
  const Expr zero = constant(d.dtype(0), 0);
  // A count that depends on the window may be 0 outside, where 0 / 0 must not arise.
  if (outside && count->op != Scalar::constant) {
    for (std::size_t i = 2; i < index.size(); ++i) require(index[i] >= Expr(0) && index[i] < Expr(d.size(0, static_cast<int>(i))));
    outside = false;
  }
  Expr term = d.read(0, index, outside ? zero : Expr()) / cast(count, d.dtype(0));
  if (counts) term = select(counts, term, zero);
  d.output(d.dtype(0), axes, d.sum(over, term));
}

std::vector<AttributeSpec> with_input_size() {
  std::vector<AttributeSpec> all = attributes();
  all.push_back({"input_size", std::vector<Dim>{}, "spatial sizes of the pooled value", true});
  return all;
}

Attributes shared(const Call& call) { return attributes_of(call, attributes()); }

const Register average_pool{{.name = "average_pool",
                             .about = "y[n,c,o] = mean over r of x[n, c, o*stride + r*dilation - pad]",
                             .inputs = {{"x"}},
                             .attributes = attributes(),
                             .define = define_pool,
                             .gradient =
                                 [](const GradientContext& g) {
                                   Attributes given = shared(g.call);
                                   given["input_size"] = spatial_sizes(g.inputs[0].type());
                                   return std::vector<Var>{g.build.call("average_pool_gradient", {g.cotangents[0]}, std::move(given))};
                                 },
                             .onnx = {{"AveragePool",
                                       1,
                                       {{"kernel_shape", "kernel_size"},
                                        {"strides", "strides"},
                                        {"pads", "pads"},
                                        {"dilations", "dilations"},
                                        {"ceil_mode", "ceil_mode"},
                                        {"count_include_pad", "count_include_pad"}}}}}};

const Register average_pool_gradient{{.name = "average_pool_gradient",
                                      .about = "dx[n,c,i] = sum of dy / (elements of the window) over the windows that hold i",
                                      .inputs = {{"dy"}},
                                      .attributes = with_input_size(),
                                      .define = define_gradient,
                                      .gradient = [](const GradientContext& g) {
                                        return std::vector<Var>{g.build.call("average_pool", {g.cotangents[0]}, shared(g.call))};
                                      }}};

}  // namespace
}  // namespace neap::average_pool_operator
