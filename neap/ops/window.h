// What operators that slide a window over spatial axes share: their attributes, checked, and the indices that a window reads.
#pragma once
#include "neap/ops/operator.h"

namespace neap {

// strides, pads (begins, then ends), dilations; an empty list means 1, 0 and 1 on every axis.
std::vector<AttributeSpec> window_attributes();

struct Window {
  std::vector<Dim> kernel;
  std::vector<std::int64_t> strides, begins, ends, dilations;

  // Error naming the attribute that has another length, or a stride or dilation below 1, or a negative pad.
  Window(const Call& call, std::vector<Dim> kernel);

  int rank() const { return static_cast<int>(kernel.size()); }
  Dim reach(int axis) const;  // elements from the first to the last tap
  // floor((size + pads - reach) / stride) + 1; Error if the window does not fit.
  Dim output_size(const Call& call, int axis, const Dim& size) const;
  // o * stride + r * dilation - begin
  Expr index(int axis, const Expr& o, const Expr& r) const;
  bool padded() const;  // whether index() may lie outside
};

}  // namespace neap
