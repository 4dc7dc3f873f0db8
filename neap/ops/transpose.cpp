// Axes in another order.
#include <algorithm>
#include <numeric>

#include "neap/ops/builder.h"

namespace neap::transpose_operator {
namespace {

// Where each axis of the result comes from; an empty attribute turns the order round.
std::vector<int> permutation(const Call& call) {
  const int rank = call.input(0).rank();
  std::vector<int> order;
  for (const std::int64_t given : call.integers("permutation")) {
    const std::int64_t axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis >= rank) call.fail(fmt::format("permutation names axis {} of rank {}", given, rank));
    order.push_back(static_cast<int>(axis));
  }
  if (order.empty()) {
    for (int axis = rank; axis-- > 0;) order.push_back(axis);
  }
  std::vector<int> sorted = order, all(static_cast<std::size_t>(rank));
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) call.fail("permutation must name each axis once", fmt::format("give {} axes", rank));
  return order;
}

const Register transpose_operator{
    {.name = "transpose",
     .about = "axis i of the result is axis permutation[i] of x",
     .inputs = {{"x"}},
     .attributes = {{"permutation", std::vector<std::int64_t>{}, "which axis of x comes where; none: the reverse order"}},
     .define =
         [](Definition& d) {
           const std::vector<int> order = permutation(d.call());
           std::vector<Axis> axes;
           std::vector<Expr> index(order.size());
           for (const int from : order) {
             axes.push_back(d.axis(fmt::format("i{}", axes.size()), d.size(0, from)));
             index[static_cast<std::size_t>(from)] = axis_position(axes.back());
           }
           d.output(d.dtype(0), axes, d.read(0, index));
         },
     .gradient =
         [](const GradientContext& g) {
           const std::vector<int> order = permutation(g.call);
           std::vector<std::int64_t> inverse(order.size());
           for (std::size_t i = 0; i < order.size(); ++i) inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
           return std::vector<Var>{transpose(g.cotangents[0], inverse)};
         },
     .onnx = {{"Transpose", 1, {{"perm", "permutation"}}}}}};

}  // namespace
}  // namespace neap::transpose_operator
