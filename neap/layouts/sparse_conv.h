// Convolutions with filters [out, in, window...] that are stored as a matrix W of `out` rows, for any layout with an index rule; with
// i = o * stride + r * dilation - pad on each axis of the window:
//   L_conv         (x, values, places...)  -> y[n, row, o...] = sum over the stored w[row, (c, r...)] of w * x[n, c, i...]
//   L_conv_input   (dy, values, places...) -> x[n, c, i...] = sum over the stored w[row, (c, r...)] of w * dy[n, row, o...]
//   L_conv_sample  (dy, x, places...)      -> values: sum over n, o... of dy[n, row, o...] * x[n, c, i...] at L's places
// The last two are the gradients of the first.
#pragma once
#include <vector>

#include "neap/layouts/sparse_layout.h"

namespace neap {

std::vector<Operator> conv_operators(const SparseLayout& layout);

}  // namespace neap
