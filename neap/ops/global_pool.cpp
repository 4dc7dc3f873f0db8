// Pools over all spatial axes.
#include "neap/ops/builder.h"

namespace neap::global_pool_operator {
namespace {

std::vector<std::int64_t> spatial_axes(const Call& call) {
  std::vector<std::int64_t> axes;
  for (int axis = 2; axis < call.input(0).rank(); ++axis) axes.push_back(axis);
  if (axes.empty()) call.fail("takes [N,C,...] with at least one spatial axis");
  return axes;
}

const Register global_average_pool{{.name = "global_average_pool",
                                    .about = "mean over the spatial axes, which stay with size 1",
                                    .inputs = {{"x"}},
                                    .compose = [](Builder&, const std::vector<Var>& x,
                                                  const Call& call) { return std::vector<Var>{mean(x[0], spatial_axes(call), true)}; },
                                    .onnx = {{"GlobalAveragePool", 1, {}}}}};

const Register global_max_pool{
    {.name = "global_max_pool",
     .about = "largest over the spatial axes, which stay with size 1; ties share the gradient",
     .inputs = {{"x"}},
     .compose = [](Builder&, const std::vector<Var>& x, const Call& call) { return std::vector<Var>{max(x[0], spatial_axes(call), true)}; },
     .onnx = {{"GlobalMaxPool", 1, {}}}}};

}  // namespace
}  // namespace neap::global_pool_operator
