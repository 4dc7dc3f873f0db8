// Windows of a convolution, gathered where a panel is packed and added where sums are finished: the matrix of all of them is never made.
#include <algorithm>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// Which of the places at + i * step, i < count, are in a line: from begin to end.
struct Range {
  Count begin, end;
};
Range inside(Count length, Count at, Count step, Count count) {
  const auto steps = [&](Count places) { return step == 1 ? places : divided_up(places, step); };
  const Count begin = std::clamp<Count>(steps(std::max<Count>(-at, 0)), 0, count);
  return {begin, std::clamp<Count>(at >= length ? 0 : steps(length - at), begin, count)};
}

// to[i] = line[at + i * step], 0 outside of the line.
void copy_taps(const float* line, Count length, Count at, Count step, Count count, float* to) {
  const auto [begin, end] = inside(length, at, step, count);
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
  const Range taps = inside(length, at, step, count);
  const Count begin = taps.begin, end = taps.end;  // by names, which Clang 14 wants in loops of OpenMP
  if (step == 1) {
#pragma omp simd
    for (Count i = begin; i < end; ++i) line[at + i] += from[i];
  } else {
    for (Count i = begin; i < end; ++i) line[at + i * step] += from[i];
  }
}

// visit(row, place, count, line, at) for some rows of x from window `first` on: windows side by side in one line of windows, of which the
// tap of this row stands in line `line` of the pictures (-1: outside), the first at `at`; `row` and `place` count from 0. Each row goes on
// from the one before it: dividing takes longer than a run.
template <class Visit>
void for_each_run(const Windows& w, Count row, Count rows, Count first, Count count, Visit visit) {
  Count s = row % w.kernel_width, r = row / w.kernel_width % w.kernel_height, channel = row / (w.kernel_width * w.kernel_height);
  const Count first_line = first / w.out_width, first_place = first % w.out_width;
  for (Count i = 0; i < rows; ++i) {
    Count oh = first_line, ow = first_place;
    for (Count done = 0, run = 0; done < count; done += run, ow = 0, ++oh) {
      run = std::min(w.out_width - ow, count - done);
      const Count line = oh * w.row_stride + r * w.row_dilation - w.top;
      const bool inside = line >= 0 && line < w.height;
      visit(i, done, run, inside ? channel * w.height + line : -1, ow * w.column_stride + s * w.column_dilation - w.left);
    }
    if (++s < w.kernel_width) continue;
    s = 0;
    if (++r < w.kernel_height) continue;
    r = 0;
    ++channel;
  }
}

}  // namespace

void pack_windows(const Windows& w, const float* x, Count row, Count rows, Count first, Count count, float* panel, Count width) {
  for_each_run(w, row, rows, first, count, [&](Count i, Count place, Count run, Count line, Count at) {
    copy_taps(line < 0 ? x : x + line * w.width, line < 0 ? 0 : w.width, at, w.column_stride, run, panel + i * width + place);
  });
}

void add_windows(const Windows& w, const float* sums, Count width, Count row, Count rows, Count first, Count count, float* y) {
  for_each_run(w, row, rows, first, count, [&](Count i, Count place, Count run, Count line, Count at) {
    if (line >= 0) add_taps(sums + i * width + place, run, y + line * w.width, w.width, at, w.column_stride);
  });
}

}  // namespace neap::sparse
