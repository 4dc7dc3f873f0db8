// Which elements are the largest, without sorting them: what the least of these is is found digit by digit, of short lines bit by bit.
#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "neap/base/machine.h"
#include "neap/base/radix_sort.h"
#include "neap/library/lines.h"
#include "neap/runtime/library.h"

namespace neap::largest_implementation {
namespace {

constexpr std::int64_t every = std::numeric_limits<std::int64_t>::max();

// The least key that is among the largest, and how many that equal it are, or `every`.
template <class Key>
struct Least {
  Key key = 0;
  std::int64_t equal = every;
};

class LargestCall final : public LibraryCall {
 public:
  LargestCall(DType dtype, const Lines& lines) : dtype_(dtype), lines_(lines) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    const std::int64_t count = std::clamp<std::int64_t>(*static_cast<const std::int64_t*>(inputs[1]), 0, lines_.size);
    auto* const y = static_cast<bool*>(outputs[0]);
    const std::int64_t lines = lines_.outer * lines_.inner;
    if (count == 0 || count == lines_.size) {
      std::fill_n(y, lines * lines_.size, count != 0);
      return;
    }
    dispatch(dtype_, [&](auto tag) {
      const auto* const x = static_cast<const typename decltype(tag)::type*>(inputs[0]);
      if (lines_.size > is_short) {
        for (std::int64_t line = 0; line < lines; ++line) mark_long(x + start(line), y + start(line), count);
      } else {
        mark_short(x, y, count);
      }
    });
  }

 private:
  static constexpr std::int64_t is_short = 1 << 14;  // a line whose keys a first cache holds nearly
  static constexpr std::int64_t part = 1 << 16, worth_threads = 1 << 14;

  std::int64_t start(std::int64_t line) const { return line / lines_.inner * lines_.size * lines_.inner + line % lines_.inner; }
  int threads_for(std::int64_t elements) const { return elements < worth_threads ? 1 : thread_count(); }

  // ---- short lines: side by side, by bits -------------------------------------------------------------------------------------------

  template <class T>
  void mark_short(const T* x, bool* y, std::int64_t count) const {
    using Key = decltype(sort_key(T()));
    const std::int64_t lines = lines_.outer * lines_.inner;
    const int threads = threads_for(lines * lines_.size);
#pragma omp parallel num_threads(threads)
    {
      std::vector<Key> keys(static_cast<std::size_t>(lines_.size));
#pragma omp for schedule(static)
      for (std::int64_t line = 0; line < lines; ++line) {
        const std::int64_t first = start(line);
        read_keys(x + first, lines_.size, keys.data());
        const Least<Key> least = least_by_bits(keys, count);
        mark(least.key, least.equal, keys.data(), lines_.size, y + first);
      }
    }
  }

  // The largest number that `count` keys reach, from its highest bit on.
  template <class Key>
  static Least<Key> least_by_bits(const std::vector<Key>& keys, std::int64_t count) {
    Key differ = 0;
    const Key* const all = keys.data();
#pragma omp simd reduction(| : differ)
    for (std::size_t i = 0; i < keys.size(); ++i) differ |= all[i] ^ all[0];
    int bits = 0;
    while (bits < 8 * static_cast<int>(sizeof(Key)) && differ >> bits != 0) ++bits;
    const Key alike = bits == 8 * static_cast<int>(sizeof(Key)) ? 0 : static_cast<Key>(keys[0] >> bits << bits);
    Key least = alike;
    for (int bit = bits - 1; bit >= 0; --bit) {
      const Key larger = least | Key{1} << bit;
      const std::int64_t reach = reaching(keys, larger);
      if (reach < count) continue;
      least = larger;
      if (reach == count) return {least};
    }
    return {least, count - (least == std::numeric_limits<Key>::max() ? 0 : reaching(keys, static_cast<Key>(least + 1)))};
  }

  // In lanes of signed numbers, which all vector units compare.
  template <class Key>
  static std::int64_t reaching(const std::vector<Key>& keys, Key least) {
    using Signed = std::make_signed_t<Key>;
    constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
    const auto bound = static_cast<Signed>(least ^ sign);
    const Key* const all = keys.data();
    const std::size_t size = keys.size();
    Signed count = 0;
#pragma omp simd reduction(+ : count)
    for (std::size_t i = 0; i < size; ++i) count += static_cast<Signed>(all[i] ^ sign) >= bound ? 1 : 0;
    return count;
  }

  // ---- long lines: all threads on each, by digits -----------------------------------------------------------------------------------

  // work(part, keys, first, size), for parts of a line side by side, a piece at a time: their keys are made anew in each pass.
  template <class T>
  void for_each_piece(const T* x, const auto& work) const {
    using Key = decltype(sort_key(T()));
    constexpr std::int64_t piece = 1 << 12;
    const std::int64_t parts = (lines_.size + part - 1) / part;
#pragma omp parallel for schedule(static) num_threads(threads_for(lines_.size))
    for (std::int64_t p = 0; p < parts; ++p) {
      std::array<Key, piece> keys;
      const std::int64_t end = std::min((p + 1) * part, lines_.size);
      for (std::int64_t first = p * part; first < end; first += piece) {
        const std::int64_t size = std::min(piece, end - first);
        read_keys(x + first * lines_.inner, size, keys.data());
        work(static_cast<std::size_t>(p), keys.data(), first, size);
      }
    }
  }

  template <class T>
  void mark_long(const T* x, bool* y, std::int64_t count) const {
    using Key = decltype(sort_key(T()));
    const auto parts = static_cast<std::size_t>((lines_.size + part - 1) / part);
    const Least<Key> least = least_by_digits(x, parts, count);
    std::vector<std::int64_t> equal(parts, least.equal);  // of each part, those that stay
    if (least.equal != every) share_equal(x, least, equal);
    for_each_piece(x, [&](std::size_t p, const Key* keys, std::int64_t first, std::int64_t size) {
      equal[p] -= mark(least.key, equal[p], keys, size, y + first * lines_.inner);
    });
  }

  // The first of equal ones stay.
  template <class T, class Key>
  void share_equal(const T* x, const Least<Key>& least, std::vector<std::int64_t>& equal) const {
    std::fill(equal.begin(), equal.end(), 0);
    for_each_piece(x, [&](std::size_t p, const Key* keys, std::int64_t, std::int64_t size) {
      for (std::int64_t i = 0; i < size; ++i) equal[p] += keys[i] == least.key ? 1 : 0;
    });
    std::int64_t left = least.equal;
    for (std::int64_t& mine : equal) {
      const std::int64_t stay = std::min(mine, left);
      left -= stay;
      mine = stay == mine ? every : stay;
    }
  }

  // By the highest digit of all; of what has it, by the lower ones.
  template <class T>
  auto least_by_digits(const T* x, std::size_t parts, std::int64_t count) const {
    using Key = decltype(sort_key(T()));
    constexpr int bits = 11, all_bits = 8 * sizeof(Key), below = all_bits - bits;
    using Counts = std::array<std::int64_t, std::size_t{1} << bits>;
    constexpr std::size_t in_turn = 4;  // counters, as one that is added to again has to be waited for
    std::vector<std::array<std::array<std::uint32_t, std::size_t{1} << bits>, in_turn>> of_parts(parts);
    for_each_piece(x, [&](std::size_t p, const Key* keys, std::int64_t, std::int64_t size) {
      for (std::int64_t i = 0; i < size; ++i) ++of_parts[p][static_cast<std::size_t>(i) % in_turn][keys[i] >> below];
    });
    Counts counts{};
    for (const auto& of_part : of_parts) {
      for (const auto& some : of_part) std::transform(some.begin(), some.end(), counts.begin(), counts.begin(), std::plus<>());
    }
    Least<Key> least{0, count};
    const auto highest = static_cast<Key>(digit_of(counts, least.equal));
    least.key = highest << below;
    std::vector<std::vector<Key>> found(parts);
    for_each_piece(x, [&](std::size_t p, const Key* keys, std::int64_t, std::int64_t size) {
      std::vector<Key>& mine = found[p];
      std::size_t end = mine.size();
      mine.resize(end + static_cast<std::size_t>(size));
      for (std::int64_t i = 0; i < size; ++i) {
        mine[end] = keys[i];
        end += keys[i] >> below == highest ? 1 : 0;
      }
      mine.resize(end);
    });
    for (int end = below; end > 0; end -= bits) {
      const int shift = std::max(0, end - bits);
      const Key digits = (Key{1} << (end - shift)) - 1;
      counts.fill(0);
      for (const std::vector<Key>& mine : found) {
        for (const Key key : mine) {
          if (key >> end == least.key >> end) ++counts[key >> shift & digits];
        }
      }
      const std::size_t digit = digit_of(counts, least.equal);
      least.key |= static_cast<Key>(digit) << shift;
      if (end <= bits && least.equal == counts[digit]) least.equal = every;
    }
    return least;
  }

  // The digit of the least of the `count` largest; then as many of these have that digit.
  static std::size_t digit_of(const auto& counts, std::int64_t& count) {
    std::size_t digit = counts.size() - 1;
    for (; counts[digit] < count; --digit) count -= counts[digit];
    return digit;
  }

  // Those above, and of equal ones the first `equal`, or `every`. How many equal ones it marks, where they are counted.
  template <class Key>
  std::int64_t mark(Key least, std::int64_t equal, const Key* keys, std::int64_t size, bool* y) const {
    if (equal == every) {
      for_each_place(size, [=](std::int64_t i, std::int64_t at) { y[at] = keys[i] >= least; });
      return 0;
    }
    std::int64_t marked = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      const bool stays = keys[i] == least && marked < equal;
      y[i * lines_.inner] = keys[i] > least || stays;
      marked += stays ? 1 : 0;
    }
    return marked;
  }

  template <class T, class Key>
  void read_keys(const T* x, std::int64_t size, Key* keys) const {
    for_each_place(size, [=](std::int64_t i, std::int64_t at) { keys[i] = sort_key(x[at]); });
  }
  // work(i, place) along a line, each by itself; lines that lie in one piece are gone through in vectors.
  void for_each_place(std::int64_t size, const auto& work) const {
    if (lines_.inner == 1) {
#pragma omp simd
      for (std::int64_t i = 0; i < size; ++i) work(i, i);
    } else {
      for (std::int64_t i = 0; i < size; ++i) work(i, i * lines_.inner);
    }
  }

  DType dtype_;
  Lines lines_;
};

const RegisterImplementation largest{{.name = "native",
                                      .op = "largest",
                                      .refuses = refuses_lines,
                                      .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                                                    const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
                                        return std::make_unique<LargestCall>(
                                            inputs[0].dtype, Lines(inputs[0], call.axis("axis", inputs[0].rank()), symbols));
                                      }}};

}  // namespace
}  // namespace neap::largest_implementation
