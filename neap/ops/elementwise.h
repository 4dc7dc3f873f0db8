// What elementwise operators share: numpy's broadcasting.
#pragma once
#include "neap/ops/operator.h"

namespace neap {

// The shape that all operands of the call broadcast to. Error naming the shapes where they do not: sizes must be equal, or one of them 1.
Shape broadcast_shape(const Call& call);

// Reads operand `input` at the element that broadcasts to `axes` (those of the result, outermost first).
Expr read_broadcast(const Definition& d, int input, const std::vector<Axis>& axes);

// Defines y = f(x0, x1, ...), broadcasting.
void define_elementwise(Definition& d, const std::function<Expr(const std::vector<Expr>&)>& f);

}  // namespace neap
