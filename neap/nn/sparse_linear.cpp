#include "neap/nn/sparse_linear.h"

namespace neap {

SparseLinear::SparseLinear(std::int64_t in, std::int64_t out, SparseLinearOptions options)
    : weight_(parameter("weight", {options.dtype, {in, out}, {}}, glorot_uniform(in, out))) {
  if (options.bias) bias_ = &parameter("bias", {options.dtype, {out}, {}}, fill_with(0));
}

Tensor SparseLinear::operator()(const Edges& x) {
  const Scope scope(path());
  const Tensor y = propagate(weight_, x);
  return bias_ == nullptr ? y : y + *bias_;
}

}  // namespace neap
