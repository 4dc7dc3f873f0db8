#include "neap/layouts/sparse_conv.h"

#include "neap/layouts/packing.h"
#include "neap/ops/window.h"

namespace neap {
namespace {

void define_conv(Definition& d, const SparseLayout& layout) {
  const Call& call = d.call();
  const Shape& size = call.dims("size");
  const Window window(call, call.dims("window"));
  const Type& x = call.input(0);
  if (x.rank() != window.rank() + 2)
    call.fail(fmt::format("x is {}, the window has {} axes", x.to_string(), window.rank()), "batch, channels, and the window's axes");
  Dim taps = 1;
  for (const Dim& extent : window.kernel) taps = taps * extent;
  if (size.size() != 2 || !(size[1] == x.shape[1] * taps))
    call.fail(fmt::format("the matrix is {}, x has {} channels", to_string(size), x.shape[1].to_string()),
              "a row holds the window of each channel");
  check_weights(call, layout);
  const StoredPoints points = layout.points(d, 2);
  const Axis n = d.axis("n", x.shape[0]);
  std::vector<Expr> from{axis_position(n)}, to{axis_position(n), kept_within(points, points.row, size[0])}, at;
  Expr rest = kept_within(points, points.column, size[1]);
  for (int i = window.rank() - 1; i >= 0; --i) {
    const Expr extent = window.kernel[static_cast<std::size_t>(i)];
    at.insert(at.begin(), make(Scalar::mod, {rest, extent}));
    rest = make(Scalar::floor_div, {rest, extent});
  }
  from.push_back(rest);
  Type y{x.dtype, {x.shape[0], size[0]}, {}};
  for (int i = 0; i < window.rank(); ++i) {
    const Axis o = d.axis(fmt::format("o{}", i), window.output_size(call, i, x.shape[static_cast<std::size_t>(i) + 2]));
    from.push_back(window.index(i, axis_position(o), at[static_cast<std::size_t>(i)]));
    to.push_back(axis_position(o));
    y.shape.push_back(o.extent);
  }
  const Expr weight = cast(d.read(1, points.place), x.dtype);
  const Expr product = weight * d.read(0, from, window.padded() ? constant(x.dtype, 0) : Expr());
  d.scatter(std::move(y), to, where_inside(points, product), Accumulate::sum);
}

}  // namespace

Operator conv_operator(const SparseLayout& layout) {
  Operator op;
  op.name = layout.op("conv");
  op.about = fmt::format("convolution with stored filters ({})", layout.about);
  op.inputs = {{"x"}};
  op.inputs.insert(op.inputs.end(), layout.components.begin(), layout.components.end());
  op.attributes = window_attributes();
  op.attributes.push_back({"size", Shape{}, "rows and columns of the matrix", true});
  op.attributes.push_back({"window", Shape{}, "sizes of the window", true});
  for (const ChoiceNumber& number : layout.numbers)
    op.attributes.push_back({number.name, static_cast<std::int64_t>(number.default_value), number.about});
  op.define = [&layout](Definition& d) { define_conv(d, layout); };
  return op;
}

}  // namespace neap
