// Products so far.
#include "neap/ops/builder.h"

namespace neap::cumulative_operator {
namespace {

// d y[i] / d x[j] is the product of all but x[j], also where one of them is zero: products are taken over the elements that are not zero,
// and the zeros are counted.
std::vector<Var> cumulative_product_gradient(const GradientContext& g) {
  Builder& build = g.build;
  const Var x = g.inputs[0], zero = build.constant(x.dtype(), 0), one = build.constant(x.dtype(), 1);
  const std::int64_t axis = g.call.integer("axis");
  const Var is_zero = build.call("equal", {x, zero});
  const Var others = where(is_zero, one, x);
  const Var product = build.call("cumulative_product", {others}, {{"axis", axis}});
  const Var zeros = build.call("cumulative_sum", {cast(is_zero, DType::i64)}, {{"axis", axis}});
  // Sums over i >= j of dy[i] times the product, where `count` zeros are among the first i.
  const auto total = [&](std::int64_t count) {
    const Var counted = build.call("equal", {zeros, build.constant(DType::i64, static_cast<double>(count))});
    const Var terms = where(counted, g.cotangents[0] * product, zero);
    return build.call("cumulative_sum", {terms}, {{"axis", axis}, {"reverse", true}});
  };
  return {where(is_zero, total(1), total(0) / others)};
}

const Register cumulative_product{{.name = "cumulative_product",
                                   .about = "y[i] = product of x[j] for j <= i",
                                   .inputs = {{"x"}},
                                   .attributes = {{"axis", std::int64_t{-1}, "along which axis"}},
                                   .define =
                                       [](Definition& d) {
                                         const auto axis = static_cast<std::size_t>(d.call().axis("axis", d.call().input(0).rank()));
                                         const std::vector<Axis> axes = d.axes_like(0);
                                         const Axis j = d.over("j", axes[axis].extent);
                                         std::vector<Expr> index = positions(axes);
                                         const Expr counts = axis_position(j) <= index[axis];
                                         index[axis] = axis_position(j);
                                         d.output(d.dtype(0), axes,
                                                  reduce(Reduction::prod, {j}, select(counts, d.read(0, index), constant(d.dtype(0), 1))));
                                       },
                                   .gradient = cumulative_product_gradient}};

}  // namespace
}  // namespace neap::cumulative_operator
