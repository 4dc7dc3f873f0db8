// Small words in which composites and gradients are written.
#pragma once
#include "neap/ops/builder.h"

namespace neap {

Var size_number(Builder& build, DType dtype, const Dim& size);  // a size as a number of rank 0: a constant where it is one
Dim count_over(const Var& x, const std::vector<std::int64_t>& axes);
Var square(const Var& x);
Var rsqrt(const Var& x);
// [C] as [1,C,1,...], to broadcast over axis 1 of a value of this rank.
Var along_channels(const Var& per_channel, int rank);
// All axes but 1.
std::vector<std::int64_t> not_channels(int rank);

// x[..., begin:end, ...] along an axis.
Var part(const Var& x, int axis, const Dim& begin, const Dim& end);
// Equal parts along an axis, each with that axis at a part's size.
std::vector<Var> parts(const Var& x, int axis, std::int64_t count);

// How a loss of many elements becomes the result: attribute "reduction", one of none, sum, mean.
AttributeSpec reduction_attribute();
Var reduce_loss(const Var& loss, const Call& call);

}  // namespace neap
