#include "neap/ops/elementwise.h"

#include <algorithm>

namespace neap {

Shape broadcast_shape(const Call& call) {
  Shape shape;
  for (int k = 0; k < call.input_count(); ++k) {
    if (!call.has(k)) continue;
    const Shape& other = call.input(k).shape;
    if (other.size() > shape.size()) shape.insert(shape.begin(), other.size() - shape.size(), Dim(1));
    for (std::size_t i = 0; i < other.size(); ++i) {
      Dim& mine = shape[shape.size() - other.size() + i];
      if (mine == Dim(1)) {
        mine = other[i];
      } else if (!(other[i] == Dim(1)) && !(other[i] == mine)) {
        call.fail(fmt::format("sizes {} and {} do not broadcast", mine.to_string(), other[i].to_string()),
                  "sizes must be equal, or one of them 1");
      }
    }
  }
  return shape;
}

Expr read_broadcast(const Definition& d, int input, const std::vector<Axis>& axes) {
  const Shape& shape = d.call().input(input).shape;
  std::vector<Expr> index;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Axis& axis = axes[axes.size() - shape.size() + i];
    index.push_back(shape[i] == axis.extent ? axis_position(axis) : Expr(0));
  }
  return d.read(input, index);
}

void define_elementwise(Definition& d, const std::function<Expr(const std::vector<Expr>&)>& f) {
  std::vector<Axis> axes;
  for (const Dim& size : broadcast_shape(d.call())) axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
  std::vector<Expr> operands;
  for (int k = 0; k < d.call().input_count(); ++k) operands.push_back(read_broadcast(d, k, axes));
  try {
    const Expr value = f(operands);
    d.output(value.dtype(), axes, value);
  } catch (const Error& error) {
    d.call().fail(error.problem(), error.remedy());
  }
}

}  // namespace neap
