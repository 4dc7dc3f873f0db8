// Values made of nothing but positions: ranges, constants, identity matrices, one-hot rows; and triangles of a matrix.
#include "neap/ops/indexing.h"

namespace neap::fill_operator {
namespace {

Dim one_size(const Call& call, std::string_view name) {
  const Shape& sizes = call.dims(name);
  if (sizes.size() != 1) call.fail(fmt::format("{} is one size, not {}", name, sizes.size()));
  if (sizes[0].is_constant() && sizes[0].constant() < 0) call.fail(fmt::format("{} {} is negative", name, sizes[0].to_string()));
  return sizes[0];
}

const Register arange_operator{{.name = "arange",
                                .about = "y[i] = start + i * step",
                                .inputs = {},
                                .attributes = {{"size", Shape{}, "how many", true},
                                               {"start", 0.0, "the first"},
                                               {"step", 1.0, "from one to the next"},
                                               {"dtype", DType::i64, "dtype of the result"}},
                                .define =
                                    [](Definition& d) {
                                      const Axis i = d.axis("i", one_size(d.call(), "size"));
                                      const DType dtype = d.call().dtype("dtype");
                                      // 16-bit floats do not hold large positions.
                                      const DType wide = is_float(dtype) && size_of(dtype) == 2 ? DType::f32 : dtype;
                                      d.output(dtype, {i},
                                               cast(axis_position(i), wide) * constant(wide, d.call().number("step")) +
                                                   constant(wide, d.call().number("start")));
                                    },
                                .differentiable = false}};

const Register fill_operator{
    {.name = "fill",
     .about = "one number everywhere",
     .inputs = {},
     .attributes = {{"shape", Shape{}, "of the result", true}, {"value", 0.0, "the number"}, {"dtype", DType::f32, "dtype of the result"}},
     .define =
         [](Definition& d) {
           std::vector<Axis> axes;
           for (const Dim& size : d.call().dims("shape")) axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
           d.output(d.call().dtype("dtype"), axes, constant(d.call().dtype("dtype"), d.call().number("value")));
         },
     .differentiable = false}};

const Register eye_operator{{.name = "eye",
                             .about = "y[i, j] = 1 where j = i + diagonal, else 0",
                             .inputs = {},
                             .attributes = {{"rows", Shape{}, "how many", true},
                                            {"columns", Shape{}, "how many", true},
                                            {"diagonal", std::int64_t{0}, "which one: 0 the main, above it positive"},
                                            {"dtype", DType::f32, "dtype of the result"}},
                             .define =
                                 [](Definition& d) {
                                   const Axis i = d.axis("i", one_size(d.call(), "rows")), j = d.axis("j", one_size(d.call(), "columns"));
                                   const Expr on = axis_position(j) == axis_position(i) + Expr(d.call().integer("diagonal"));
                                   d.output(d.call().dtype("dtype"), {i, j}, cast(on, d.call().dtype("dtype")));
                                 },
                             .differentiable = false}};

const Register one_hot_operator{
    {.name = "one_hot",
     .about = "`on` where the position along the new axis is the index, `off` elsewhere; an index out of range is nowhere",
     .inputs = {{"indices"}},
     .attributes = {{"depth", Shape{}, "of the new axis", true},
                    {"axis", std::int64_t{-1}, "where the new axis stands in the result"},
                    {"on", 1.0, "at the index"},
                    {"off", 0.0, "elsewhere"},
                    {"dtype", DType::f32, "dtype of the result"}},
     .define =
         [](Definition& d) {
           check_indices(d.call(), 0);
           const Type& indices = d.call().input(0);
           const int axis = d.call().axis("axis", indices.rank() + 1);
           const DType dtype = d.call().dtype("dtype");
           std::vector<Axis> axes;
           std::vector<Expr> place;
           Expr k;
           for (int i = 0; i <= indices.rank(); ++i) {
             const bool fresh = i == axis;
             axes.push_back(d.axis(fresh ? "k" : fmt::format("i{}", place.size()),
                                   fresh ? one_size(d.call(), "depth") : d.size(0, static_cast<int>(place.size()))));
             (fresh ? k : place.emplace_back()) = axis_position(axes.back());
           }
           d.output(dtype, axes,
                    select(cast(d.read(0, place), DType::i64) == k, constant(dtype, d.call().number("on")),
                           constant(dtype, d.call().number("off"))));
         },
     .differentiable = false}};

Operator triangle(const char* name, const char* about, bool upper) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = {{"x"}};
  op.attributes = {{"diagonal", std::int64_t{0}, "the last one kept: 0 the main, above it positive"}};
  op.define = [upper](Definition& d) {
    if (d.call().input(0).rank() < 2) d.call().fail("x is no matrix");
    const std::vector<Axis> axes = d.axes_like(0);
    const Expr i = axis_position(axes[axes.size() - 2]) + Expr(d.call().integer("diagonal")), j = axis_position(axes.back());
    d.output(d.dtype(0), axes, select(upper ? j >= i : j <= i, d.read(0, positions(axes)), constant(d.dtype(0), 0)));
  };
  op.gradient = [name](const GradientContext& g) { return std::vector<Var>{g.build.call(name, {g.cotangents[0]}, g.call.attributes())}; };
  return op;
}
const Register triu{triangle("triu", "x on and above a diagonal of the last two axes, 0 below", true)};
const Register tril{triangle("tril", "x on and below a diagonal of the last two axes, 0 above", false)};

}  // namespace
}  // namespace neap::fill_operator
