// Repeats along axes of size one, and along new ones in front.
#include "neap/ops/builder.h"

namespace neap::expand_operator {
namespace {

Shape expanded_shape(const Call& call) {
  const Shape& from = call.input(0).shape;
  Shape shape = call.dims("shape");
  if (shape.size() < from.size()) call.fail(fmt::format("the shape {} has fewer axes than x", to_string(shape)));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t extra = shape.size() - from.size();
    Dim& size = shape[i];
    if (size == Dim(-1) && i >= extra) size = from[i - extra];
    if (size.is_constant() && size.constant() < 0) call.fail(fmt::format("size {} is negative", size.to_string()));
    if (i >= extra && !(from[i - extra] == Dim(1)) && !(from[i - extra] == size))
      call.fail(fmt::format("size {} does not become {}", from[i - extra].to_string(), size.to_string()), "only sizes of 1 are repeated");
  }
  return shape;
}

const Register expand_operator{
    {.name = "expand",
     .about = "x broadcast to a shape",
     .inputs = {{"x"}},
     .attributes = {{"shape", Shape{}, "the sizes wanted; -1 keeps that of x", true}},
     .define =
         [](Definition& d) {
           const Shape shape = expanded_shape(d.call());
           const Shape& from = d.call().input(0).shape;
           std::vector<Axis> axes;
           std::vector<Expr> index;
           for (const Dim& size : shape) {
             axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
             if (axes.size() + from.size() <= shape.size()) continue;
             const bool repeated = from[index.size()] == Dim(1) && !(size == Dim(1));
             index.push_back(repeated ? Expr(0) : axis_position(axes.back()));
           }
           d.output(d.dtype(0), axes, d.read(0, index));
         },
     .gradient = [](const GradientContext& g) { return std::vector<Var>{reduce_to(g.cotangents[0], g.inputs[0].shape())}; }}};

}  // namespace
}  // namespace neap::expand_operator
