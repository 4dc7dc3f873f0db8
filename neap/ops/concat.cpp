// Tensors one after the other along an axis, and their parts again: concat, split, stack.
#include "neap/ops/builder.h"

namespace neap::concat_operator {
namespace {

void check_like_first(const Call& call, int axis) {
  const Type& first = call.input(0);
  for (int k = 1; k < call.input_count(); ++k) {
    const Type& other = call.input(k);
    bool fits = other.dtype == first.dtype && other.rank() == first.rank();
    for (int i = 0; fits && i < first.rank(); ++i) fits = i == axis || call.size(k, i) == call.size(0, i);
    if (!fits)
      call.fail(fmt::format("operand {} is {}, beside {}", k, other.to_string(), first.to_string()),
                "dtypes and all other axes must be equal");
  }
}

const Register concat_operator{
    {.name = "concat",
     .about = "operands one after the other along an axis",
     .inputs = {{"x", InputSpec::variadic}},
     .attributes = {{"axis", std::int64_t{0}, "along which axis"}},
     .define =
         [](Definition& d) {
           const Call& call = d.call();
           const int axis = call.axis("axis", call.input(0).rank());
           check_like_first(call, axis);
           Dim total = 0;
           for (int k = 0; k < call.input_count(); ++k) total += call.size(k, axis);
           std::vector<Axis> axes;
           for (int i = 0; i < call.input(0).rank(); ++i) axes.push_back(d.axis(fmt::format("i{}", i), i == axis ? total : d.size(0, i)));
           // From the last to the first: y = i < end of x0 ? x0 : i < end of x1 ? x1 : ...
           std::vector<Expr> index = positions(axes);
           const Expr i = index[static_cast<std::size_t>(axis)];
           Expr value;
           Dim end = total;
           for (int k = call.input_count(); k-- > 0;) {
             const Dim begin = end - call.size(k, axis);
             index[static_cast<std::size_t>(axis)] = i - Expr(begin);
             const Expr x = d.read(k, index);
             value = value ? select(i < Expr(end), x, value) : x;
             end = begin;
           }
           d.output(d.dtype(0), axes, value);
         },
     .gradient =
         [](const GradientContext& g) {
           const int axis = g.call.axis("axis", g.inputs[0].rank());
           std::vector<Var> gradients;
           Dim begin = 0;
           for (const Var& x : g.inputs) {
             const Dim end = begin + x.size(axis);
             gradients.push_back(g.build.call(
                 "slice", {g.cotangents[0]}, {{"starts", Shape{begin}}, {"stops", Shape{end}}, {"axes", std::vector<std::int64_t>{axis}}}));
             begin = end;
           }
           return gradients;
         },
     .onnx = {{"Concat", 4, {{"axis", "axis"}}}}}};

Shape part_sizes(const Call& call, int axis) {
  Shape sizes = call.dims("sizes");
  const std::int64_t parts = call.integer("parts");
  const Dim& whole = call.size(0, axis);
  if (sizes.empty() == (parts == 0)) call.fail("takes sizes, or a number of parts", "give one of the two");
  if (!sizes.empty()) {
    Dim total = 0;
    for (const Dim& size : sizes) total += size;
    if (!(total == whole)) call.fail(fmt::format("the parts have {} elements, the axis {}", total.to_string(), whole.to_string()));
    return sizes;
  }
  if (parts < 0 || parts > (1 << 20)) call.fail(fmt::format("{} parts", parts));
  Dim part;
  if (!Dim::divide_exactly(whole, parts, part))
    call.fail(fmt::format("{} elements do not divide into {} parts", whole.to_string(), parts), "give the sizes");
  return Shape(static_cast<std::size_t>(parts), part);
}

const Register split_operator{
    {.name = "split",
     .about = "parts of x along an axis",
     .inputs = {{"x"}},
     .attributes = {{"axis", std::int64_t{0}, "along which axis"},
                    {"sizes", Shape{}, "of the parts"},
                    {"parts", std::int64_t{0}, "how many equal parts, in place of sizes"}},
     .compose =
         [](Builder& build, const std::vector<Var>& x, const Call& call) {
           const int axis = call.axis("axis", x[0].rank());
           std::vector<Var> parts;
           Dim begin = 0;
           for (const Dim& size : part_sizes(call, axis)) {
             const Dim end = begin + size;
             parts.push_back(
                 build.call("slice", {x[0]}, {{"starts", Shape{begin}}, {"stops", Shape{end}}, {"axes", std::vector<std::int64_t>{axis}}}));
             begin = end;
           }
           return parts;
         },
     .gradient =
         [](const GradientContext& g) {
           std::vector<Var> parts;
           for (std::size_t i = 0; i < g.outputs.size(); ++i)
             parts.push_back(g.cotangents[i] ? g.cotangents[i] : g.build.zeros_like(g.outputs[i]));
           return std::vector<Var>{g.build.call("concat", parts, {{"axis", g.call.integer("axis")}})};
         }}};

const Register stack_operator{{.name = "stack",
                               .about = "operands of one shape, one after the other along a new axis",
                               .inputs = {{"x", InputSpec::variadic}},
                               .attributes = {{"axis", std::int64_t{0}, "where the new axis stands in the result"}},
                               .compose = [](Builder& build, const std::vector<Var>& x, const Call& call) {
                                 const int axis = call.axis("axis", x[0].rank() + 1);
                                 std::vector<Var> rows;
                                 for (const Var& row : x) {
                                   if (!(row.shape() == x[0].shape())) call.fail("the operands differ in shape");
                                   Shape shape = row.shape();
                                   shape.insert(shape.begin() + axis, Dim(1));
                                   rows.push_back(reshape(row, shape));
                                 }
                                 return std::vector<Var>{build.call("concat", rows, {{"axis", std::int64_t{axis}}})};
                               }}};

}  // namespace
}  // namespace neap::concat_operator
