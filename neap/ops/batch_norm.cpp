// Batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167).
#include "neap/ops/composition.h"

namespace neap::batch_norm_operator {
namespace {

const std::vector<AttributeSpec> norm_attributes = {{"epsilon", 1e-5, "added to the variance"}};

void check_operands(const Call& call) {
  const Type& x = call.input(0);
  if (!is_float(x.dtype) || x.rank() < 2) call.fail("normalises floating-point values [N,C,...]");
  for (int i = 1; i < call.input_count(); ++i) {
    const Type& other = call.input(i);
    if (other.dtype != x.dtype || other.rank() != 1 || !(other.shape[0] == x.shape[1])) {
      call.fail(fmt::format("operand '{}' is {}", call.op().inputs[static_cast<std::size_t>(i)].name, other.to_string()),
                fmt::format("{}[{}]", name(x.dtype), x.shape[1].to_string()));
    }
  }
}

// Around a given shift (the running mean is a good one) both statistics are sums over x alone: one pass, which can join the kernel that
// makes x, and without the cancellation of E[x^2] - E[x]^2 while the shift is near the mean. Without a shift, the mean comes first.
std::pair<Var, Var> statistics(const Var& x, const Var& shift) {
  const std::vector<std::int64_t> axes = not_channels(x.rank());
  if (!shift) {
    const Var mean = neap::mean(x, axes, true);
    return {mean, neap::mean(square(x - mean), axes, true)};
  }
  const Var around = along_channels(shift, x.rank()), centred = x - around;
  const Var offset = mean(centred, axes, true), variance = mean(square(centred), axes, true) - square(offset);
  return {around + offset, x.build().call("maximum", {variance, x.build().constant(x.dtype(), 0)})};
}

std::vector<Var> compose_training(Builder&, const std::vector<Var>& inputs, const Call& call) {
  check_operands(call);
  const Var& x = inputs[0];
  const auto [mean, variance] = statistics(x, inputs.size() > 3 ? inputs[3] : Var());
  const Var scale = along_channels(inputs[1], x.rank()) * rsqrt(variance + call.number("epsilon"));
  return {(x - mean) * scale + along_channels(inputs[2], x.rank()), reshape(mean, {x.size(1)}), reshape(variance, {x.size(1)})};
}

// Two reductions over dy and x, then one map: dx = a dy + b (x - mean) + c, with a, b and c per channel. With i = 1/sqrt(variance + eps),
// s = scale and m elements a channel:
//   dy reaches dx as  s i (dy - sum(dy)/m - (x - mean) i^2 sum(dy (x - mean))/m),  dmean as dmean/m, dvariance as 2 (x - mean) dvariance/m.
std::vector<Var> training_gradient(const GradientContext& g) {
  const Var &x = g.inputs[0], &scale = g.inputs[1], &dy = g.cotangents[0];
  const int rank = x.rank();
  const std::vector<std::int64_t> axes = not_channels(rank);
  const Var count = size_number(g.build, x.dtype(), count_over(x, axes));
  const Var centred = x - along_channels(g.outputs[1], rank);
  Var a, b, c, dscale, dbias;
  const auto add = [](Var& sum, const Var& more) { sum = sum ? sum + more : more; };
  if (dy) {
    const Var inverse = rsqrt(g.outputs[2] + g.call.number("epsilon"));
    dbias = sum(dy, axes);
    const Var moment = sum(dy * centred, axes);
    dscale = moment * inverse;
    a = scale * inverse;
    b = -(a * inverse * dscale / count);
    c = -(a * dbias / count);
  }
  if (g.cotangents[1]) add(c, g.cotangents[1] / count);
  if (g.cotangents[2]) add(b, g.cotangents[2] * 2 / count);
  Var dx;
  if (a) add(dx, dy * along_channels(a, rank));
  if (b) add(dx, centred * along_channels(b, rank));
  if (c) add(dx, along_channels(c, rank));
  return {expand(dx, x.shape()), dscale, dbias};
}

std::vector<Type> training_shape(const Call& call) {
  check_operands(call);
  const Type& x = call.input(0);
  const Type channel{x.dtype, {x.shape[1]}, {}};
  return {x, channel, channel};
}

std::vector<Var> compose_inference(Builder&, const std::vector<Var>& inputs, const Call& call) {
  check_operands(call);
  const Var& x = inputs[0];
  const auto wide = [&](const Var& per_channel) { return along_channels(per_channel, x.rank()); };
  return {(x - wide(inputs[3])) * wide(inputs[1] * rsqrt(inputs[4] + call.number("epsilon"))) + wide(inputs[2])};
}

const Register batch_norm{{.name = "batch_norm",
                           .about = "y = (x - mean) / sqrt(variance + epsilon) * scale + bias per channel (axis 1); also gives the batch's "
                                    "mean and biased variance, summed around the shift if there is one",
                           .inputs = {{"x"}, {"scale"}, {"bias"}, {"shift", InputSpec::optional}},
                           .attributes = norm_attributes,
                           .compose = compose_training,
                           .gradient = training_gradient,
                           .shape = training_shape}};

const Register batch_norm_inference{{.name = "batch_norm_inference",
                                     .about = "y = (x - mean) / sqrt(variance + epsilon) * scale + bias per channel (axis 1)",
                                     .inputs = {{"x"}, {"scale"}, {"bias"}, {"mean"}, {"variance"}},
                                     .attributes = norm_attributes,
                                     .compose = compose_inference,
                                     .shape =
                                         [](const Call& call) {
                                           check_operands(call);
                                           return std::vector<Type>{call.input(0)};
                                         },
                                     .onnx = {{"BatchNormalization", 9, {{"epsilon", "epsilon"}}}}}};

}  // namespace
}  // namespace neap::batch_norm_operator
