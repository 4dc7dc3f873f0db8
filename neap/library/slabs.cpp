// A pattern's entries by slabs, counted and put in place in one pass each, where the definitions count for each and sort.
#include <algorithm>
#include <cstring>
#include <vector>

#include "neap/base/error.h"
#include "neap/runtime/library.h"

namespace neap::slabs_implementation {
namespace {

using Inputs = std::span<const void* const>;
using Outputs = std::span<void* const>;

struct Slabs {
  std::int64_t count, rows;
  explicit Slabs(const Call& call) : count(call.integer("slabs")), rows(call.integer("rows")) {}
  template <class Index>
  std::int64_t of(Index column) const {
    return std::clamp<std::int64_t>(column / rows, 0, count - 1);
  }
};

// Calls `with` with the list as it is stored.
void read_list(DType dtype, const void* list, const auto& with) {
  dtype == DType::i64 ? with(static_cast<const std::int64_t*>(list)) : with(static_cast<const std::int32_t*>(list));
}

class OffsetsCall final : public LibraryCall {
 public:
  OffsetsCall(Slabs slabs, std::int64_t rows, std::int64_t entries, DType offsets, DType columns)
      : slabs_(slabs), rows_(rows), entries_(entries), offsets_(offsets), columns_(columns) {}

  void run(Inputs inputs, Outputs outputs) override {
    auto* const y = static_cast<std::int64_t*>(outputs[0]);
    std::fill_n(y, slabs_.count * rows_ + 1, std::int64_t{0});
    read_list(offsets_, inputs[0], [&](const auto* offsets) {
      check(offsets);
      read_list(columns_, inputs[1], [&](const auto* columns) {
        for (std::int64_t r = 0; r < rows_; ++r) {
          for (auto e = offsets[r]; e < offsets[r + 1]; ++e) ++y[slabs_.of(columns[e]) * rows_ + r + 1];
        }
      });
    });
    for (std::int64_t i = 0; i < slabs_.count * rows_; ++i) y[i + 1] += y[i];
  }

 private:
  void check(const auto* offsets) const {
    bool rises = offsets[0] == 0 && offsets[rows_] == entries_;
    for (std::int64_t r = 0; r < rows_; ++r) rises &= offsets[r] <= offsets[r + 1];
    if (!rises)
      throw Error(fmt::format("the offsets of a pattern's {} rows do not rise from 0 to its {} entries", rows_, entries_), "slab_offsets",
                  "give all entries to rows, or leave out tile_gathers");
  }

  Slabs slabs_;
  std::int64_t rows_, entries_;
  DType offsets_, columns_;
};

class ValuesCall final : public LibraryCall {
 public:
  ValuesCall(Slabs slabs, std::int64_t entries, std::int64_t size, DType columns)
      : slabs_(slabs), entries_(entries), size_(size), columns_(columns) {}

  void run(Inputs inputs, Outputs outputs) override {
    read_list(columns_, inputs[1], [&](const auto* columns) {
      std::vector<std::int64_t> next(static_cast<std::size_t>(slabs_.count) + 1);
      for (std::int64_t e = 0; e < entries_; ++e) ++next[static_cast<std::size_t>(slabs_.of(columns[e])) + 1];
      for (std::size_t slab = 1; slab < next.size(); ++slab) next[slab] += next[slab - 1];
      const auto* const values = static_cast<const std::byte*>(inputs[0]);
      auto* const y = static_cast<std::byte*>(outputs[0]);
      for (std::int64_t e = 0; e < entries_; ++e)
        std::memcpy(y + next[static_cast<std::size_t>(slabs_.of(columns[e]))]++ * size_, values + e * size_,
                    static_cast<std::size_t>(size_));
    });
  }

 private:
  Slabs slabs_;
  std::int64_t entries_, size_;
  DType columns_;
};

bool is_list(const Type& type) { return (type.dtype == DType::i32 || type.dtype == DType::i64) && type.layout.row_major(); }

const RegisterImplementation slab_offsets{
    {.name = "native",
     .op = "slab_offsets",
     .refuses = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>&) -> std::string {
       return is_list(inputs[0]) && is_list(inputs[1]) ? "" : "takes row-major lists of i32 or i64 only";
     },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                   const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
       return std::make_unique<OffsetsCall>(Slabs(call), inputs[0].shape[0].evaluate(symbols) - 1, inputs[1].shape[0].evaluate(symbols),
                                            inputs[0].dtype, inputs[1].dtype);
     }}};

const RegisterImplementation slab_values{
    {.name = "native",
     .op = "slab_values",
     .refuses = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
       const bool plain = inputs[0].layout.row_major() && outputs[0].layout.row_major();
       return is_list(inputs[1]) && plain ? "" : "takes row-major values, and columns of i32 or i64, only";
     },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                   const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
       return std::make_unique<ValuesCall>(Slabs(call), inputs[1].shape[0].evaluate(symbols), size_of(inputs[0].dtype), inputs[1].dtype);
     }}};

}  // namespace
}  // namespace neap::slabs_implementation
