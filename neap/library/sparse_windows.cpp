// Windows of a convolution, gathered where a panel is packed and added where sums are finished: the matrix of all of them is never made.
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

// The other way round: line[at + i * step] += from[i], where that is in the line.
void add_taps(const float* from, Count count, float* line, Count length, Count at, Count step) {
  const Count begin = std::clamp<Count>(divided_up(std::max<Count>(-at, 0), step), 0, count);
  const Count end = std::clamp<Count>(at >= length ? 0 : divided_up(length - at, step), begin, count);
  if (step == 1) {
#pragma omp simd
    for (Count i = begin; i < end; ++i) line[at + i] += from[i];
  } else {
    for (Count i = begin; i < end; ++i) line[at + i * step] += from[i];
  }
}

// visit(place, count, line, at): from window `first` on, for windows side by side in one line of windows, of which the tap of this row of
// x stands in line `line` of the pictures (-1: outside), the first at `at`; `place` counts from 0.
template <class Visit>
void for_each_run(const Windows& w, Count row, Count first, Count count, Visit visit) {
  const Count s = row % w.kernel_width, r = row / w.kernel_width % w.kernel_height;
  const Count channel = row / (w.kernel_width * w.kernel_height);
  for (Count done = 0; done < count;) {
    const Count oh = (first + done) / w.out_width, ow = (first + done) % w.out_width, run = std::min(w.out_width - ow, count - done);
    const Count line = oh * w.row_stride + r * w.row_dilation - w.top;
    const bool inside = line >= 0 && line < w.height;
    visit(done, run, inside ? channel * w.height + line : -1, ow * w.column_stride + s * w.column_dilation - w.left);
    done += run;
  }
}

}  // namespace

void pack_windows(const Windows& w, const float* x, Count row, Count rows, Count first, Count count, float* panel, Count width) {
  for (Count i = 0; i < rows; ++i, panel += width) {
    for_each_run(w, row + i, first, count, [&](Count place, Count run, Count line, Count at) {
      copy_taps(line < 0 ? x : x + line * w.width, line < 0 ? 0 : w.width, at, w.column_stride, run, panel + place);
    });
    std::fill(panel + count, panel + width, 0.0F);
  }
}

void add_windows(const Windows& w, const float* sums, Count width, Count row, Count rows, Count first, Count count, float* y) {
  for (Count i = 0; i < rows; ++i, sums += width) {
    for_each_run(w, row + i, first, count, [&](Count place, Count run, Count line, Count at) {
      if (line >= 0) add_taps(sums + place, run, y + line * w.width, w.width, at, w.column_stride);
    });
  }
}

}  // namespace neap::sparse
