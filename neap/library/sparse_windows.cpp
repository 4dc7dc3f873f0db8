// Windows of a convolution, gathered where a panel is packed: the matrix of all of them is never made.
#include <algorithm>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// to[i] = line[at + i * step], 0 outside of the line.
void copy_taps(const float* line, Count length, Count at, Count step, Count count, float* to) {
  const Count begin = std::clamp<Count>(divided_up(std::max<Count>(-at, 0), step), 0, count);
  const Count end = std::clamp<Count>(at >= length ? 0 : divided_up(length - at, step), begin, count);
  std::fill(to, to + begin, 0.0F);
  if (step == 1) {
    std::copy(line + at + begin, line + at + end, to + begin);
  } else {
    for (Count i = begin; i < end; ++i) to[i] = line[at + i * step];
  }
  std::fill(to + end, to + count, 0.0F);
}

}  // namespace

void Columns::pack_windows(Count row, Count rows, float* panel) const {
  const Windows& w = *product.windows;
  for (Count i = 0; i < rows; ++i, panel += width) {
    const Count s = (row + i) % w.kernel_width, r = (row + i) / w.kernel_width % w.kernel_height;
    const float* const picture = product.x + (row + i) / (w.kernel_width * w.kernel_height) * w.height * w.width;
    for (Count done = 0; done < count;) {
      const Count oh = (first + done) / w.out_width, ow = (first + done) % w.out_width, run = std::min(w.out_width - ow, count - done);
      const Count line = oh * w.row_stride + r * w.row_dilation - w.top;
      const bool inside = line >= 0 && line < w.height;
      copy_taps(picture + (inside ? line * w.width : 0), inside ? w.width : 0, ow * w.column_stride + s * w.column_dilation - w.left,
                w.column_stride, run, panel + done);
      done += run;
    }
    std::fill(panel + count, panel + width, 0.0F);
  }
}

}  // namespace neap::sparse
