// How matmul_of_views sees an operand.
#pragma once
#include "neap/ops/operator.h"

namespace neap {

struct MatrixView {
  Shape sizes;             // of the view: batch axes, rows, columns
  Shape begin;             // for each axis of the operand
  std::vector<Dim> steps;  // [axes of the operand, axes of the view]

  MatrixView(const Call& call, int operand);  // Error unless it lies within the operand, where sizes are known
  const Dim& step(std::size_t base_axis, std::size_t view_axis) const { return steps[base_axis * sizes.size() + view_axis]; }
};

}  // namespace neap
