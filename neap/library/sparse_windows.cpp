// Windows of a convolution, gathered where a panel is packed and added where sums are finished: the matrix of all of them is never made.
#include <algorithm>
#include <cstring>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// Windows side by side in one line of windows, of which some tap stands in one line of a picture: those at `place` on of a panel. Zeros
// stand for those whose tap is outside of the line, before and behind the others.
struct Run {
  Count place = 0, before = 0, count = 0, behind = 0;
  Count at = 0;  // of the first tap that is inside, in a channel of the picture
};

// Which of the places at + i * step, i < count, are in a line: from begin to end.
struct Range {
  Count begin, end;
};
Range inside(Count length, Count at, Count step, Count count) {
  const auto steps = [&](Count places) { return step == 1 ? places : divided_up(places, step); };
  const Count begin = std::clamp<Count>(steps(std::max<Count>(-at, 0)), 0, count);
  return {begin, std::clamp<Count>(at >= length ? 0 : steps(length - at), begin, count)};
}

// The runs of some windows tap by tap: in every channel the same.
class Runs {
 public:
  Runs(const Windows& w, Count first, Count count) : taps_(w.kernel_height * w.kernel_width) {
    runs_.clear();
    for (Count tap = 0; tap < taps_; ++tap) {
      Count oh = first / w.out_width, ow = first % w.out_width;
      for (Count done = 0, length = 0; done < count; done += length, ow = 0, ++oh) {
        length = std::min(w.out_width - ow, count - done);
        runs_.push_back(run(w, tap, oh, ow, length));
        runs_.back().place = done;
      }
    }
  }

  // visit(i, channel, run) for the rows row + i of the windows' matrix.
  template <class Visit>
  void for_each(Count row, Count rows, Visit visit) const {
    Count channel = row / taps_, tap = row % taps_;
    const Count of_tap = static_cast<Count>(runs_.size()) / taps_;
    for (Count i = 0; i < rows; ++i) {
      for (Count number = 0; number < of_tap; ++number) visit(i, channel, runs_[static_cast<std::size_t>(tap * of_tap + number)]);
      if (++tap < taps_) continue;
      tap = 0;
      ++channel;
    }
  }

 private:
  static Run run(const Windows& w, Count tap, Count oh, Count ow, Count length) {
    const Count line = oh * w.row_stride + tap / w.kernel_width * w.row_dilation - w.top;
    const Count at = ow * w.column_stride + tap % w.kernel_width * w.column_dilation - w.left;
    if (line < 0 || line >= w.height) return {.before = length};
    const Range taps = inside(w.width, at, w.column_stride, length);
    return {.before = taps.begin,
            .count = taps.end - taps.begin,
            .behind = length - taps.end,
            .at = line * w.width + at + taps.begin * w.column_stride};
  }

  Count taps_;
  static thread_local std::vector<Run> runs_;  // its memory is kept from call to call: there is one of these at a time
};
thread_local std::vector<Run> Runs::runs_;

// Runs are often shorter than what a call of memcpy for any length takes: pieces of known lengths, the last of which overlaps.
template <Count size>
bool copy_by(const float* from, Count count, float* to) {
  if (count < size) return false;
  for (Count i = 0; i + size <= count; i += size) std::memcpy(to + i, from + i, size * sizeof(float));
  std::memcpy(to + count - size, from + count - size, size * sizeof(float));
  return true;
}
void copy_run(const float* from, Count count, float* to) {
  if (copy_by<8>(from, count, to) || copy_by<4>(from, count, to)) return;
  for (Count i = 0; i < count; ++i) to[i] = from[i];
}

void add_run(const float* from, Count count, float* to) {
  constexpr int at_once = 4;
  Count i = 0;
  for (; i + at_once <= count; i += at_once) {
#pragma omp simd
    for (int j = 0; j < at_once; ++j) to[i + j] += from[i + j];
  }
  for (; i < count; ++i) to[i] += from[i];
}

}  // namespace

void pack_windows(const Windows& w, const float* x, Count row, Count rows, Count first, Count count, float* panel, Count width) {
  const Count step = w.column_stride, channel_size = w.height * w.width;
  Runs(w, first, count).for_each(row, rows, [&](Count i, Count channel, const Run& run) {
    float* const to = panel + i * width + run.place;
    const float* const from = x + channel * channel_size + run.at;
    std::fill_n(to, run.before, 0.0F);
    if (step == 1) {
      copy_run(from, run.count, to + run.before);
    } else {
      for (Count j = 0; j < run.count; ++j) to[run.before + j] = from[j * step];
    }
    std::fill_n(to + run.before + run.count, run.behind, 0.0F);
  });
}

void add_windows(const Windows& w, const float* sums, Count width, Count row, Count rows, Count first, Count count, float* y) {
  const Count step = w.column_stride, channel_size = w.height * w.width;
  Runs(w, first, count).for_each(row, rows, [&](Count i, Count channel, const Run& run) {
    const float* const from = sums + i * width + run.place + run.before;
    float* const to = y + channel * channel_size + run.at;
    if (step == 1) {
      add_run(from, run.count, to);
    } else {
      for (Count j = 0; j < run.count; ++j) to[j * step] += from[j];
    }
  });
}

}  // namespace neap::sparse
