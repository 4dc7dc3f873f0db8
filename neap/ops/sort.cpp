// Sorting along an axis. The definition counts for each element how many stand before it: slow, and plainly right.
#include "neap/ops/builder.h"

namespace neap::sort_operator {
namespace {

const std::vector<AttributeSpec> order_attributes = {{"axis", std::int64_t{-1}, "along which axis"},
                                                     {"descending", false, "the largest first"}};

// Whether a comes before b; NaN counts as the largest, as in numpy.
Expr comes_before(const Expr& a, const Expr& b, bool descending) {
  Expr ordered = descending ? a > b : a < b;
  if (!is_float(a.dtype())) return ordered;
  const Expr a_is_nan = make(Scalar::is_nan, {a}), b_is_nan = make(Scalar::is_nan, {b});
  return ordered || (descending ? a_is_nan && make(Scalar::logical_not, {b_is_nan}) : b_is_nan && make(Scalar::logical_not, {a_is_nan}));
}

const Register rank_operator{{.name = "rank",
                              .about = "the place of each element in the stable order along an axis",
                              .inputs = {{"x"}},
                              .attributes = order_attributes,
                              .define =
                                  [](Definition& d) {
                                    const auto axis = static_cast<std::size_t>(d.call().axis("axis", d.call().input(0).rank()));
                                    const bool descending = d.call().flag("descending");
                                    const std::vector<Axis> axes = d.axes_like(0);
                                    const Axis j = d.over("j", axes[axis].extent);
                                    std::vector<Expr> index = positions(axes);
                                    const Expr here = axis_position(axes[axis]), x = d.read(0, index);
                                    index[axis] = axis_position(j);
                                    const Expr other = d.read(0, index);
                                    const Expr tie =
                                        make(Scalar::logical_not, {comes_before(x, other, descending)}) && axis_position(j) < here;
                                    d.output(DType::i64, axes, d.sum({j}, cast(comes_before(other, x, descending) || tie, DType::i64)));
                                  },
                              .differentiable = false}};

const Register invert_permutation{{.name = "invert_permutation",
                                   .about = "y[permutation[i]] = i along an axis; it holds each position once",
                                   .inputs = {{"permutation"}},
                                   .attributes = {{"axis", std::int64_t{-1}, "along which axis"}},
                                   .define =
                                       [](Definition& d) {
                                         if (d.dtype(0) != DType::i64) d.call().fail("positions are i64");
                                         const auto axis = static_cast<std::size_t>(d.call().axis("axis", d.call().input(0).rank()));
                                         const std::vector<Axis> axes = d.axes_like(0);
                                         std::vector<Expr> index = positions(axes);
                                         const Expr here = index[axis];
                                         index[axis] = d.read(0, index);
                                         d.scatter({DType::i64, d.call().input(0).shape, {}}, index, here, Accumulate::none);
                                       },
                                   .differentiable = false}};

Var order(Builder& build, const Var& x, std::int64_t axis, bool descending) {
  const Var ranks = build.call("rank", {x}, {{"axis", axis}, {"descending", descending}});
  return build.call("invert_permutation", {ranks}, {{"axis", axis}});
}

const Register argsort_operator{
    {.name = "argsort",
     .about = "the positions of x's elements in order along an axis; equal ones keep their order, NaN is largest",
     .inputs = {{"x"}},
     .attributes = order_attributes,
     .compose =
         [](Builder& build, const std::vector<Var>& x, const Call& call) {
           call.axis("axis", x[0].rank());
           return std::vector<Var>{order(build, x[0], call.integer("axis"), call.flag("descending"))};
         },
     .differentiable = false}};

const Register largest_operator{
    {.name = "largest",
     .about = "whether an element is among the `count` largest of its line; of equal ones the first, NaN is largest",
     .inputs = {{"x"}, {"count"}},
     .attributes = {{"axis", std::int64_t{-1}, "along which axis lines lie"}},
     .compose =
         [](Builder& build, const std::vector<Var>& x, const Call& call) {
           call.axis("axis", x[0].rank());
           if (x[1].dtype() != DType::i64 || x[1].rank() != 0)
             call.fail(fmt::format("the count is {}", x[1].type().to_string()), "it is one i64");
           const Attributes order{{"axis", call.integer("axis")}, {"descending", true}};
           return std::vector<Var>{build.call("less", {build.call("rank", {x[0]}, order), x[1]})};
         },
     .differentiable = false}};

const Register sort_operator{
    {.name = "sort",
     .about = "x's elements in order along an axis; NaN is largest",
     .inputs = {{"x"}},
     .attributes = order_attributes,
     .compose = [](Builder& build, const std::vector<Var>& x, const Call& call) {
       const std::int64_t axis = call.axis("axis", x[0].rank());
       return std::vector<Var>{build.call("gather_elements", {x[0], order(build, x[0], axis, call.flag("descending"))}, {{"axis", axis}})};
     }}};

const Register top_k_operator{{.name = "top_k",
                               .about = "the k largest (or smallest) elements along an axis, in order, and their positions",
                               .inputs = {{"x"}},
                               .attributes = {{"k", Shape{}, "how many: one size", true},
                                              {"axis", std::int64_t{-1}, "along which axis"},
                                              {"largest", true, "the largest; else the smallest"}},
                               .compose = [](Builder& build, const std::vector<Var>& x, const Call& call) {
                                 const std::int64_t axis = call.axis("axis", x[0].rank());
                                 if (call.dims("k").size() != 1) call.fail("takes one k");
                                 const Dim &k = call.dims("k")[0], &size = x[0].size(static_cast<int>(axis));
                                 if (k.is_constant() && (k.constant() < 0 || (size.is_constant() && k.constant() > size.constant())))
                                   call.fail(fmt::format("k is {} of {} elements", k.to_string(), size.to_string()));
                                 const Var places =
                                     build.call("slice", {order(build, x[0], axis, call.flag("largest"))},
                                                {{"starts", Shape{0}}, {"stops", Shape{k}}, {"axes", std::vector<std::int64_t>{axis}}});
                                 return std::vector<Var>{build.call("gather_elements", {x[0], places}, {{"axis", axis}}), places};
                               }}};

}  // namespace
}  // namespace neap::sort_operator
