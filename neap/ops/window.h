// What operators that slide a window over spatial axes share: their attributes, checked, and the indices that a window reads.
#pragma once
#include "neap/ops/operator.h"

namespace neap {

// strides, pads (begins, then ends), dilations; an empty list means 1, 0 and 1 on every axis.
std::vector<AttributeSpec> window_attributes();

struct Window {
  std::vector<Dim> kernel;
  std::vector<std::int64_t> strides, begins, ends, dilations;

  bool ceil_mode = false;

  // Error naming the attribute that has another length, or a stride or dilation below 1, or a negative pad.
  Window(const Call& call, std::vector<Dim> kernel);

  int rank() const { return static_cast<int>(kernel.size()); }
  Dim reach(int axis) const;  // elements from the first to the last tap
  // floor((size + pads - reach) / stride) + 1; in ceil mode rounded up, but every window starts before the padding at the end. Error if the
  // window does not fit.
  Dim output_size(const Call& call, int axis, const Dim& size) const;
  // o * stride + r * dilation - begin
  Expr index(int axis, const Expr& o, const Expr& r) const;
  bool padded() const;  // whether index() may lie outside
};

// The other way round, along one axis: the taps r and positions o with index(o, r) == i, for a sum over `axis`. They are every stride-th
// tap: with m = i + begin, r = stride * t + m mod stride and o = floor(m / stride) - t, so that none is tried in vain (where the dilation
// is 1; else all are tried and `exact` says which o are whole).
struct Taps {
  Axis axis;
  Expr o, r;
  Expr exact;                 // empty: always
  bool o_outside, r_outside;  // whether o, r may lie outside of their ranges

  Taps(Definition& d, const Window& window, int axis, const Expr& i);
};

Shape spatial_sizes(const Type& type);  // of [N,C,...]
// Those attributes of a call that the specs name: to call a relative with.
Attributes attributes_of(const Call& call, const std::vector<AttributeSpec>& specs);

// d.over() one axis for each size.
std::vector<Axis> axes_over(Definition& d, std::string_view prefix, const Shape& sizes);

}  // namespace neap
