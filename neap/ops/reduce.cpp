// Reductions over axes.
#include <algorithm>

#include "neap/ops/builder.h"
#include "neap/ops/composition.h"
#include "neap/ops/operator.h"

namespace neap::reduce_operator {
namespace {

const std::vector<AttributeSpec> reduction_attributes = {{"axes", std::vector<std::int64_t>{}, "which axes; none means all"},
                                                         {"keep", false, "keep the axes with size 1"}};

// Gives each reduced axis to `over` and the others to the result.
void define_reduction(Definition& d, const std::vector<int>& axes, bool keep,
                      const std::function<Expr(const std::vector<Axis>&, const Expr&)>& f) {
  std::vector<Axis> result, over;
  std::vector<Expr> index;
  const int rank = d.call().input(0).rank();
  for (int i = 0; i < rank; ++i) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), i);
    if (reduced) {
      over.push_back(d.over(fmt::format("r{}", i), d.size(0, i)));
      index.push_back(axis_position(over.back()));
      if (keep) result.push_back(d.axis(fmt::format("i{}", i), 1));
    } else {
      result.push_back(d.axis(fmt::format("i{}", i), d.size(0, i)));
      index.push_back(axis_position(result.back()));
    }
  }
  const Expr value = f(over, d.read(0, index));
  d.output(value.dtype(), result, value);
}

// dy with the reduced axes back, at size 1.
Var kept(const GradientContext& g, const Var& value) {
  Shape shape = g.inputs[0].shape();
  for (const int axis : g.call.axes("axes", g.inputs[0].rank())) shape[static_cast<std::size_t>(axis)] = 1;
  return reshape(value, shape);
}

// Sums and counts may lie beyond what 16-bit floats hold.
DType wide_dtype(DType dtype) { return is_float(dtype) && size_of(dtype) == 2 ? DType::f32 : dtype; }

Dim reduced_count(const Call& call) {
  Dim count = 1;
  for (const int axis : call.axes("axes", call.input(0).rank())) count *= call.size(0, axis);
  return count;
}

std::function<void(Definition&)> reduction(Reduction kind) {
  return [kind](Definition& d) {
    define_reduction(d, d.call().axes("axes", d.call().input(0).rank()), d.call().flag("keep"),
                     [&](const std::vector<Axis>& over, const Expr& x) { return reduce(kind, over, x); });
  };
}

// The largest and smallest send their cotangent to where they stand, shared evenly by ties.
std::vector<Var> extreme_gradient(const GradientContext& g) {
  const Var x = g.inputs[0];
  const Var at = cast(g.build.call("equal", {x, expand(kept(g, g.outputs[0]), x.shape())}), x.dtype());
  const Var ties = sum(at, g.call.integers("axes"), true);
  const Var ties_there = ties.rank() == x.rank() ? ties : kept(g, ties);
  return {at * (kept(g, g.cotangents[0]) / ties_there)};
}

const Register sum_operator{
    {.name = "sum",
     .about = "sum over axes",
     .inputs = {{"x"}},
     .attributes = reduction_attributes,
     .define = reduction(Reduction::sum),
     .gradient = [](const GradientContext& g) { return std::vector<Var>{expand(kept(g, g.cotangents[0]), g.inputs[0].shape())}; }}};

const Register mean_operator{{.name = "mean",
                              .about = "mean over axes",
                              .inputs = {{"x"}},
                              .attributes = reduction_attributes,
                              .define =
                                  [](Definition& d) {
                                    const Dim count = reduced_count(d.call());
                                    define_reduction(d, d.call().axes("axes", d.call().input(0).rank()), d.call().flag("keep"),
                                                     [&](const std::vector<Axis>& over, const Expr& x) {
                                                       const DType wide = wide_dtype(x.dtype());
                                                       return cast(d.sum(over, cast(x, wide)) / cast(Expr(count), wide), x.dtype());
                                                     });
                                  },
                              .gradient =
                                  [](const GradientContext& g) {
                                    const DType wide = wide_dtype(g.inputs[0].dtype());
                                    const Var share =
                                        cast(kept(g, g.cotangents[0]), wide) / size_number(g.build, wide, reduced_count(g.call));
                                    return std::vector<Var>{expand(cast(share, g.inputs[0].dtype()), g.inputs[0].shape())};
                                  }}};

const Register size_value{
    {.name = "size_value",
     .about = "a size of the graph's inputs, as a number",
     .inputs = {},
     .attributes = {{"size", std::vector<Dim>{Dim(1)}, "one size", true}, {"dtype", DType::f32, "dtype of the number"}},
     .define =
         [](Definition& d) {
           if (d.call().dims("size").size() != 1) d.call().fail("takes one size");
           d.output(d.call().dtype("dtype"), {}, cast(Expr(d.call().dims("size")[0]), d.call().dtype("dtype")));
         },
     .differentiable = false}};

const Register max_operator{{.name = "max",
                             .about = "largest over axes; NaN wins",
                             .inputs = {{"x"}},
                             .attributes = reduction_attributes,
                             .define = reduction(Reduction::max),
                             .gradient = extreme_gradient}};
const Register min_operator{{.name = "min",
                             .about = "smallest over axes; NaN wins",
                             .inputs = {{"x"}},
                             .attributes = reduction_attributes,
                             .define = reduction(Reduction::min),
                             .gradient = extreme_gradient}};
// The product of all other elements, also where one of them is zero: products are taken over those that are not, and zeros are counted.
std::vector<Var> prod_gradient(const GradientContext& g) {
  const Var x = g.inputs[0], zero = g.build.constant(x.dtype(), 0), one = g.build.constant(x.dtype(), 1);
  const Var is_zero = g.build.call("equal", {x, zero});
  const Var not_zero = where(is_zero, one, x), zeros = cast(is_zero, DType::i64);
  const Var product = g.build.call("prod", {not_zero}, {{"axes", g.call.integers("axes")}, {"keep", true}});
  const Var other_zeros = sum(zeros, g.call.integers("axes"), true) - zeros;
  const Var others = where(g.build.call("equal", {other_zeros, g.build.constant(DType::i64, 0)}), product / not_zero, zero);
  return {kept(g, g.cotangents[0]) * others};
}

const Register prod_operator{{.name = "prod",
                              .about = "product over axes",
                              .inputs = {{"x"}},
                              .attributes = reduction_attributes,
                              .define = reduction(Reduction::prod),
                              .gradient = prod_gradient}};
const Register any_operator{{.name = "any",
                             .about = "whether one is true",
                             .inputs = {{"x"}},
                             .attributes = reduction_attributes,
                             .define = reduction(Reduction::any),
                             .differentiable = false}};
const Register all_operator{{.name = "all",
                             .about = "whether all are true",
                             .inputs = {{"x"}},
                             .attributes = reduction_attributes,
                             .define = reduction(Reduction::all),
                             .differentiable = false}};

const Register logsumexp{
    {.name = "logsumexp",
     .about = "log(sum(exp(x))) over axes, without overflow",
     .inputs = {{"x"}},
     .attributes = reduction_attributes,
     .compose =
         [](Builder&, const std::vector<Var>& x, const Call& call) {
           const auto& axes = call.integers("axes");
           const Var top = max(x[0], axes, true);
           // Where all are -inf the maximum would make NaN of -inf - -inf.
           const Var finite = where(unary("is_inf", top), top.build().constant(top.dtype(), 0), top);
           const Var result = log(sum(exp(x[0] - finite), axes, true)) + finite;
           if (call.flag("keep")) return std::vector<Var>{result};
           Shape shape;
           const std::vector<int> gone = call.axes("axes", x[0].rank());
           for (int i = 0; i < x[0].rank(); ++i) {
             if (!std::binary_search(gone.begin(), gone.end(), i)) shape.push_back(x[0].size(i));
           }
           return std::vector<Var>{reshape(result, shape)};
         },
     .gradient =
         [](const GradientContext& g) { return std::vector<Var>{kept(g, g.cotangents[0]) * exp(g.inputs[0] - kept(g, g.outputs[0]))}; }}};

Operator arg_operator(const char* name, const char* about, Reduction kind) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = {{"x"}};
  op.attributes = {{"axis", std::int64_t{-1}, "along which axis"}, {"keep", false, "keep the axis with size 1"}};
  op.define = [kind](Definition& d) {
    const int axis = d.call().axis("axis", d.call().input(0).rank());
    define_reduction(d, {axis}, d.call().flag("keep"), [&](const std::vector<Axis>& over, const Expr& x) { return reduce(kind, over, x); });
  };
  op.differentiable = false;
  return op;
}
const Register argmax{arg_operator("argmax", "position of the first largest; NaN counts as largest", Reduction::argmax)};
const Register argmin{arg_operator("argmin", "position of the first smallest; NaN counts as smallest", Reduction::argmin)};

const Register cumulative_sum{{.name = "cumulative_sum",
                               .about = "y[i] = sum of x[j] for j <= i",
                               .inputs = {{"x"}},
                               .attributes = {{"axis", std::int64_t{-1}, "along which axis"},
                                              {"exclusive", false, "leave x[i] out"},
                                              {"reverse", false, "from the end"}},
                               .define =
                                   [](Definition& d) {
                                     const int axis = d.call().axis("axis", d.call().input(0).rank());
                                     const std::vector<Axis> axes = d.axes_like(0);
                                     const Axis j = d.over("j", d.size(0, axis));
                                     std::vector<Expr> index = positions(axes);
                                     const Expr i = index[static_cast<std::size_t>(axis)], at = axis_position(j);
                                     index[static_cast<std::size_t>(axis)] = at;
                                     const bool exclusive = d.call().flag("exclusive"), reverse = d.call().flag("reverse");
                                     const Expr counts = reverse ? (exclusive ? at > i : at >= i) : (exclusive ? at < i : at <= i);
                                     d.output(d.dtype(0), axes, d.sum({j}, select(counts, d.read(0, index), constant(d.dtype(0), 0))));
                                   },
                               .gradient =
                                   [](const GradientContext& g) {
                                     Attributes attributes = g.call.attributes();
                                     attributes["reverse"] = !g.call.flag("reverse");
                                     return std::vector<Var>{g.build.call("cumulative_sum", {g.cotangents[0]}, attributes)};
                                   }}};

}  // namespace
}  // namespace neap::reduce_operator
