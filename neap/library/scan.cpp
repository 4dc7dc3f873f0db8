// Sums and products so far, in one pass over each line where their definitions take one for each element. Long lines are cut into blocks of
// one size, so that results do not depend on the number of threads.
#include <algorithm>
#include <array>
#include <utility>

#include "neap/base/machine.h"
#include "neap/library/lines.h"
#include "neap/runtime/library.h"

namespace neap::scan_implementation {
namespace {

// What is added up or multiplied, so far: sums of floats in double precision, whole numbers with wrap-around.
template <class T, bool product>
struct Total {
  using Wide =
      std::conditional_t<std::is_integral_v<T>, std::uint64_t, std::conditional_t<product && !std::is_same_v<T, double>, float, double>>;
  using Number = std::conditional_t<std::is_arithmetic_v<T>, T, float>;  // of 16 bits
  Wide value = product ? 1 : 0;

  void take(Wide x) { value = product ? value * x : value + x; }
  void take_element(T x) { take(static_cast<Wide>(static_cast<Number>(x))); }
  T number() const { return static_cast<T>(static_cast<Number>(value)); }
};

class ScanCall final : public LibraryCall {
 public:
  ScanCall(DType dtype, Lines lines, bool product, bool exclusive, bool reverse)
      : dtype_(dtype), lines_(lines), product_(product), exclusive_(exclusive), reverse_(reverse) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    dispatch(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const auto* const x = static_cast<const T*>(inputs[0]);
      auto* const y = static_cast<T*>(outputs[0]);
      product_ ? scan<T, true>(x, y) : scan<T, false>(x, y);
    });
  }

 private:
  // Lines that stand side by side are gone along together, some elements of them at a time: a block.
  static constexpr std::int64_t beside = 16, block = 1 << 14;

  template <class T, bool product>
  void scan(const T* x, T* y) const {
    using Totals = std::array<Total<T, product>, beside>;
    const std::int64_t of_outer = (lines_.inner + beside - 1) / beside, blocks = (lines_.size + block - 1) / block;
    const std::int64_t all = lines_.outer * of_outer * blocks;
    const int threads = lines_.outer * lines_.size * lines_.inner < block ? 1 : thread_count();
    std::vector<Totals> ahead;  // of each block: its own, then of all ahead of it
    if (blocks > 1) {
      ahead.resize(static_cast<std::size_t>(all));
#pragma omp parallel for schedule(static) num_threads(threads)
      for (std::int64_t number = 0; number < all; ++number) {
        Totals& sums = ahead[static_cast<std::size_t>(number)];
        for_each_of(number, of_outer, blocks, [&](std::size_t line, std::int64_t at) { sums[line].take_element(x[at]); });
      }
      for (std::int64_t first = 0; first < all; first += blocks) {
        Totals sums;
        for (std::int64_t number = first; number < first + blocks; ++number) {
          const Totals mine = std::exchange(ahead[static_cast<std::size_t>(number)], sums);
          for (std::size_t line = 0; line < beside; ++line) sums[line].take(mine[line].value);
        }
      }
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t number = 0; number < all; ++number) {
      Totals sums = ahead.empty() ? Totals() : ahead[static_cast<std::size_t>(number)];
      for_each_of(number, of_outer, blocks, [&](std::size_t line, std::int64_t at) {
        const T before = sums[line].number();
        sums[line].take_element(x[at]);
        y[at] = exclusive_ ? before : sums[line].number();
      });
    }
  }

  // work(line, place) along a block of some lines, in the order of the scan.
  template <class Work>
  void for_each_of(std::int64_t number, std::int64_t of_outer, std::int64_t blocks, Work work) const {
    const std::int64_t lines = number / blocks, outer = lines / of_outer, left = lines % of_outer * beside;
    const std::int64_t first = number % blocks * block, end = std::min(first + block, lines_.size);
    const auto wide = static_cast<std::size_t>(std::min(beside, lines_.inner - left));
    for (std::int64_t i = first; i < end; ++i) {
      const std::int64_t row = outer * lines_.size + (reverse_ ? lines_.size - 1 - i : i);
      for (std::size_t line = 0; line < wide; ++line) work(line, row * lines_.inner + left + static_cast<std::int64_t>(line));
    }
  }

  DType dtype_;
  Lines lines_;
  bool product_, exclusive_, reverse_;
};

Implementation scanning(const char* op, bool product) {
  return {.name = "native",
          .op = op,
          .refuses = refuses_lines,
          .prepare = [product](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                               const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
            const Lines lines(inputs[0], call.axis("axis", inputs[0].rank()), symbols);
            const auto flag = [&](const char* name) { return !product && call.flag(name); };
            return std::make_unique<ScanCall>(inputs[0].dtype, lines, product, flag("exclusive"), flag("reverse"));
          },
          .efficiency =
              [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
                constexpr double cycles = 4;  // of an addition that waits for the one before it
                return line_efficiency(call, inputs[0], cycles);
              }};
}

const RegisterImplementation cumulative_sum{scanning("cumulative_sum", false)};
const RegisterImplementation cumulative_product{scanning("cumulative_product", true)};

}  // namespace
}  // namespace neap::scan_implementation
