// Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762).
#include <cmath>

#include "neap/ops/composition.h"

namespace neap::attention_operator {
namespace {

void define_causal(Definition& d) {
  if (d.call().input(0).rank() < 2 || !is_float(d.dtype(0))) d.call().fail("takes floating-point scores [..., queries, keys]");
  const std::vector<Axis> axes = d.axes_like(0);
  const Expr hidden = d.at(axes.back()) > d.at(axes[axes.size() - 2]);
  d.output(d.dtype(0), axes, select(hidden, constant(d.dtype(0), d.call().number("value")), d.read(0, positions(axes))));
}

const Register causal_mask{{.name = "causal_mask",
                            .about = "x[..., i, j] where j <= i, else a value",
                            .inputs = {{"x"}},
                            .attributes = {{"value", -HUGE_VAL, "what stands for a key after its query"}},
                            .define = define_causal,
                            .gradient = [](const GradientContext& g) {
                              return std::vector<Var>{g.build.call("causal_mask", {g.cotangents[0]}, {{"value", 0.0}})};
                            }}};

std::vector<Var> compose(Builder& build, const std::vector<Var>& inputs, const Call& call) {
  const Var &q = inputs[0], &k = inputs[1], &v = inputs[2];
  if (q.rank() < 2 || k.rank() < 2 || v.rank() < 2 || !is_float(q.dtype())) call.fail("takes floating-point [..., positions, features]");
  Var scores = build.call("matmul", {q, k}, {{"transpose_b", true}});
  const double scale = call.number("scale");
  if (scale != 0) {
    scores = scores * scale;
  } else {
    scores = scores * rsqrt(size_number(build, q.dtype(), q.size(-1)));
  }
  if (inputs.size() > 3 && inputs[3]) {
    const Var& mask = inputs[3];
    scores = mask.dtype() == DType::boolean ? where(mask, scores, build.constant(q.dtype(), -HUGE_VAL)) : scores + mask;
  }
  if (call.flag("causal")) scores = build.call("causal_mask", {scores});
  return {matmul(build.call("softmax", {scores}), v)};
}

const Register attention{{.name = "attention",
                          .about = "softmax(q k^T * scale + mask) v over the last two axes; a mask of bools says which keys count",
                          .inputs = {{"q"}, {"k"}, {"v"}, {"mask", InputSpec::optional}},
                          .attributes = {{"scale", 0.0, "0: 1 / sqrt(features)"}, {"causal", false, "no query sees a later key"}},
                          .compose = compose}};

}  // namespace
}  // namespace neap::attention_operator
