// Convolution with filters [out, in, window...] that are stored as a matrix of `out` rows, for any layout with an index rule:
//   L_conv  (x, values, places...)  -> y[n, row, o...] = sum over the stored w[row, (c, r...)] of w * x[n, c, o * stride + r * dilation -
//   pad]
#pragma once
#include "neap/layouts/sparse_layout.h"

namespace neap {

Operator conv_operator(const SparseLayout& layout);

}  // namespace neap
