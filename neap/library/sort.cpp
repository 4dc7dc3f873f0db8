// Sorting in place of the definitions' counting: the same order, ties and NaN included. Long lines by their digits, short ones by
// comparison; flags are told apart (flag_order.h).
#include <algorithm>
#include <cmath>
#include <limits>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/base/radix_sort.h"
#include "neap/library/flag_order.h"
#include "neap/library/lines.h"

namespace neap::sort_implementation {
namespace {

template <class T>
auto key_of(T value, bool descending) {
  const auto key = sort_key(value);
  return static_cast<std::remove_const_t<decltype(key)>>(descending ? ~key : key);
}

constexpr std::int64_t is_long = 2048;  // a line: as many digits are counted in a pass of radix_sort

enum class Result { order, values, places, top };  // argsort, sort, rank, top_k

class SortCall final : public LibraryCall {
 public:
  SortCall(DType dtype, Lines lines, bool descending, std::int64_t count, Result result)
      : dtype_(dtype), lines_(lines), descending_(descending), count_(count), result_(result) {
    if (constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max(); lines.size > most)
      throw Error(fmt::format("a line of {} elements", lines.size), "sorting", fmt::format("sort {} at most", most));
  }

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    dispatch(dtype_, [&](auto tag) { sort(static_cast<const typename decltype(tag)::type*>(inputs[0]), outputs); });
  }

 private:
  template <class T>
  void sort(const T* x, std::span<void* const> outputs) const {
    using Key = std::remove_const_t<decltype(key_of(T(), false))>;
    const std::int64_t lines = lines_.outer * lines_.inner;
    constexpr std::int64_t worth_threads = 1 << 14;
    const int threads = lines * lines_.size < worth_threads ? 1 : thread_count();
#pragma omp parallel num_threads(threads)
    {
      std::vector<Ranked<Key>> order(static_cast<std::size_t>(lines_.size)), space;
#pragma omp for schedule(static)
      for (std::int64_t line = 0; line < lines; ++line) {
        const std::int64_t start = line / lines_.inner * lines_.size * lines_.inner + line % lines_.inner;
        for (std::size_t i = 0; i < order.size(); ++i)
          order[i] = {key_of(x[start + static_cast<std::int64_t>(i) * lines_.inner], descending_), static_cast<std::uint32_t>(i)};
        sort_line(order, space);
        write(x + start, order, line, outputs);
      }
    }
  }

  // The first `count_`; equal ones in their order.
  template <class Key>
  void sort_line(std::vector<Ranked<Key>>& order, std::vector<Ranked<Key>>& space) const {
    constexpr std::int64_t is_few = 16, worth_counting = 32;  // of so many, one is wanted; elements that are worth a few counters
    const bool is_wanted_whole = lines_.size >= is_long && count_ * is_few >= lines_.size;
    if (is_wanted_whole || (lines_.size >= worth_counting && differing_bits(order) < few_keys)) return radix_sort(order, space);
    const auto before = [](const Ranked<Key>& a, const Ranked<Key>& b) { return a.key != b.key ? a.key < b.key : a.at < b.at; };
    if (count_ == lines_.size) {
      std::sort(order.begin(), order.end(), before);
    } else {
      std::partial_sort(order.begin(), order.begin() + count_, order.end(), before);
    }
  }

  template <class T>
  void write(const T* x, const auto& order, std::int64_t line, std::span<void* const> outputs) const {
    const std::int64_t start = line / lines_.inner * count_ * lines_.inner + line % lines_.inner;
    const auto place = [&](std::int64_t i) { return start + i * lines_.inner; };
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::int64_t from = order[static_cast<std::size_t>(i)].at;
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

using Prepared = std::unique_ptr<LibraryCall>;

Implementation sorting(const char* op, Result result) {
  return {
      .name = "native",
      .op = op,
      .refuses = refuses_lines,
      .prepare = [result](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols) -> Prepared {
        const Lines lines(inputs[0], call.axis("axis", inputs[0].rank()), symbols);
        const bool descending = call.flag("descending");
        if (inputs[0].dtype == DType::boolean && result == Result::order) return order_of_flags(lines, descending, lines.size, false);
        return std::make_unique<SortCall>(inputs[0].dtype, lines, descending, lines.size, result);
      }};
}

const RegisterImplementation argsort{sorting("argsort", Result::order)};
const RegisterImplementation sort{sorting("sort", Result::values)};
// Of the flops of the definition, which compares all with all: short lines are ranked more quickly so, in vectors and where their elements
// are made. A comparison of a sort takes 27 cycles on Zen 3, a third as much where lines are of 4. Counted as 15, since loops for lines of
// 16 and more are predicted half of what they take: both take as long for lines of 128. By digits an element takes as long as some five.
double rank_efficiency(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
  constexpr double cycles = 15;  // of a comparison
  const double count = typical_line(call, inputs[0]);
  const double comparisons = count < static_cast<double>(is_long) ? std::log2(count) : 5;
  return line_efficiency(call, inputs[0], cycles * comparisons);
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
     .refuses = refuses_lines,
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols) -> Prepared {
       const Lines lines(inputs[0], call.axis("axis", inputs[0].rank()), symbols);
       const std::int64_t k = call.dims("k")[0].evaluate(symbols);
       if (k < 0 || k > lines.size) call.fail(fmt::format("k is {} of {} elements", k, lines.size));
       if (inputs[0].dtype == DType::boolean) return order_of_flags(lines, call.flag("largest"), k, true);
       return std::make_unique<SortCall>(inputs[0].dtype, lines, call.flag("largest"), k, Result::top);
     }}};

}  // namespace
}  // namespace neap::sort_implementation
