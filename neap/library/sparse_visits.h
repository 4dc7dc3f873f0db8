// Where each stored value of a matrix is: for_each_value(matrix, visit) calls visit.stored(value, place) for all of them, and
// visit.padding(value) for values that are no element. Parts of the matrix are visited one after the other: visit.begin(row, rows, column,
// columns) is called ahead of each, and visit.place(row, column) within it. visit.soon(row, rows, column, columns) says what comes next
// within a part. On all threads, each of which has parts of its own, and a copy of `visit`.
#pragma once
#include <limits>

#include "neap/library/sparse_kinds.h"
#include "neap/library/sparse_sides.h"

namespace neap::sparse_calls {

inline int threads_for(Count elements) { return Effort::is_small(static_cast<double>(elements)) ? 1 : thread_count(); }

// The slots of one pattern, none of which is padding: loops of known lengths, without a branch.
template <int n, class Index, class Visit>
void visit_pattern(const int* row, Count top, Count left, const Index* index, Count slots, Count value, Visit& visit) {
  Count at[n];
  for (int j = 0; j < n; ++j) at[j] = visit.place(top + row[j], left);
  for (Count slot = 0; slot < slots; ++slot) {
#pragma GCC unroll 4
    for (int j = 0; j < n; ++j) visit.stored(value + slot * n + j, at[j] + index[slot]);
  }
}

// Of a group of rows. `n`: of the matrix; 0: another, known when it runs.
template <int n, class Index, class Visit>
void visit_slots(const NmgMatrix& w, const std::vector<int>& rows, Count group, Visit& visit) {
  const Count kept = n == 0 ? w.n : n, slots = static_cast<Count>(rows.size()) / kept * w.g, chunks = sparse::divided_up(w.columns, slots);
  const Count first = group * chunks * slots, top = group * w.m, height = std::min<Count>(w.m, w.rows - top);
  const Index* index = static_cast<const Index*>(w.index) + first;
  Count value = first * kept;
  for (Count chunk = 0; chunk < chunks; ++chunk) {
    const Count left = chunk * slots, width = std::min(slots, w.columns - left);
    const bool whole = height == w.m && width == slots;
    visit.begin(top, height, left, width);
    visit.soon(top, height, left, width);
    for (const int* row = rows.data(); row != rows.data() + rows.size(); row += kept) {
      if constexpr (n > 0) {
        if (whole) {
          visit_pattern<n>(row, top, left, index, w.g, value, visit);
          index += w.g;
          value += w.g * n;
          continue;
        }
      }
      for (Count slot = 0; slot < w.g; ++slot, ++index) {
        for (Count j = 0; j < kept; ++j, ++value) {
          if (row[j] < height && *index < width) {
            visit.stored(value, visit.place(top + row[j], left + *index));
          } else {
            visit.padding(value);
          }
        }
      }
    }
  }
}

template <class Visit>
void for_each_value(const NmgMatrix& w, Visit visit) {
  std::vector<int> rows(static_cast<std::size_t>(binomial(w.m, w.n) * w.n));
  for (Count pattern = 0; pattern * w.n < static_cast<Count>(rows.size()); ++pattern)
    revolving_door(w.n, w.m, pattern, rows.data() + pattern * w.n);
  const Count groups = sparse::divided_up(w.rows, w.m);
#pragma omp parallel for schedule(static) num_threads(threads_for(w.rows* w.columns)) firstprivate(visit)
  for (Count group = 0; group < groups; ++group) {
    if (w.wide) {
      visit_slots<0, std::int32_t>(w, rows, group, visit);
    } else {
      (w.n == 1   ? visit_slots<1, std::int16_t, Visit>
       : w.n == 2 ? visit_slots<2, std::int16_t, Visit>
                  : visit_slots<0, std::int16_t, Visit>)(w, rows, group, visit);
    }
  }
}
template <class Visit>
void for_each_value(const BlockMatrix& w, Visit visit) {
  const Count groups = sparse::divided_up(w.rows, w.height);
#pragma omp parallel for schedule(static) num_threads(threads_for(w.rows* w.columns)) firstprivate(visit)
  for (Count group = 0; group < groups; ++group) {
    const Count top = group * w.height, bottom = std::min(top + w.height, w.rows);
    visit.begin(top, bottom - top, 0, w.columns);
    visit.soon(top, bottom - top, 0, w.columns);
    if (bottom == top + w.height && w.width == 1) {
      for (Count block = w.offsets[group]; block < w.offsets[group + 1]; ++block) {
        for (Count i = 0; i < w.height; ++i) visit.stored(block * w.height + i, visit.place(top + i, w.columns_of[block]));
      }
      continue;
    }
    Count value = w.offsets[group] * w.height * w.width;
    for (Count block = w.offsets[group]; block < w.offsets[group + 1]; ++block) {
      const Count first = Count{w.columns_of[block]} * w.width;
      for (Count row = top; row < top + w.height; ++row) {
        for (Count column = first; column < first + w.width; ++column, ++value) {
          if (row < bottom && column < w.columns) {
            visit.stored(value, visit.place(row, column));
          } else {
            visit.padding(value);
          }
        }
      }
    }
  }
}

// Error where places are not below `limit`, or, but for those of which negative ones are free, are negative.
template <class T>
void check_within(const T* places, Count count, Count limit, bool are_free, std::string_view what) {
  if (!sparse::all_within(places, count, are_free ? std::numeric_limits<T>::min() : 0, limit))
    throw Error(fmt::format("{} of a sparse matrix are not all {} {}", what, are_free ? "below" : "0 or more and below", limit), "",
                "give the components that the layout packs");
}

// CSC.
struct ColumnMatrix {
  Count rows, columns;
  const void* values;
  sparse::Offsets offsets;
  const std::int32_t* row_of;
  bool rising;  // rows within each column
};

// Rows in bands: each column goes on in the next where it stopped. Of fewer than a few elements of each column what is done for a column
// takes longer than they do; of more, or of what is far larger than the second cache, bands leave the caches (measured on Zen 4). Of a
// matrix that is so large, a visit that buffers its parts has bands of as many elements as a line holds, and parts of some columns of them.
template <class Visit>
void for_each_value(const ColumnMatrix& w, Visit visit) {
  constexpr Count line = 16, ahead = 8;
  const Count stored = std::max<Count>(1, w.offsets[w.columns] - w.offsets[0]), cache = machine().l2_bytes / Count{sizeof(float)};
  const bool in_parts = Visit::buffers && w.rising && w.rows * w.columns > 4 * cache;
  const int threads = w.rising ? threads_for(w.rows * w.columns) : 1;
  const Count rows_of_few = (in_parts ? line : 4) * w.rows * w.columns / stored;
  const Count rows_of_most = in_parts ? cache / 4 / line : 4 * cache / std::max<Count>(1, w.columns);
  const Count band = std::max<Count>(1, w.rising ? std::min(rows_of_few, rows_of_most) : w.rows);
  const Count wide = in_parts ? std::max(line, cache / 4 / band / line * line) : w.columns;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1) firstprivate(visit)
  for (int thread = 0; thread < threads; ++thread) {
    const Count first = w.rows * thread / threads, last = w.rows * (thread + 1) / threads;
    std::vector<Count> next(static_cast<std::size_t>(w.columns));
    for (Count c = 0; c < w.columns; ++c) {
      const Count begin = w.offsets[c];
      next[c] = first == 0 ? begin : std::lower_bound(w.row_of + begin, w.row_of + w.offsets[c + 1], first) - w.row_of;
    }
    for (Count top = first; top < last; top += band) {
      const Count bottom = std::min(top + band, last);
      for (Count left = 0; left < w.columns; left += wide) {
        const Count right = std::min(left + wide, w.columns);
        visit.begin(top, bottom - top, left, right - left);
        visit.soon(top, bottom - top, left, right - left);
        for (Count c = left; c < right; ++c) {
          if (c + ahead < w.columns) {
            __builtin_prefetch(w.row_of + next[c + ahead]);
            visit.soon_value(next[c + ahead]);
          }
          const Count end = w.offsets[c + 1];
          Count value = next[c];
          for (; value < end && w.row_of[value] < bottom; ++value) visit.stored(value, visit.place(w.row_of[value], c));
          next[c] = value;
        }
      }
    }
  }
}

struct ColumnKind {
  Given given;
  bool wide;

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    return refuses_rows(inputs, place, "rows");
  }
  ColumnKind(const Call&, const Given& of, const std::vector<Type>& inputs) : given(of), wide(inputs[of.place(0)].dtype == DType::i64) {}

  // The places of the transposed matrix are checked, which is CSR.
  ColumnMatrix matrix(Inputs inputs) const {
    const BlockMatrix turned = by_rows(given, inputs, 0, wide, given.columns, given.rows);
    return {given.rows, given.columns, turned.values, turned.offsets, turned.columns_of, turned.rising};
  }
};

// n:m.
struct EvenMatrix {
  Count rows, columns, n, m;
  const void* values;
  const std::int8_t* row_of;
};

template <class Visit>
void for_each_value(const EvenMatrix& w, Visit visit) {
  const Count groups = sparse::divided_up(w.rows, w.m);
#pragma omp parallel for schedule(static) num_threads(threads_for(w.rows* w.columns)) firstprivate(visit)
  for (Count group = 0; group < groups; ++group) {
    const Count top = group * w.m, height = std::min(w.m, w.rows - top);
    visit.begin(top, height, 0, w.columns);
    visit.soon(top, height, 0, w.columns);
    Count value = group * w.columns * w.n;
    for (Count c = 0; c < w.columns; ++c) {
      for (Count j = 0; j < w.n; ++j, ++value) {
        if (w.row_of[value] < height) {
          visit.stored(value, visit.place(top + w.row_of[value], c));
        } else {
          visit.padding(value);
        }
      }
    }
  }
}

struct EvenKind {
  Given given;
  Count n, m;

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    return inputs[place].dtype != DType::i8 ? "takes rows of i8 only" : "";
  }
  EvenKind(const Call& call, const Given& of, const std::vector<Type>&) : given(of), n(call.integer("n")), m(call.integer("m")) {}

  EvenMatrix matrix(Inputs inputs) const {
    const auto* const row_of = static_cast<const std::int8_t*>(inputs[given.place(0)]);
    check_within(row_of, given.counts[0], m, false, "rows within their groups");
    return {given.rows, given.columns, n, m, given.value(inputs), row_of};
  }
};

// ELL.
struct SlotMatrix {
  Count rows, columns, slots;
  const void* values;
  const std::int32_t* column_of;  // -1: free
};

template <class Visit>
void for_each_value(const SlotMatrix& w, Visit visit) {
#pragma omp parallel for schedule(static) num_threads(threads_for(w.rows* w.columns)) firstprivate(visit)
  for (Count row = 0; row < w.rows; ++row) {
    visit.begin(row, 1, 0, w.columns);
    visit.soon(row, 1, 0, w.columns);
    for (Count value = row * w.slots; value < (row + 1) * w.slots; ++value) {
      if (w.column_of[value] >= 0) {
        visit.stored(value, visit.place(row, w.column_of[value]));
      } else {
        visit.padding(value);
      }
    }
  }
}

struct SlotKind {
  Given given;

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    return inputs[place].dtype != DType::i32 ? "takes columns of i32 only" : "";
  }
  SlotKind(const Call&, const Given& of, const std::vector<Type>&) : given(of) {}

  SlotMatrix matrix(Inputs inputs) const {
    const auto* const column_of = static_cast<const std::int32_t*>(inputs[given.place(0)]);
    check_within(column_of, given.counts[0], given.columns, true, "columns");
    return {given.rows, given.columns, given.rows == 0 ? 0 : given.counts[0] / given.rows, given.value(inputs), column_of};
  }
};

// COO.
struct EntryMatrix {
  Count rows, columns, count;
  const void* values;
  const std::int32_t *row_of, *column_of;
  bool rising;  // rows
};

template <class Visit>
void for_each_value(const EntryMatrix& w, Visit visit) {
  if (!w.rising) {
    visit.begin(0, w.rows, 0, w.columns);
    for (Count value = 0; value < w.count; ++value) visit.stored(value, visit.place(w.row_of[value], w.column_of[value]));
    return;
  }
  const int threads = threads_for(w.rows * w.columns);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1) firstprivate(visit)
  for (int thread = 0; thread < threads; ++thread) {
    const Count last = w.rows * (thread + 1) / threads;
    Count row = w.rows * thread / threads, value = std::lower_bound(w.row_of, w.row_of + w.count, row) - w.row_of;
    for (; row < last; ++row) {
      visit.begin(row, 1, 0, w.columns);
      visit.soon(row, 1, 0, w.columns);
      for (; value < w.count && w.row_of[value] == row; ++value) visit.stored(value, visit.place(row, w.column_of[value]));
    }
  }
}

struct EntryKind {
  Given given;

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    return inputs[place].dtype != DType::i32 || inputs[place + 1].dtype != DType::i32 ? "takes rows and columns of i32 only" : "";
  }
  EntryKind(const Call&, const Given& of, const std::vector<Type>&) : given(of) {}

  EntryMatrix matrix(Inputs inputs) const {
    const auto* const row_of = static_cast<const std::int32_t*>(inputs[given.place(0)]);
    const auto* const column_of = static_cast<const std::int32_t*>(inputs[given.place(1)]);
    check_within(row_of, given.counts[0], given.rows, false, "rows");
    check_within(column_of, given.counts[0], given.columns, false, "columns");
    return {given.rows,
            given.columns,
            given.counts[0],
            given.value(inputs),
            row_of,
            column_of,
            std::is_sorted(row_of, row_of + given.counts[0])};
  }
};

}  // namespace neap::sparse_calls
