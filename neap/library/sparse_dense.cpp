// Matrices made dense of what is stored as n:m:g, in blocks or by rows, and dense gradients taken at those places: where products are
// quicker dense.
#include "neap/library/sparse_kinds.h"
#include "neap/library/sparse_sides.h"

namespace neap::sparse_dense_implementation {
namespace {

using namespace sparse_calls;

// At peak, for each that is counted, which take as long as putting an element or taking it (measured).
constexpr double placed_flops = 70;

// The slots of one pattern, none of which is padding: loops of known lengths, without a branch.
template <int n, class Index, class Visit>
void visit_pattern(const int* row, Count columns, const Index* index, Count slots, Count element, Count value, Visit visit) {
  Count at[n];
  for (int j = 0; j < n; ++j) at[j] = element + row[j] * columns;
  for (Count slot = 0; slot < slots; ++slot) {
#pragma GCC unroll 4
    for (int j = 0; j < n; ++j) visit.stored(value + slot * n + j, at[j] + index[slot]);
  }
}

// visit.stored(value, element) for all stored values of a group of rows, and visit.padding(value): where each is in the matrix, row-major.
// visit.begin(row, rows, column, columns) ahead of those of a part of the matrix. `n`: of the matrix; 0: another, known when it runs.
template <int n, class Index, class Visit>
void visit_slots(const NmgMatrix& w, const std::vector<int>& rows, Count group, Visit visit) {
  const Count kept = n == 0 ? w.n : n, slots = static_cast<Count>(rows.size()) / kept * w.g, chunks = sparse::divided_up(w.columns, slots);
  const Count first = group * chunks * slots, top = group * w.m, height = std::min<Count>(w.m, w.rows - top);
  const Index* index = static_cast<const Index*>(w.index) + first;
  Count value = first * kept;
  for (Count chunk = 0; chunk < chunks; ++chunk) {
    const Count left = chunk * slots, width = std::min(slots, w.columns - left);
    const bool whole = height == w.m && width == slots;
    visit.begin(top, height, left, width);
    for (const int* row = rows.data(); row != rows.data() + rows.size(); row += kept) {
      const Count element = top * w.columns + left;
      if constexpr (n > 0) {
        if (whole) {
          visit_pattern<n>(row, w.columns, index, w.g, element, value, visit);
          index += w.g;
          value += w.g * n;
          continue;
        }
      }
      for (Count slot = 0; slot < w.g; ++slot, ++index) {
        for (Count j = 0; j < kept; ++j, ++value) {
          if (row[j] < height && *index < width) {
            visit.stored(value, element + row[j] * w.columns + *index);
          } else {
            visit.padding(value);
          }
        }
      }
    }
  }
}

// The same of all groups, on all threads.
template <class Visit>
void for_each_value(const NmgMatrix& w, Visit visit) {
  std::vector<int> rows(static_cast<std::size_t>(binomial(w.m, w.n) * w.n));
  for (Count pattern = 0; pattern * w.n < static_cast<Count>(rows.size()); ++pattern)
    revolving_door(w.n, w.m, pattern, rows.data() + pattern * w.n);
  const Count groups = sparse::divided_up(w.rows, w.m);
#pragma omp parallel for schedule(static) num_threads(thread_count()) if (!Effort::is_small(static_cast <double>(w.rows * w.columns)))
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
#pragma omp parallel for schedule(static) num_threads(thread_count()) if (!Effort::is_small(static_cast <double>(w.rows * w.columns)))
  for (Count group = 0; group < groups; ++group) {
    const Count top = group * w.height, bottom = std::min(top + w.height, w.rows);
    visit.begin(top, bottom - top, 0, w.columns);
    if (bottom == top + w.height && w.width == 1) {
      for (Count block = w.offsets[group]; block < w.offsets[group + 1]; ++block) {
        Count element = top * w.columns + w.columns_of[block];
        for (Count value = block * w.height; value < (block + 1) * w.height; ++value, element += w.columns) visit.stored(value, element);
      }
      continue;
    }
    Count value = w.offsets[group] * w.height * w.width;
    for (Count block = w.offsets[group]; block < w.offsets[group + 1]; ++block) {
      const Count first = Count{w.columns_of[block]} * w.width;
      for (Count row = top; row < top + w.height; ++row) {
        for (Count column = first; column < first + w.width; ++column, ++value) {
          if (row < bottom && column < w.columns) {
            visit.stored(value, row * w.columns + column);
          } else {
            visit.padding(value);
          }
        }
      }
    }
  }
}

struct Placed {
  const float* values;
  float* y;
  Count columns;

  void begin(Count row, Count rows, Count column, Count count) const {
    for (float* at = y + row * columns + column; rows > 0; --rows, at += columns) std::fill_n(at, count, 0.0F);
  }
  void stored(Count value, Count element) const { y[element] += values[value]; }
  void padding(Count) const {}
};

struct Taken {
  const float* x;
  float* values;
  Count columns;

  // Asks for what is behind.
  void begin(Count row, Count rows, Count column, Count count) const {
    constexpr Count line = 16;
    for (const float* at = x + row * columns + column + count; rows > 0; --rows, at += columns) {
      for (Count i = 0; i < count; i += line) __builtin_prefetch(at + i);
    }
  }
  void stored(Count value, Count element) const { values[value] = x[element]; }
  void padding(Count value) const { values[value] = 0; }
};

template <class Kind>
class DenseCall final : public LibraryCall {
 public:
  explicit DenseCall(Kind kind) : kind_(std::move(kind)) {}
  void run(Inputs inputs, std::span<void* const> outputs) override {
    const auto w = kind_.matrix(inputs);
    for_each_value(w, Placed{static_cast<const float*>(w.values), static_cast<float*>(outputs[0]), w.columns});
  }

 private:
  Kind kind_;
};

template <class Kind>
class TakeCall final : public LibraryCall {
 public:
  explicit TakeCall(Kind kind) : kind_(std::move(kind)) {}
  void run(Inputs inputs, std::span<void* const> outputs) override {
    const auto w = kind_.matrix(inputs);
    for_each_value(w, Taken{static_cast<const float*>(inputs[0]), static_cast<float*>(outputs[0]), w.columns});
  }

 private:
  Kind kind_;
};

// Places stand among the operands from 1 on, behind the values or the dense matrix.
template <template <class> class Made, class Kind>
Implementation placing(const std::string& op, std::size_t first, bool has_values) {
  return {.name = "native",
          .op = op,
          .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
            return refuses<Kind>(call, inputs, outputs, 1);
          },
          .prepare = [first, has_values](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                                         const Symbols& symbols) -> Prepared {
            return std::make_unique<Made<Kind>>(Kind(call, given(call, inputs, symbols, first, has_values), inputs));
          },
          .efficiency = [](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return 1 / placed_flops; }};
}

template <class Kind>
struct Placing {
  RegisterImplementation dense, take;
  explicit Placing(const std::string& layout)
      : dense(placing<DenseCall, Kind>(layout + "_dense", 0, true)), take(placing<TakeCall, Kind>(layout + "_take", 1, false)) {}
};

const Placing<NmgKind> nmg("nmg");
const Placing<BlockKind> blocks("blocks");
const Placing<RowKind> csr("csr");

}  // namespace
}  // namespace neap::sparse_dense_implementation
