#include "neap/nn/group_norm.h"

namespace neap {

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, GroupNormOptions options)
    : groups_(groups),
      epsilon_(options.epsilon),
      weight_(parameter("weight", {options.dtype, {channels}, {}}, fill_with(1))),
      bias_(parameter("bias", {options.dtype, {channels}, {}}, fill_with(0))) {}

Tensor GroupNorm::forward(const Tensor& x) { return call("group_norm", {x, weight_, bias_}, {{"groups", groups_}, {"epsilon", epsilon_}}); }

}  // namespace neap
