// Matrices made dense of what is stored as n:m:g, in blocks or by rows, and dense gradients taken at those places: where products are
// quicker dense.
#include "neap/library/sparse_kinds.h"
#include "neap/library/sparse_sides.h"

namespace neap::sparse_dense_implementation {
namespace {

using namespace sparse_calls;

// At peak, for each that is counted, which take as long as putting an element or taking it (measured).
constexpr double placed_flops = 70;

// visit(value, element) for all stored values of a group of rows: where each is in the matrix, row-major; -1 where there is padding.
template <class Index, class Visit>
void visit_slots(const NmgMatrix& w, const std::vector<int>& rows, Count group, Visit visit) {
  const Count patterns = static_cast<Count>(rows.size()) / w.n, slots = patterns * w.g, chunks = sparse::divided_up(w.columns, slots);
  const Count first = group * chunks * slots, top = group * w.m, below = w.rows - top;
  const Index* index = static_cast<const Index*>(w.index) + first;
  Count value = first * w.n;
  for (Count chunk = 0; chunk < chunks; ++chunk) {
    for (Count pattern = 0; pattern < patterns; ++pattern) {
      const int* const row = rows.data() + pattern * w.n;
      for (Count slot = 0; slot < w.g; ++slot, ++index) {
        const Count column = chunk * slots + *index;
        for (int j = 0; j < w.n; ++j, ++value)
          visit(value, row[j] < below && column < w.columns ? (top + row[j]) * w.columns + column : -1);
      }
    }
  }
}

// begin(row, rows) ahead of each group of rows, then visit as above; on all threads.
template <class Begin, class Visit>
void for_each_value(const NmgMatrix& w, Begin begin, Visit visit) {
  std::vector<int> rows(static_cast<std::size_t>(binomial(w.m, w.n) * w.n));
  for (Count pattern = 0; pattern * w.n < static_cast<Count>(rows.size()); ++pattern)
    revolving_door(w.n, w.m, pattern, rows.data() + pattern * w.n);
  const Count groups = sparse::divided_up(w.rows, w.m);
#pragma omp parallel for schedule(static) num_threads(thread_count()) if (!Effort::is_small(static_cast <double>(w.rows * w.columns)))
  for (Count group = 0; group < groups; ++group) {
    begin(group * w.m, std::min<Count>(w.m, w.rows - group * w.m));
    w.wide ? visit_slots<std::int32_t>(w, rows, group, visit) : visit_slots<std::int16_t>(w, rows, group, visit);
  }
}
template <class Begin, class Visit>
void for_each_value(const BlockMatrix& w, Begin begin, Visit visit) {
  const Count groups = sparse::divided_up(w.rows, w.height);
#pragma omp parallel for schedule(static) num_threads(thread_count()) if (!Effort::is_small(static_cast <double>(w.rows * w.columns)))
  for (Count group = 0; group < groups; ++group) {
    const Count top = group * w.height;
    begin(top, std::min<Count>(w.height, w.rows - top));
    Count value = w.offsets[group] * w.height * w.width;
    for (Count block = w.offsets[group]; block < w.offsets[group + 1]; ++block) {
      const Count first = Count{w.columns_of[block]} * w.width;
      for (Count row = top; row < top + w.height; ++row) {
        for (Count column = first; column < first + w.width; ++column, ++value)
          visit(value, row < w.rows && column < w.columns ? row * w.columns + column : -1);
      }
    }
  }
}

template <class Kind>
class DenseCall final : public LibraryCall {
 public:
  explicit DenseCall(Kind kind) : kind_(std::move(kind)) {}
  void run(Inputs inputs, std::span<void* const> outputs) override {
    const auto w = kind_.matrix(inputs);
    const auto* const values = static_cast<const float*>(w.values);
    auto* const y = static_cast<float*>(outputs[0]);
    for_each_value(
        w, [&](Count row, Count rows) { std::fill(y + row * w.columns, y + (row + rows) * w.columns, 0.0F); },
        [=](Count value, Count element) {
          if (element >= 0) y[element] += values[value];
        });
  }

 private:
  Kind kind_;
};

template <class Kind>
class TakeCall final : public LibraryCall {
 public:
  explicit TakeCall(Kind kind) : kind_(std::move(kind)) {}
  void run(Inputs inputs, std::span<void* const> outputs) override {
    const auto* const x = static_cast<const float*>(inputs[0]);
    auto* const values = static_cast<float*>(outputs[0]);
    for_each_value(
        kind_.matrix(inputs), [](Count, Count) {}, [=](Count value, Count element) { values[value] = element < 0 ? 0 : x[element]; });
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
