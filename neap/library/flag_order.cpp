#include "neap/library/flag_order.h"

#include <algorithm>
#include <array>
#include <utility>

#include "neap/base/flags.h"
#include "neap/base/machine.h"

namespace neap {
namespace {

// Part of a line, or of a few that stand side by side.
struct Part {
  std::int64_t line, wide;   // lines
  std::int64_t begin, size;  // positions
};

class FlagOrder final : public LibraryCall {
 public:
  FlagOrder(const Lines& lines, bool trues_first, std::int64_t count, bool with_values)
      : lines_(lines), trues_first_(trues_first), count_(count), with_values_(with_values) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    flags_ = static_cast<const std::uint8_t*>(inputs[0]);
    order_ = static_cast<std::int64_t*>(outputs[with_values_ ? 1 : 0]);
    values_ = with_values_ ? static_cast<std::uint8_t*>(outputs[0]) : nullptr;
    const std::int64_t parts = (lines_.size + most - 1) / most, all = lines_.outer * groups() * parts;
    const int threads = lines_.outer * lines_.inner * lines_.size < worth_threads ? 1 : thread_count();
    std::vector<Counts> ahead(parts > 1 ? static_cast<std::size_t>(all) : 0), totals = ahead;
    if (parts > 1) {
#pragma omp parallel for schedule(static) num_threads(threads)
      for (std::int64_t number = 0; number < all; ++number) ahead[static_cast<std::size_t>(number)] = firsts_of(part(number, parts));
      add_up(ahead, totals, static_cast<std::size_t>(parts));
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t number = 0; number < all; ++number) {
      const Part mine = part(number, parts);
      const auto at = static_cast<std::size_t>(number);
      parts > 1 ? write(mine, ahead[at], totals[at]) : write(mine, Counts{}, firsts_of(mine));
    }
  }

 private:
  static constexpr std::int64_t beside = 16, most = 1 << 15;  // lines, and positions, of a part
  static constexpr std::int64_t worth_threads = 1 << 15;      // flags
  using Counts = std::array<std::int64_t, beside>;

  std::int64_t groups() const { return (lines_.inner + beside - 1) / beside; }
  Part part(std::int64_t number, std::int64_t parts) const {
    const std::int64_t group = number / parts, left = group % groups() * beside, begin = number % parts * most;
    return {group / groups() * lines_.inner + left, std::min(beside, lines_.inner - left), begin, std::min(most, lines_.size - begin)};
  }
  std::int64_t start(std::int64_t line, std::int64_t size) const { return line / lines_.inner * size * lines_.inner + line % lines_.inner; }

  // How many of each line come first.
  Counts firsts_of(const Part& part) const {
    Counts counts{};
    const std::uint8_t* const flags = flags_ + start(part.line, lines_.size) + part.begin * lines_.inner;
    if (lines_.inner == 1) {
      for_each_flag(flags, part.size, trues_first_, [&](std::int64_t) { ++counts[0]; });
      return counts;
    }
    for (std::int64_t i = 0; i < part.size; ++i) {
      for (std::int64_t l = 0; l < part.wide; ++l) counts[static_cast<std::size_t>(l)] += is_first(flags[i * lines_.inner + l]) ? 1 : 0;
    }
    return counts;
  }
  bool is_first(std::uint8_t flag) const { return (flag != 0) == trues_first_; }

  // From what comes first in each part to what does in all ahead of it, and in its whole lines.
  static void add_up(std::vector<Counts>& ahead, std::vector<Counts>& totals, std::size_t parts) {
    for (std::size_t first = 0; first < ahead.size(); first += parts) {
      Counts sums{};
      for (std::size_t number = first; number < first + parts; ++number) {
        const Counts mine = std::exchange(ahead[number], sums);
        for (std::size_t l = 0; l < beside; ++l) sums[l] += mine[l];
      }
      std::fill_n(totals.begin() + static_cast<std::ptrdiff_t>(first), parts, sums);
    }
  }

  // Behind `firsts` that come first, of `totals`, and the others so far.
  void write(const Part& part, Counts firsts, const Counts& totals) const {
    const std::uint8_t* const flags = flags_ + start(part.line, lines_.size) + part.begin * lines_.inner;
    const std::int64_t to = start(part.line, count_);
    const auto put = [&](std::int64_t line, std::int64_t place, std::int64_t from, bool first) {
      if (place >= count_) return;
      const std::int64_t at = to + place * lines_.inner + line;
      order_[at] = part.begin + from;
      if (values_ != nullptr) values_[at] = first == trues_first_ ? 1 : 0;
    };
    Counts others{};
    for (std::size_t l = 0; l < beside; ++l) others[l] = totals[l] + part.begin - firsts[l];
    if (lines_.inner == 1) {
      for_each_flag(flags, part.size, trues_first_, [&](std::int64_t i) { put(0, firsts[0]++, i, true); });
      if (others[0] < count_) for_each_flag(flags, part.size, !trues_first_, [&](std::int64_t i) { put(0, others[0]++, i, false); });
      return;
    }
    for (std::int64_t i = 0; i < part.size; ++i) {
      Counts places{};  // worked out for all lines ahead of what is written by them: in vectors
      for (std::size_t l = 0; l < static_cast<std::size_t>(part.wide); ++l) {
        const std::int64_t first = is_first(flags[i * lines_.inner + static_cast<std::int64_t>(l)]) ? 1 : 0;
        places[l] = others[l] + (firsts[l] - others[l]) * first;
        firsts[l] += first;
        others[l] += 1 - first;
      }
      for (std::int64_t l = 0; l < part.wide; ++l) put(l, places[static_cast<std::size_t>(l)], i, is_first(flags[i * lines_.inner + l]));
    }
  }

  Lines lines_;
  bool trues_first_;
  std::int64_t count_;
  bool with_values_;
  const std::uint8_t* flags_ = nullptr;
  std::int64_t* order_ = nullptr;
  std::uint8_t* values_ = nullptr;
};

}  // namespace

std::unique_ptr<LibraryCall> order_of_flags(const Lines& lines, bool trues_first, std::int64_t count, bool with_values) {
  return std::make_unique<FlagOrder>(lines, trues_first, count, with_values);
}

}  // namespace neap
