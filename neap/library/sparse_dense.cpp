// Matrices made dense of what a layout stores, and dense gradients taken at its places: where products are quicker dense.
#include "neap/library/sparse_visits.h"

namespace neap::sparse_dense_implementation {
namespace {

using namespace sparse_calls;

// At peak, for each that is counted, which take as long as putting an element or taking it (measured).
constexpr double placed_flops = 70;

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
const Placing<ColumnKind> csc("csc");
const Placing<EvenKind> nm("nm");
const Placing<SlotKind> ell("ell");
const Placing<EntryKind> coo("coo");

}  // namespace
}  // namespace neap::sparse_dense_implementation
