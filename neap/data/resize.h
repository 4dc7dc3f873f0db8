// Pictures of other sizes and colours than a network takes.
#pragma once
#include "neap/base/array.h"

namespace neap {

// u8 [h,w,1..4] to u8 [channels,height,width] (channels: 1 or 3; grey by the weights of ITU-R 601; alpha is dropped). Resized by a triangle
// filter, which averages where the picture becomes smaller and interpolates linearly where it becomes larger.
Array fitted_picture(const Array& pixels, std::int64_t channels, std::int64_t height, std::int64_t width);

}  // namespace neap
