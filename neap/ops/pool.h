// What pooling operators share.
#pragma once
#include "neap/ops/window.h"

namespace neap {

std::vector<AttributeSpec> pool_attributes();  // kernel_size, those of windows, ceil_mode
// Error unless the operand is [N,C,...] with as many spatial axes (1 to 3) as the window, and no window lies in the padding whole.
Window pool_window(const Call& call);
Shape pooled_sizes(const Call& call, const Window& window, const Shape& spatial);
// Axes n, c and one for each spatial size, batch and channels as operand 0 has them.
std::vector<Axis> pool_axes(Definition& d, const Shape& spatial);

}  // namespace neap
