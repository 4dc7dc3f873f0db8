// The largest element of each window. The gradient goes to the first largest of a window: its tap's number is found once, then each
// element of dx gathers from the windows that may have chosen it.
#include <cmath>

#include "neap/ops/builder.h"
#include "neap/ops/pool.h"

namespace neap::max_pool_operator {
namespace {

// x at tap r... of the window at axes n, c, o...; below everything in the padding.
Expr read_tap(const Definition& d, const Window& window, const std::vector<Axis>& axes, const std::vector<Expr>& taps) {
  std::vector<Expr> index{d.at(axes[0]), d.at(axes[1])};
  for (int i = 0; i < window.rank(); ++i) {
    index.push_back(window.index(i, d.at(axes[static_cast<std::size_t>(i) + 2]), taps[static_cast<std::size_t>(i)]));
  }
  return d.read(0, index, window.padded() ? constant(d.dtype(0), -HUGE_VAL) : Expr());
}

// The taps of a window in one row: number -> tap on each axis.
std::vector<Expr> unravel(const Window& window, Expr number) {
  std::vector<Expr> taps(window.kernel.size());
  for (std::size_t i = taps.size(); i-- > 0;) {
    taps[i] = i == 0 ? number : make(Scalar::mod, {number, Expr(window.kernel[i])});
    if (i > 0) number = make(Scalar::floor_div, {number, Expr(window.kernel[i])});
  }
  return taps;
}

void define_pool(Definition& d) {
  const Window window = pool_window(d.call());
  const std::vector<Axis> axes = pool_axes(d, pooled_sizes(d.call(), window, spatial_sizes(d.call().input(0))));
  const std::vector<Axis> r = axes_over(d, "r", window.kernel);
  d.output(d.dtype(0), axes, reduce(Reduction::max, r, read_tap(d, window, axes, positions(r))));
}

void define_tap(Definition& d) {
  const Window window = pool_window(d.call());
  const std::vector<Axis> axes = pool_axes(d, pooled_sizes(d.call(), window, spatial_sizes(d.call().input(0))));
  const Axis tap = d.over("r", element_count(window.kernel));
  d.output(DType::i32, axes, reduce(Reduction::argmax, {tap}, read_tap(d, window, axes, unravel(window, d.at(tap)))));
}

void define_gather(Definition& d) {
  const Window window = pool_window(d.call());
  if (d.call().input(0).rank() != window.rank() + 2 || d.call().input(1).rank() != window.rank() + 2)
    d.call().fail("the value and the taps do not have a batch, channels and the window's axes");
  const std::vector<Axis> axes = pool_axes(d, spatial_sizes(d.call().input(1)));
  const Expr tap = cast(d.read(1, positions(axes)), DType::i64);
  std::vector<Expr> index{d.at(axes[0]), d.at(axes[1])};
  const std::vector<Expr> taps = unravel(window, tap);
  for (std::size_t i = 0; i < taps.size(); ++i) index.push_back(window.index(static_cast<int>(i), d.at(axes[i + 2]), taps[i]));
  d.output(d.dtype(0), axes, d.read(0, index, window.padded() ? constant(d.dtype(0), 0) : Expr()));
}

void define_gradient(Definition& d) {
  const Window window = pool_window(d.call());
  const Shape& sizes = d.call().dims("input_size");
  if (static_cast<int>(sizes.size()) != window.rank() || pooled_sizes(d.call(), window, sizes) != spatial_sizes(d.call().input(0)) ||
      d.call().input(0).shape != d.call().input(1).shape) {
    d.call().fail("the cotangent and the taps do not come from an input of this size");
  }
  const std::vector<Axis> axes = pool_axes(d, sizes);
  std::vector<Axis> over;
  std::vector<Expr> at{d.at(axes[0]), d.at(axes[1])};
  Expr number, counts;
  const auto require = [&](const Expr& condition) { counts = counts ? counts && condition : condition; };
  for (int i = 0; i < window.rank(); ++i) {
    const Taps taps(d, window, i, d.at(axes[static_cast<std::size_t>(i) + 2]));
    const Expr size(window.kernel[static_cast<std::size_t>(i)]);
    over.push_back(taps.axis);
    at.push_back(taps.o);
    number = number ? number * size + taps.r : taps.r;
    if (taps.exact) require(taps.exact);
    if (taps.r_outside) require(taps.r < size);
  }
  require(d.read(1, at, constant(DType::i32, -1)) == cast(number, DType::i32));
  const Expr zero = constant(d.dtype(0), 0);
  d.output(d.dtype(0), axes, d.sum(over, select(counts, d.read(0, at, zero), zero)));
}

std::vector<AttributeSpec> with_input_size() {
  std::vector<AttributeSpec> all = pool_attributes();
  all.push_back({"input_size", std::vector<Dim>{}, "spatial sizes of the pooled value", true});
  return all;
}

Attributes shared(const Call& call) { return attributes_of(call, pool_attributes()); }

Var spread(const GradientContext& g, const Var& dy, const Var& tap, const Shape& input_size) {
  Attributes given = shared(g.call);
  given["input_size"] = input_size;
  return g.build.call("max_pool_gradient", {dy, tap}, std::move(given));
}

const Register max_pool{{.name = "max_pool",
                         .about = "y[n,c,o] = max over r of x[n, c, o*stride + r*dilation - pad]; NaN wins, padding never does",
                         .inputs = {{"x"}},
                         .attributes = pool_attributes(),
                         .define = define_pool,
                         .gradient =
                             [](const GradientContext& g) {
                               const Var tap = g.build.call("max_pool_tap", {g.inputs[0]}, shared(g.call));
                               return std::vector<Var>{spread(g, g.cotangents[0], tap, spatial_sizes(g.inputs[0].type()))};
                             },
                         .onnx = {{"MaxPool",
                                   1,
                                   {{"kernel_shape", "kernel_size"},
                                    {"strides", "strides"},
                                    {"pads", "pads"},
                                    {"dilations", "dilations"},
                                    {"ceil_mode", "ceil_mode"}}}}}};

const Register max_pool_tap{{.name = "max_pool_tap",
                             .about = "which tap of its window is the first largest, taps counted in row-major order",
                             .inputs = {{"x"}},
                             .attributes = pool_attributes(),
                             .define = define_tap,
                             .differentiable = false}};

const Register max_pool_gradient{
    {.name = "max_pool_gradient",
     .about = "dx[n,c,i] = sum of dy over the windows whose largest element is i",
     .inputs = {{"dy"}, {"tap"}},
     .attributes = with_input_size(),
     .define = define_gradient,
     .gradient = [](const GradientContext& g) {
       return std::vector<Var>{g.build.call("max_pool_gather", {g.cotangents[0], g.inputs[1]}, shared(g.call))};
     }}};

const Register max_pool_gather{{.name = "max_pool_gather",
                                .about = "y[n,c,o] = x at the given tap of each window",
                                .inputs = {{"x"}, {"tap"}},
                                .attributes = pool_attributes(),
                                .define = define_gather,
                                .gradient = [](const GradientContext& g) {
                                  return std::vector<Var>{spread(g, g.cotangents[0], g.inputs[1], spatial_sizes(g.inputs[0].type()))};
                                }}};

}  // namespace
}  // namespace neap::max_pool_operator
