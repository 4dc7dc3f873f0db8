// Normalisations by the statistics of one example. All stand on `standardize`, whose gradient takes two sums and one map.
#include "neap/ops/composition.h"

namespace neap::standardize_operator {
namespace {

const AttributeSpec epsilon_attribute{"epsilon", 1e-5, "added to the variance"};

void check_float(const Call& call) {
  if (!is_float(call.input(0).dtype)) call.fail("normalises floating-point values", "cast first");
}

std::vector<std::int64_t> axes_of(const Call& call) {
  const std::vector<int> axes = call.axes("axes", call.input(0).rank());
  return {axes.begin(), axes.end()};
}

std::vector<Var> compose_standardize(Builder&, const std::vector<Var>& inputs, const Call& call) {
  check_float(call);
  const Var& x = inputs[0];
  const std::vector<std::int64_t> axes = axes_of(call);
  if (axes.empty()) call.fail("a number has no axes");
  const Var mean = neap::mean(x, axes, true), centred = x - mean;
  const Var inverse = rsqrt(neap::mean(square(centred), axes, true) + call.number("epsilon"));
  return {centred * inverse, mean, inverse};
}

// y = (x - mean) i. With m elements: dy reaches x as i (dy - sum(dy)/m - y sum(dy y)/m), the mean's cotangent as dmean/m, and that of i,
// since di = -i^3/m (x - mean) dx, as -y i^2 di/m.
std::vector<Var> standardize_gradient(const GradientContext& g) {
  const Var &y = g.outputs[0], &inverse = g.outputs[2], &dy = g.cotangents[0];
  const std::vector<std::int64_t> axes = axes_of(g.call);
  const Var count = size_number(g.build, y.dtype(), count_over(y, axes));
  Var slope, constant, dx;
  const auto add = [](Var& sum, const Var& more) { sum = sum ? sum + more : more; };
  if (dy) {
    dx = dy * inverse;
    constant = -(sum(dy, axes, true) * inverse / count);
    slope = -(sum(dy * y, axes, true) * inverse / count);
  }
  if (g.cotangents[1]) add(constant, g.cotangents[1] / count);
  if (g.cotangents[2]) add(slope, -(square(inverse) * g.cotangents[2] / count));
  if (slope) add(dx, y * slope);
  if (constant) add(dx, constant);
  return {expand(dx, g.inputs[0].shape())};
}

const Register standardize{
    {.name = "standardize",
     .about = "y = (x - mean) / sqrt(variance + epsilon) over axes; also gives the mean and 1 / sqrt(variance + epsilon)",
     .inputs = {{"x"}},
     .attributes = {{"axes", std::vector<std::int64_t>{}, "which axes; none means all"}, epsilon_attribute},
     .compose = compose_standardize,
     .gradient = standardize_gradient}};

Var standardized(const Var& x, const std::vector<std::int64_t>& axes, double epsilon) {
  return x.build().call("standardize", {x}, {{"axes", axes}, {"epsilon", epsilon}});
}

std::vector<std::int64_t> axes_from(int first, int rank) {
  std::vector<std::int64_t> axes;
  for (int axis = first; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}

// The affine part, of the last axes.
Var scaled(const Var& y, const std::vector<Var>& inputs, const Call& call, int first) {
  const Shape last(y.shape().begin() + first, y.shape().end());
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i] && inputs[i].shape() != last) {
      call.fail(fmt::format("operand '{}' has shape {}", call.op().inputs[i].name, to_string(inputs[i].shape())),
                "that of the normalised axes: " + to_string(last));
    }
  }
  Var result = y;
  if (inputs.size() > 1 && inputs[1]) result = result * inputs[1];
  if (inputs.size() > 2 && inputs[2]) result = result + inputs[2];
  return result;
}

const AttributeSpec first_axis{"axis", std::int64_t{-1}, "the first of the axes that are normalised together, up to the last"};

const Register layer_norm{{.name = "layer_norm",
                           .about = "(x - mean) / sqrt(variance + epsilon) * scale + bias over the last axes (arXiv:1607.06450)",
                           .inputs = {{"x"}, {"scale", InputSpec::optional}, {"bias", InputSpec::optional}},
                           .attributes = {first_axis, epsilon_attribute},
                           .compose =
                               [](Builder&, const std::vector<Var>& inputs, const Call& call) {
                                 const Var& x = inputs[0];
                                 const int first = call.axis("axis", x.rank());
                                 const Var y = standardized(x, axes_from(first, x.rank()), call.number("epsilon"));
                                 return std::vector<Var>{scaled(y, inputs, call, first)};
                               },
                           .onnx = {{"LayerNormalization", 17, {{"axis", "axis"}, {"epsilon", "epsilon"}}}}}};

const Register rms_norm{{.name = "rms_norm",
                         .about = "x / sqrt(mean(x^2) + epsilon) * scale over the last axes (arXiv:1910.07467)",
                         .inputs = {{"x"}, {"scale", InputSpec::optional}},
                         .attributes = {first_axis, epsilon_attribute},
                         .compose = [](Builder&, const std::vector<Var>& inputs, const Call& call) {
                           check_float(call);
                           const Var& x = inputs[0];
                           const int first = call.axis("axis", x.rank());
                           const Var power = mean(square(x), axes_from(first, x.rank()), true);
                           return std::vector<Var>{scaled(x * rsqrt(power + call.number("epsilon")), inputs, call, first)};
                         }}};

// Standardizes [N,G,...] over all but the first two axes, then scales each channel of x[N,C,...].
Var normalise_groups(const std::vector<Var>& inputs, const Call& call, const Dim& groups) {
  check_float(call);
  const Var& x = inputs[0];
  if (x.rank() < 2) call.fail("takes [N,C,...]");
  for (int i = 1; i < call.input_count(); ++i) {
    if (call.has(i) && call.input(i).shape != Shape{x.size(1)}) {
      call.fail(
          fmt::format("operand '{}' has shape {}", call.op().inputs[static_cast<std::size_t>(i)].name, to_string(call.input(i).shape)),
          "one number a channel");
    }
  }
  Dim channels;
  if (!Dim::divide_exactly(x.size(1), groups, channels)) {
    call.fail(fmt::format("{} channels in {} groups", x.size(1).to_string(), groups.to_string()));
  }
  Shape grouped{x.size(0), groups, channels};
  grouped.insert(grouped.end(), x.shape().begin() + 2, x.shape().end());
  Var y = reshape(standardized(reshape(x, grouped), axes_from(2, static_cast<int>(grouped.size())), call.number("epsilon")), x.shape());
  if (call.has(1)) y = y * along_channels(inputs[1], x.rank());
  if (call.has(2)) y = y + along_channels(inputs[2], x.rank());
  return y;
}

const Register group_norm{{.name = "group_norm",
                           .about = "standardizes each group of channels of each example, then scale and bias a channel (arXiv:1803.08494)",
                           .inputs = {{"x"}, {"scale", InputSpec::optional}, {"bias", InputSpec::optional}},
                           .attributes = {{"groups", std::int64_t{1}, "number of groups", true}, epsilon_attribute},
                           .compose = [](Builder&, const std::vector<Var>& inputs, const Call& call) {
                             if (call.integer("groups") < 1) call.fail(fmt::format("{} groups", call.integer("groups")));
                             return std::vector<Var>{normalise_groups(inputs, call, call.integer("groups"))};
                           }}};

const Register instance_norm{{.name = "instance_norm",
                              .about = "standardizes each channel of each example, then scale and bias a channel (arXiv:1607.08022)",
                              .inputs = {{"x"}, {"scale", InputSpec::optional}, {"bias", InputSpec::optional}},
                              .attributes = {epsilon_attribute},
                              .compose =
                                  [](Builder&, const std::vector<Var>& inputs, const Call& call) {
                                    if (inputs[0].rank() < 3) call.fail("takes [N,C,...] with at least one spatial axis");
                                    return std::vector<Var>{normalise_groups(inputs, call, inputs[0].size(1))};
                                  },
                              .onnx = {{"InstanceNormalization", 6, {{"epsilon", "epsilon"}}}}}};

}  // namespace
}  // namespace neap::standardize_operator
