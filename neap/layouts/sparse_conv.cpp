#include "neap/layouts/sparse_conv.h"

#include "neap/layouts/packing.h"
#include "neap/ops/window.h"

namespace neap {
namespace {

// All stored elements, at all places of their windows.
struct Walk {
  StoredPoints points;
  std::vector<Axis> places;  // n, o...
  std::vector<Expr> x, y;    // what stands there: [n, c, i...] and [n, row, o...]
  std::vector<Dim> x_sizes, y_sizes;
  Window window;
};

// `x`: the sizes of the pictures. `summed`: over n and o....
Walk walk(Definition& d, const SparseLayout& layout, int first_place, const Shape& x, bool summed) {
  const Call& call = d.call();
  const Shape& size = call.dims("size");
  Window window(call, call.dims("window"));
  if (static_cast<int>(x.size()) != window.rank() + 2)
    call.fail(fmt::format("x is {}, the window has {} axes", to_string(x), window.rank()), "batch, channels, and the window's axes");
  if (size.size() != 2 || !(size[1] == x[1] * element_count(window.kernel)))
    call.fail(fmt::format("the matrix is {}, x has {} channels", to_string(size), x[1].to_string()),
              "a row holds the window of each channel");
  Walk made{layout.points(d, first_place), {}, {}, {}, x, {x[0], size[0]}, window};
  const auto axis = [&](const std::string& name, const Dim& extent) {
    made.places.push_back(summed ? d.over(name, extent) : d.axis(name, extent));
    return axis_position(made.places.back());
  };
  const Expr n = axis("n", x[0]);
  std::vector<Expr> taps_at;
  Expr rest = kept_within(made.points, made.points.column, size[1]);
  for (int i = window.rank() - 1; i >= 0; --i) {
    const Expr extent = window.kernel[static_cast<std::size_t>(i)];
    taps_at.insert(taps_at.begin(), make(Scalar::mod, {rest, extent}));
    rest = make(Scalar::floor_div, {rest, extent});
  }
  made.x = {n, rest};
  made.y = {n, kept_within(made.points, made.points.row, size[0])};
  for (int i = 0; i < window.rank(); ++i) {
    made.y_sizes.push_back(window.output_size(call, i, x[static_cast<std::size_t>(i) + 2]));
    made.y.push_back(axis(fmt::format("o{}", i), made.y_sizes.back()));
    made.x.push_back(window.index(i, made.y.back(), taps_at[static_cast<std::size_t>(i)]));
  }
  return made;
}

// Of an operand, 0 outside of the pictures.
Expr read_pictures(const Definition& d, int input, const Walk& at) {
  return d.read(input, at.x, at.window.padded() ? constant(d.dtype(input), 0) : Expr());
}

void check_cotangent(const Definition& d, const Walk& at) {
  if (!(d.call().input(0).shape == at.y_sizes))
    d.call().fail(fmt::format("dy is {}, the convolution gives {}", d.call().input(0).to_string(), to_string(at.y_sizes)));
}

void define_conv(Definition& d, const SparseLayout& layout) {
  check_weights(d.call(), layout);
  const Walk at = walk(d, layout, 2, d.call().input(0).shape, false);
  const Expr weight = cast(d.read(1, at.points.place), d.dtype(0));
  d.scatter({d.dtype(0), at.y_sizes, {}}, at.y, where_inside(at.points, weight * read_pictures(d, 0, at)), Accumulate::sum);
}

// What a tap finds outside of the picture is not added anywhere.
void define_input(Definition& d, const SparseLayout& layout) {
  const Call& call = d.call();
  check_weights(call, layout);
  const Shape &inner = call.dims("input_size"), &size = call.dims("size");
  Dim channels;
  if (size.size() != 2 || !Dim::divide_exactly(size[1], element_count(call.dims("window")), channels))
    call.fail(fmt::format("the matrix is {}, the window {}", to_string(size), to_string(call.dims("window"))),
              "a row holds the window of each channel");
  Shape x{call.input(0).rank() > 0 ? d.size(0, 0) : Dim(1), channels};
  x.insert(x.end(), inner.begin(), inner.end());
  Walk at = walk(d, layout, 2, x, false);
  check_cotangent(d, at);
  Expr value = cast(d.read(1, at.points.place), d.dtype(0)) * d.read(0, at.y);
  for (std::size_t i = 2; at.window.padded() && i < at.x.size(); ++i) {
    const Expr inside = Expr(0) <= at.x[i] && at.x[i] < Expr(x[i]);
    value = select(inside, value, constant(value.dtype(), 0));
    at.x[i] = max(Expr(0), min(at.x[i], Expr(x[i]) - Expr(1)));
  }
  d.scatter({d.dtype(0), x, {}}, at.x, where_inside(at.points, value), Accumulate::sum);
}

void define_conv_sample(Definition& d, const SparseLayout& layout) {
  if (d.dtype(0) != d.dtype(1))
    d.call().fail(fmt::format("operands are {} and {}", name(d.dtype(0)), name(d.dtype(1))), "cast one of them");
  const Walk at = walk(d, layout, 2, d.call().input(1).shape, true);
  check_cotangent(d, at);
  const Expr value = d.sum(at.places, d.read(0, at.y) * read_pictures(d, 1, at));
  d.scatter({d.dtype(0), layout.values_shape(d.call(), 2), {}}, at.points.place, where_inside(at.points, value), Accumulate::none);
}

// The three are bilinear: the gradients of one are the other two.
using Vars = std::vector<Var>;
struct Related {
  const GradientContext& g;
  const SparseLayout& layout;

  // With the places of the operands.
  Var call(const char* what, Vars front, const Var* input_like = nullptr) const {
    front.insert(front.end(), g.inputs.begin() + 2, g.inputs.end());
    Attributes attributes = g.call.attributes();
    attributes.erase("input_size");
    if (input_like != nullptr) attributes["input_size"] = Shape(input_like->shape().begin() + 2, input_like->shape().end());
    return g.build.call(layout.op(what), front, attributes);
  }
  Vars gradients(const Var& first, const Var& second) const {
    Vars all(g.inputs.size());
    all[0] = first;
    all[1] = cast(second, g.inputs[1].dtype());
    return all;
  }
};

Vars conv_gradient(const GradientContext& g, const SparseLayout& layout) {
  const Related related{g, layout};
  const Var &x = g.inputs[0], &values = g.inputs[1], &dy = g.cotangents[0];
  return related.gradients(related.call("conv_input", {dy, values}, &x), related.call("conv_sample", {dy, x}));
}
Vars input_gradient(const GradientContext& g, const SparseLayout& layout) {
  const Related related{g, layout};
  const Var &dy = g.inputs[0], &values = g.inputs[1], &dx = g.cotangents[0];
  return related.gradients(related.call("conv", {dx, values}), related.call("conv_sample", {dy, dx}));
}
Vars conv_sample_gradient(const GradientContext& g, const SparseLayout& layout) {
  const Related related{g, layout};
  const Var &dy = g.inputs[0], &x = g.inputs[1], &values = g.cotangents[0];
  return related.gradients(related.call("conv", {x, values}), related.call("conv_input", {dy, values}, &x));
}

Operator conv_operator(const SparseLayout& layout, const char* what, const char* about, std::vector<InputSpec> inputs,
                       void (*define)(Definition&, const SparseLayout&), Vars (*gradient)(const GradientContext&, const SparseLayout&)) {
  Operator op;
  op.name = layout.op(what);
  op.about = fmt::format("{} ({})", about, layout.about);
  op.inputs = std::move(inputs);
  op.attributes = window_attributes();
  op.attributes.push_back({"size", Shape{}, "rows and columns of the matrix", true});
  op.attributes.push_back({"window", Shape{}, "sizes of the window", true});
  for (const ChoiceNumber& number : layout.numbers)
    op.attributes.push_back({number.name, static_cast<std::int64_t>(number.default_value), number.about});
  op.define = [&layout, define](Definition& d) { define(d, layout); };
  op.gradient = [&layout, gradient](const GradientContext& g) { return gradient(g, layout); };
  return op;
}

}  // namespace

std::vector<Operator> conv_operators(const SparseLayout& layout) {
  const auto with = [&](std::vector<InputSpec> front, std::size_t first) {
    front.insert(front.end(), layout.components.begin() + static_cast<std::ptrdiff_t>(first), layout.components.end());
    return front;
  };
  std::vector<Operator> all{
      conv_operator(layout, "conv", "convolution with stored filters", with({{"x"}}, 0), define_conv, conv_gradient),
      conv_operator(layout, "conv_input", "the gradient of a convolution's input", with({{"dy"}}, 0), define_input, input_gradient),
      conv_operator(layout, "conv_sample", "the gradient of a convolution's stored filters", with({{"dy"}, {"x"}}, 1), define_conv_sample,
                    conv_sample_gradient)};
  all[1].attributes.push_back({"input_size", Shape{}, "sizes of the window's axes in the input", true});
  return all;
}

}  // namespace neap
