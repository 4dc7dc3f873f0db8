// Matrices made dense of what a layout stores, and dense gradients taken at its places: where products are quicker dense.
#include "neap/base/stream.h"
#include "neap/layouts/mask_loops.h"
#include "neap/library/sparse_visits.h"

namespace neap::sparse_dense_implementation {
namespace {

using namespace sparse_calls;

// At peak, for each that is counted, which take as long as putting an element or taking it (measured).
constexpr double placed_flops = 70;

bool is_far(Count rows, Count columns) { return is_past_caches(rows * columns * Count{sizeof(float)}); }

// Of a matrix that is larger than the caches, a part is made in a buffer, which is in one, and goes past them when it is whole: lines of
// memory that are written whole need not be read first. Each thread has a copy.
class Placed {
 public:
  static constexpr bool buffers = true;

  Placed(const float* values, float* y, Count rows, Count columns)
      : values_(values), y_(y), columns_(columns), is_far_(is_far(rows, columns)) {}
  Placed(const Placed&) = default;  // of one that has begun nothing
  Placed& operator=(const Placed&) = delete;
  ~Placed() {
    end();
    end_past_caches();
  }

  void begin(Count row, Count rows, Count column, Count count) {
    end();
    row_ = row;
    rows_ = rows;
    column_ = column;
    count_ = count;
    is_waiting_ = is_far_ && rows * count * Count{sizeof(float)} <= machine().l2_bytes / 2;
    if (is_waiting_) {
      buffer_.assign(static_cast<std::size_t>(rows * count), 0.0F);
      to_ = buffer_.data();
      stride_ = count;
    } else {
      to_ = y_ + row * columns_ + column;
      stride_ = columns_;
      for (Count i = 0; i < rows; ++i) std::fill_n(to_ + i * stride_, count, 0.0F);
    }
  }
  Count place(Count row, Count column) const { return (row - row_) * stride_ + column - column_; }
  void soon(Count, Count, Count, Count) const {}
  void soon_value(Count value) const { __builtin_prefetch(values_ + value); }
  void stored(Count value, Count place) const { to_[place] += values_[value]; }
  void padding(Count) const {}

 private:
  void end() {
    for (Count i = 0; is_waiting_ && i < rows_; ++i)
      copy_past_caches(buffer_.data() + i * count_, y_ + (row_ + i) * columns_ + column_, count_ * Count{sizeof(float)});
    is_waiting_ = false;
  }

  const float* values_;
  float* y_;
  Count columns_;
  bool is_far_, is_waiting_ = false;
  Count row_ = 0, rows_ = 0, column_ = 0, count_ = 0, stride_ = 0;  // of the part; of what is written
  float* to_ = nullptr;
  std::vector<float> buffer_;
};

struct Taken {
  static constexpr bool buffers = false;
  const float* x;
  float* values;
  Count columns;

  void begin(Count, Count, Count, Count) const {}
  Count place(Count row, Count column) const { return row * columns + column; }
  // Asks for what is behind.
  void soon(Count row, Count rows, Count column, Count count) const {
    constexpr Count line = 16;
    for (const float* at = x + row * columns + column + count; rows > 0; --rows, at += columns) {
      for (Count i = 0; i < count; i += line) __builtin_prefetch(at + i);
    }
  }
  void soon_value(Count) const {}
  void stored(Count value, Count place) const { values[value] = x[place]; }
  void padding(Count value) const { values[value] = 0; }
};

template <class Matrix>
void make_dense(const Matrix& w, float* y) {
  for_each_value(w, Placed(static_cast<const float*>(w.values), y, w.rows, w.columns));
}

// Whole rows are chosen from: there is hardly a line without an element.
void make_dense(const EvenMatrix& w, float* y) {
  const Count groups = sparse::divided_up(w.rows, w.m);
  const bool past_caches = is_far(w.rows, w.columns);
#pragma omp parallel for schedule(static) num_threads(threads_for(w.rows* w.columns))
  for (Count group = 0; group < groups; ++group) {
    const Count top = group * w.m, first = group * w.columns * w.n;
    masks::loops().put_rows(w.n, std::min(w.m, w.rows - top), w.columns, static_cast<const float*>(w.values) + first, w.row_of + first,
                            y + top * w.columns, w.columns, past_caches);
  }
}

template <class Kind>
class DenseCall final : public LibraryCall {
 public:
  explicit DenseCall(Kind kind) : kind_(std::move(kind)) {}
  void run(Inputs inputs, std::span<void* const> outputs) override { make_dense(kind_.matrix(inputs), static_cast<float*>(outputs[0])); }

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
const Placing<ColumnKind> csc("csc");
const Placing<EvenKind> nm("nm");
const Placing<SlotKind> ell("ell");
const Placing<EntryKind> coo("coo");

}  // namespace
}  // namespace neap::sparse_dense_implementation
