// Softmax and its logarithm along an axis, shifted by the maximum so that nothing overflows. A row of nothing but -inf gives NaN.
#include "neap/ops/composition.h"

namespace neap::softmax_operator {
namespace {

const std::vector<AttributeSpec> axis_attribute = {{"axis", std::int64_t{-1}, "along which axis"}};

std::vector<std::int64_t> axes(const Call& call) {
  const Type& x = call.input(0);
  if (!is_float(x.dtype)) call.fail("takes floating-point values", "cast first");
  return {call.axis("axis", x.rank())};
}

std::vector<Type> like_input(const Call& call) {
  axes(call);
  return {call.input(0)};
}

const Register softmax{{.name = "softmax",
                        .about = "exp(x - max x) / sum exp(x - max x) along an axis",
                        .inputs = {{"x"}},
                        .attributes = axis_attribute,
                        .compose =
                            [](Builder&, const std::vector<Var>& inputs, const Call& call) {
                              const Var e = exp(inputs[0] - max(inputs[0], axes(call), true));
                              return std::vector<Var>{e / sum(e, axes(call), true)};
                            },
                        .gradient =
                            [](const GradientContext& g) {
                              const Var &y = g.outputs[0], &dy = g.cotangents[0];
                              return std::vector<Var>{y * (dy - sum(dy * y, axes(g.call), true))};
                            },
                        .shape = like_input,
                        .onnx = {{"Softmax", 13, {{"axis", "axis"}}}}}};

const Register log_softmax{{.name = "log_softmax",
                            .about = "x - max x - log(sum exp(x - max x)) along an axis",
                            .inputs = {{"x"}},
                            .attributes = axis_attribute,
                            .compose =
                                [](Builder&, const std::vector<Var>& inputs, const Call& call) {
                                  const Var shifted = inputs[0] - max(inputs[0], axes(call), true);
                                  return std::vector<Var>{shifted - log(sum(exp(shifted), axes(call), true))};
                                },
                            .gradient =
                                [](const GradientContext& g) {
                                  const Var& dy = g.cotangents[0];
                                  return std::vector<Var>{dy - exp(g.outputs[0]) * sum(dy, axes(g.call), true)};
                                },
                            .shape = like_input,
                            .onnx = {{"LogSoftmax", 13, {{"axis", "axis"}}}}}};

}  // namespace
}  // namespace neap::softmax_operator
