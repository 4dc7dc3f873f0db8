// Sorting by comparison in place of the definitions' counting: the same order, ties and NaN included.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/runtime/library.h"

namespace neap::sort_implementation {
namespace {

template <class T>
auto comparable(T value) {
  if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>) {
    return static_cast<float>(value);
  } else {
    return value;
  }
}

template <class T>
bool is_nan(T value) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(value);
  return false;
}

// NaN counts as the largest.
template <class T>
bool comes_before(T a, T b, bool descending) {
  if (is_nan(a) || is_nan(b)) return descending ? is_nan(a) && !is_nan(b) : !is_nan(a) && is_nan(b);
  return descending ? a > b : a < b;
}

// Lines along one axis of a row-major value.
struct Lines {
  std::int64_t outer = 1, size = 1, inner = 1;

  Lines(const Type& type, int axis, const Symbols& symbols) {
    const std::vector<std::int64_t> sizes = evaluate(type.shape, symbols);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::int64_t& part = static_cast<int>(i) < axis ? outer : static_cast<int>(i) == axis ? size : inner;
      part *= sizes[i];
    }
  }
};

enum class Result { order, values, places, top };  // argsort, sort, rank, top_k

class SortCall final : public LibraryCall {
 public:
  SortCall(DType dtype, Lines lines, bool descending, std::int64_t count, Result result)
      : dtype_(dtype), lines_(lines), descending_(descending), count_(count), result_(result) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    dispatch(dtype_, [&](auto tag) { sort(static_cast<const typename decltype(tag)::type*>(inputs[0]), outputs); });
  }

 private:
  template <class T>
  void sort(const T* x, std::span<void* const> outputs) const {
    using Key = decltype(comparable(T()));
    const std::int64_t lines = lines_.outer * lines_.inner;
    constexpr std::int64_t worth_threads = 1 << 14;
    const int threads = lines * lines_.size < worth_threads ? 1 : thread_count();
#pragma omp parallel num_threads(threads)
    {
      std::vector<Key> keys(static_cast<std::size_t>(lines_.size));
      std::vector<std::int64_t> order(keys.size());
#pragma omp for schedule(static)
      for (std::int64_t line = 0; line < lines; ++line) {
        const std::int64_t start = line / lines_.inner * lines_.size * lines_.inner + line % lines_.inner;
        for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = comparable(x[start + static_cast<std::int64_t>(i) * lines_.inner]);
        std::iota(order.begin(), order.end(), std::int64_t{0});
        const auto before = [&](std::int64_t a, std::int64_t b) {
          const Key p = keys[static_cast<std::size_t>(a)], q = keys[static_cast<std::size_t>(b)];
          return comes_before(p, q, descending_) || (!comes_before(q, p, descending_) && a < b);
        };
        if (count_ == lines_.size) {
          std::sort(order.begin(), order.end(), before);
        } else {
          std::partial_sort(order.begin(), order.begin() + count_, order.end(), before);
        }
        write(x + start, order, line, outputs);
      }
    }
  }

  template <class T>
  void write(const T* x, const std::vector<std::int64_t>& order, std::int64_t line, std::span<void* const> outputs) const {
    const std::int64_t start = line / lines_.inner * count_ * lines_.inner + line % lines_.inner;
    const auto place = [&](std::int64_t i) { return start + i * lines_.inner; };
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::int64_t from = order[static_cast<std::size_t>(i)];
      if (result_ == Result::order) static_cast<std::int64_t*>(outputs[0])[place(i)] = from;
      if (result_ == Result::places) static_cast<std::int64_t*>(outputs[0])[place(from)] = i;
      if (result_ == Result::values || result_ == Result::top) static_cast<T*>(outputs[0])[place(i)] = x[from * lines_.inner];
      if (result_ == Result::top) static_cast<std::int64_t*>(outputs[1])[place(i)] = from;
    }
  }

  DType dtype_;
  Lines lines_;
  bool descending_;
  std::int64_t count_;
  Result result_;
};

std::string refuses(const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  const auto row_major = [](const Type& type) { return type.layout.row_major(); };
  if (!row_major(inputs[0]) || !std::all_of(outputs.begin(), outputs.end(), row_major)) return "takes row-major values only";
  return "";
}

using Prepared = std::unique_ptr<LibraryCall>;

Implementation sorting(const char* op, Result result) {
  return {
      .name = "native",
      .op = op,
      .refuses = refuses,
      .prepare = [result](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols) -> Prepared {
        const Lines lines(inputs[0], call.axis("axis", inputs[0].rank()), symbols);
        return std::make_unique<SortCall>(inputs[0].dtype, lines, call.flag("descending"), lines.size, result);
      }};
}

const RegisterImplementation argsort{sorting("argsort", Result::order)};
const RegisterImplementation sort{sorting("sort", Result::values)};
// Of the flops of the definition, which compares all with all: short lines are ranked more quickly so, in vectors and where their elements
// are made. A comparison of a sort takes 27 cycles on Zen 3, a third as much where lines are of 4. Counted as 15, since loops for lines of
// 16 and more are predicted half of what they take: both take as long for lines of 128.
double rank_efficiency(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
  constexpr double peak = 32, cycles = 15;  // flops a cycle; of a comparison
  constexpr std::int64_t typical = 128;     // size of a symbol
  const Dim& size = inputs[0].shape[static_cast<std::size_t>(call.axis("axis", inputs[0].rank()))];
  const auto count = static_cast<double>(std::max<std::int64_t>(2, size.evaluate({}, typical)));
  const Map map = define(call).map;
  const double all = static_cast<double>(element_count(inputs[0].shape).evaluate({}, typical));
  const double flops_of_element = static_cast<double>(flops(map.stages[0].value, map.axes).evaluate({}, typical)) / std::max(1.0, all);
  return flops_of_element / (peak * cycles * std::log2(count));
}

Implementation ranking() {
  Implementation made = sorting("rank", Result::places);
  made.efficiency = rank_efficiency;
  return made;
}
const RegisterImplementation rank{ranking()};

const RegisterImplementation top_k{
    {.name = "native",
     .op = "top_k",
     .refuses = refuses,
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols) -> Prepared {
       const Lines lines(inputs[0], call.axis("axis", inputs[0].rank()), symbols);
       const std::int64_t k = call.dims("k")[0].evaluate(symbols);
       if (k < 0 || k > lines.size) call.fail(fmt::format("k is {} of {} elements", k, lines.size));
       return std::make_unique<SortCall>(inputs[0].dtype, lines, call.flag("largest"), k, Result::top);
     }}};

}  // namespace
}  // namespace neap::sort_implementation
