// Convolution over 1 to 3 spatial axes, and the two operators that are its gradients. The three are bilinear and the gradients of one
// another, so that they can be differentiated any number of times. All gather: each element of a result is one sum.
#include <algorithm>

#include "neap/ops/builder.h"
#include "neap/ops/window.h"

namespace neap::conv_operator {
namespace {

std::vector<AttributeSpec> conv_attributes(std::vector<AttributeSpec> more = {}) {
  std::vector<AttributeSpec> attributes = window_attributes();
  attributes.push_back({"groups", std::int64_t{1}, "channels are cut into this many groups that do not meet"});
  attributes.insert(attributes.end(), more.begin(), more.end());
  return attributes;
}

// The channels of w: [K, C/groups, ...]. With one group, and where each channel has a filter of its own (depthwise), all indices are
// affine.
struct Channels {
  std::int64_t groups;
  Dim in, out;                    // C, K
  Dim in_of_group, out_of_group;  // C / groups, K / groups
  bool depthwise;

  Channels(const Call& call, const Dim& out_channels, const Dim& in_channels_of_group)
      : groups(call.integer("groups")), out(out_channels), in_of_group(in_channels_of_group) {
    if (groups < 1) call.fail(fmt::format("groups is {}", groups), "at least 1");
    in = in_of_group * Dim(groups);
    out_of_group = floor_div(out, groups);
    if (!(out_of_group * Dim(groups) == out)) call.fail(fmt::format("{} filters in {} groups", out.to_string(), groups));
    depthwise = groups > 1 && in_of_group == Dim(1) && out_of_group == Dim(1);
  }
  // Input channel that filter k reads as its c-th.
  Expr input(const Expr& k, const Expr& c) const {
    if (groups == 1) return c;
    if (depthwise) return k;
    return make(Scalar::floor_div, {k, Expr(out_of_group)}) * Expr(in_of_group) + c;
  }
};

void check_operands(const Call& call, int first, int second) {
  const Type &a = call.input(first), &b = call.input(second);
  if (a.rank() < 3 || a.rank() > 5 || b.rank() != a.rank()) {
    call.fail("takes operands of one rank, 3 to 5", "batch, channels, and 1 to 3 spatial axes");
  }
  if (a.dtype != b.dtype) call.fail(fmt::format("operands are {} and {}", name(a.dtype), name(b.dtype)), "cast one of them");
}

// x[n, channel, o * stride + r * dilation - pad], 0 in the padding.
Expr read_window(const Definition& d, const Window& window, const Expr& n, const Expr& channel, const std::vector<Axis>& o,
                 const std::vector<Axis>& r) {
  std::vector<Expr> index{n, channel};
  for (int i = 0; i < window.rank(); ++i) {
    index.push_back(window.index(i, d.at(o[static_cast<std::size_t>(i)]), d.at(r[static_cast<std::size_t>(i)])));
  }
  return d.read(0, index, window.padded() ? constant(d.dtype(0), 0) : Expr());
}

std::vector<Expr> join(std::vector<Expr> head, const std::vector<Axis>& tail) {
  for (const Axis& axis : tail) head.push_back(axis_position(axis));
  return head;
}

std::vector<Axis> join(std::vector<Axis> head, const std::vector<Axis>& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

void define_conv(Definition& d) {
  const Call& call = d.call();
  check_operands(call, 0, 1);
  const Channels channels(call, d.size(1, 0), d.size(1, 1));
  const Window window(call, spatial_sizes(call.input(1)));
  if (!(channels.in == d.size(0, 1))) {
    call.fail(fmt::format("the input has {} channels, the filters take {}", d.size(0, 1).to_string(), channels.in.to_string()));
  }
  const Axis n = d.axis("n", d.size(0, 0)), k = d.axis("k", channels.out);
  std::vector<Axis> o;
  for (int i = 0; i < window.rank(); ++i) o.push_back(d.axis(fmt::format("o{}", i), window.output_size(call, i, d.size(0, i + 2))));
  const Axis c = d.over("c", channels.in_of_group);
  const std::vector<Axis> r = axes_over(d, "r", window.kernel);
  const Expr at_c = channels.depthwise ? Expr(0) : d.at(c);
  const Expr x = read_window(d, window, d.at(n), channels.input(d.at(k), at_c), o, r);
  Expr y = d.sum(channels.depthwise ? r : join({c}, r), x * d.read(1, join({d.at(k), at_c}, r)));
  if (call.has(2)) {
    const Type& bias = call.input(2);
    if (bias.dtype != d.dtype(0) || bias.rank() != 1 || !(bias.shape[0] == channels.out)) {
      call.fail(fmt::format("a bias of {} for {} filters", bias.to_string(), channels.out.to_string()));
    }
    y = y + d.read(2, {d.at(k)});
  }
  d.output(d.dtype(0), join({n, k}, o), y);
}

void define_input_gradient(Definition& d) {
  const Call& call = d.call();
  check_operands(call, 0, 1);
  const Channels channels(call, d.size(1, 0), d.size(1, 1));
  const Window window(call, spatial_sizes(call.input(1)));
  const std::vector<Dim>& sizes = call.dims("input_size");
  if (static_cast<int>(sizes.size()) != window.rank())
    call.fail(fmt::format("input_size has {} sizes, not {}", sizes.size(), window.rank()));
  if (!(channels.out == d.size(0, 1))) {
    call.fail(fmt::format("the cotangent has {} channels, there are {} filters", d.size(0, 1).to_string(), channels.out.to_string()));
  }
  for (int i = 0; i < window.rank(); ++i) {
    const Dim expected = window.output_size(call, i, sizes[static_cast<std::size_t>(i)]);
    if (!(expected == d.size(0, i + 2))) {
      call.fail(fmt::format("the cotangent has {} elements on axis {}, the convolution gives {}", d.size(0, i + 2).to_string(), i + 2,
                            expected.to_string()));
    }
  }
  const Axis n = d.axis("n", d.size(0, 0)), c = d.axis("c", channels.in);
  std::vector<Axis> x;
  for (const Dim& size : sizes) x.push_back(d.axis(fmt::format("i{}", x.size()), size));
  const Axis k = d.over("k", channels.out_of_group);
  Expr filter = d.at(k), channel = d.at(c);
  if (channels.depthwise) {
    filter = d.at(c);
    channel = 0;
  } else if (channels.groups > 1) {
    filter = make(Scalar::floor_div, {d.at(c), Expr(channels.in_of_group)}) * Expr(channels.out_of_group) + d.at(k);
    channel = make(Scalar::mod, {d.at(c), Expr(channels.in_of_group)});
  }
  std::vector<Axis> over;
  if (!channels.depthwise) over.push_back(k);
  std::vector<Expr> at_dy{d.at(n), filter}, at_w{filter, channel};
  Expr exact;
  bool o_outside = false, r_outside = false;
  for (int i = 0; i < window.rank(); ++i) {
    const Taps taps(d, window, i, d.at(x[static_cast<std::size_t>(i)]));
    over.push_back(taps.axis);
    at_dy.push_back(taps.o);
    at_w.push_back(taps.r);
    if (taps.exact) exact = exact ? exact && taps.exact : taps.exact;
    o_outside |= taps.o_outside;
    r_outside |= taps.r_outside;
  }
  const Expr zero = constant(d.dtype(0), 0);
  Expr term = d.read(0, at_dy, o_outside ? zero : Expr()) * d.read(1, at_w, r_outside ? zero : Expr());
  if (exact) term = select(exact, term, zero);
  d.output(d.dtype(0), join({n, c}, x), d.sum(over, term));
}

void define_weight_gradient(Definition& d) {
  const Call& call = d.call();
  check_operands(call, 0, 1);
  const std::vector<Dim>& kernel = call.dims("kernel_size");
  if (static_cast<int>(kernel.size()) != call.input(0).rank() - 2) {
    call.fail(fmt::format("kernel_size has {} sizes, not {}", kernel.size(), call.input(0).rank() - 2));
  }
  const std::int64_t groups = std::max<std::int64_t>(call.integer("groups"), 1);
  const Channels channels(call, d.size(1, 1), floor_div(d.size(0, 1), groups));
  const Window window(call, kernel);
  if (!(channels.in == d.size(0, 1))) call.fail(fmt::format("{} channels in {} groups", d.size(0, 1).to_string(), groups));
  if (!(d.size(0, 0) == d.size(1, 0))) {
    call.fail(fmt::format("batches of {} and {}", d.size(0, 0).to_string(), d.size(1, 0).to_string()));
  }
  for (int i = 0; i < window.rank(); ++i) {
    const Dim expected = window.output_size(call, i, d.size(0, i + 2));
    if (!(expected == d.size(1, i + 2))) {
      call.fail(fmt::format("the cotangent has {} elements on axis {}, the convolution gives {}", d.size(1, i + 2).to_string(), i + 2,
                            expected.to_string()));
    }
  }
  const Axis k = d.axis("k", channels.out), c = d.axis("c", channels.in_of_group);
  std::vector<Axis> r;
  for (const Dim& size : kernel) r.push_back(d.axis(fmt::format("r{}", r.size()), size));
  const Axis n = d.over("n", d.size(0, 0));
  const std::vector<Axis> o = axes_over(d, "o", spatial_sizes(call.input(1)));
  const Expr x = read_window(d, window, d.at(n), channels.input(d.at(k), channels.depthwise ? Expr(0) : d.at(c)), o, r);
  d.output(d.dtype(0), join({k, c}, r), d.sum(join({n}, o), x * d.read(1, join({d.at(n), d.at(k)}, o))));
}

Attributes shared(const Call& call) { return attributes_of(call, conv_attributes()); }

Var conv(const GradientContext& g, const Var& x, const Var& w) { return g.build.call("conv", {x, w}, shared(g.call)); }

Var input_gradient(const GradientContext& g, const Var& dy, const Var& w, const Shape& input_size) {
  Attributes attributes = shared(g.call);
  attributes["input_size"] = input_size;
  return g.build.call("conv_input_gradient", {dy, w}, std::move(attributes));
}

Var weight_gradient(const GradientContext& g, const Var& x, const Var& dy, const Shape& kernel_size) {
  Attributes attributes = shared(g.call);
  attributes["kernel_size"] = kernel_size;
  return g.build.call("conv_weight_gradient", {x, dy}, std::move(attributes));
}

const Register conv_operator{
    {.name = "conv",
     .about = "y[n,k,o] = bias[k] + sum_{c,r} x[n, c, o*stride + r*dilation - pad] * w[k,c,r], 0 in the padding; c over the group of k",
     .inputs = {{"x"}, {"w"}, {"bias", InputSpec::optional}},
     .attributes = conv_attributes(),
     .define = define_conv,
     .gradient =
         [](const GradientContext& g) {
           const Var &x = g.inputs[0], &w = g.inputs[1], &dy = g.cotangents[0];
           std::vector<Var> gradients{input_gradient(g, dy, w, spatial_sizes(x.type())),
                                      weight_gradient(g, x, dy, spatial_sizes(w.type()))};
           if (g.call.has(2)) {
             std::vector<std::int64_t> axes{0};
             for (int axis = 2; axis < dy.rank(); ++axis) axes.push_back(axis);
             gradients.push_back(sum(dy, axes));
           }
           return gradients;
         },
     .onnx = {{"Conv", 1, {{"strides", "strides"}, {"pads", "pads"}, {"dilations", "dilations"}, {"group", "groups"}}}}}};

const Register conv_input_gradient{
    {.name = "conv_input_gradient",
     .about = "dx[n,c,i] = sum of dy[n,k,o] * w[k,c,r] over k, o, r with o*stride + r*dilation - pad == i",
     .inputs = {{"dy"}, {"w"}},
     .attributes = conv_attributes({{"input_size", std::vector<Dim>{}, "spatial sizes of the convolution's input", true}}),
     .define = define_input_gradient,
     .gradient = [](const GradientContext& g) {
       const Var &dy = g.inputs[0], &w = g.inputs[1], &ddx = g.cotangents[0];
       return std::vector<Var>{conv(g, ddx, w), weight_gradient(g, ddx, dy, spatial_sizes(w.type()))};
     }}};

const Register conv_weight_gradient{
    {.name = "conv_weight_gradient",
     .about = "dw[k,c,r] = sum_{n,o} x[n, c, o*stride + r*dilation - pad] * dy[n,k,o]",
     .inputs = {{"x"}, {"dy"}},
     .attributes = conv_attributes({{"kernel_size", std::vector<Dim>{}, "spatial sizes of the filters", true}}),
     .define = define_weight_gradient,
     .gradient = [](const GradientContext& g) {
       const Var &x = g.inputs[0], &dy = g.inputs[1], &ddw = g.cotangents[0];
       return std::vector<Var>{input_gradient(g, dy, ddw, spatial_sizes(x.type())), conv(g, x, ddw)};
     }}};

}  // namespace
}  // namespace neap::conv_operator
