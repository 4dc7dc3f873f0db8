#include "neap/nn/batch_norm.h"

namespace neap {

BatchNorm::BatchNorm(std::int64_t channels, BatchNormOptions options)
    : options_(options),
      weight_(parameter("weight", {options.dtype, {channels}, {}}, fill_with(1))),
      bias_(parameter("bias", {options.dtype, {channels}, {}}, fill_with(0))),
      running_mean_(buffer("running_mean", {options.dtype, {channels}, {}}, fill_with(0))),
      running_variance_(buffer("running_variance", {options.dtype, {channels}, {}}, fill_with(1))) {}

Tensor BatchNorm::forward(const Tensor& x) {
  const Attributes attributes{{"epsilon", options_.epsilon}};
  if (!training()) return call("batch_norm_inference", {x, weight_, bias_, running_mean_, running_variance_}, attributes);
  // Summed around the running mean, so that mean and variance take one pass together.
  const std::vector<Tensor> made = calls("batch_norm", {x, weight_, bias_, running_mean_.value()}, attributes);
  // The running variance is that of the population: n / (n - 1) of the batch's.
  const Dim count = element_count(x.shape());
  const Dim& channels = x.size(1);
  Dim n;
  Tensor unbiased = made[2];
  if (Dim::divide_exactly(count, channels, n)) {
    if (n.is_constant()) {
      const double elements = static_cast<double>(n.constant());
      if (elements > 1) unbiased = made[2] * (elements / (elements - 1));
    } else {
      const Tensor elements = call("size_value", {}, {{"size", std::vector<Dim>{n}}, {"dtype", x.dtype()}});
      unbiased = made[2] * (elements / maximum(elements - 1, 1));
    }
  }
  running_mean_.set(running_mean_.value() * (1 - options_.momentum) + made[1] * options_.momentum);
  running_variance_.set(running_variance_.value() * (1 - options_.momentum) + unbiased * options_.momentum);
  return made[0];
}

}  // namespace neap
