// Loops over masks on every instruction set that the machine has, against plain ones.
#include "neap/layouts/mask_loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <random>
#include <string>
#include <vector>

#include "neap/base/dtype.h"
#include "neap/base/error.h"
#include "neap/layouts/patterns.h"

namespace neap::mask_loops_test {
namespace {

using masks::Count;
using Mask = std::vector<std::uint8_t>;

struct Named {
  std::string name;
  const masks::Loops* loops;
};
// Those that this machine has.
std::vector<Named> every() {
  std::vector<Named> found;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (supports(isa)) found.push_back({std::string(name(isa)), &masks::loops(isa)});
  }
  if (supports(Isa::avx512)) found.push_back({"avx512 without extensions", &masks::loops_avx512()});
  return found;
}

constexpr double chances[] = {0, 0.05, 0.5, 1};
const std::vector<Count> lengths = {0, 1, 7, 8, 15, 63, 64, 65, 127, 200, 3071};

Mask mask_of(Count count, double chance) {
  std::mt19937 random(static_cast<unsigned>(count));
  Mask made(static_cast<std::size_t>(count));
  for (std::uint8_t& flag : made) flag = static_cast<double>(random() % 1000) < 1000 * chance ? 1 : 0;
  return made;
}

std::vector<masks::Word> bits_of(const Mask& mask) {
  std::vector<masks::Word> bits((mask.size() + masks::word_bits - 1) / masks::word_bits);
  for (std::size_t i = 0; i < mask.size(); ++i) bits[i / masks::word_bits] |= masks::Word{mask[i]} << i % masks::word_bits;
  return bits;
}

template <class Check>
void for_each_mask(Check check) {
  for (const auto& [name, loops] : every()) {
    for (const Count count : lengths) {
      for (const double chance : chances) {
        SCOPED_TRACE(fmt::format("{}, {} flags, {}", name, count, chance));
        check(*loops, mask_of(count, chance));
      }
    }
  }
}

TEST(MaskLoops, BitsAreCountedAndOtherBytesNoticed) {
  for_each_mask([](const masks::Loops& loops, Mask mask) {
    const auto count = static_cast<Count>(mask.size());
    std::vector<masks::Word> bits((mask.size() + masks::word_bits - 1) / masks::word_bits, ~masks::Word{0});
    bool other = false;
    EXPECT_EQ(loops.to_bits(count, mask.data(), bits.data(), other), std::count(mask.begin(), mask.end(), 1));
    EXPECT_EQ(loops.count(static_cast<Count>(bits.size()), bits.data()), std::count(mask.begin(), mask.end(), 1));
    EXPECT_EQ(bits, bits_of(mask));
    EXPECT_FALSE(other);
    EXPECT_TRUE(loops.are_flags(count, mask.data()));
    if (mask.empty()) return;
    for (const std::uint8_t byte : {2, 255}) {
      mask.back() = byte;
      other = false;
      loops.to_bits(count, mask.data(), bits.data(), other);
      EXPECT_TRUE(other);
      EXPECT_FALSE(loops.are_flags(count, mask.data()));
    }
  });
}

// Calls run(element) for unsigned integers of each size.
template <class Run>
void for_each_element(Run run) {
  run(std::uint8_t{});
  run(std::uint16_t{});
  run(std::uint32_t{});
  run(std::uint64_t{});
}
template <class Element>
std::vector<Element> elements_of(std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<Element> made(count);
  for (Element& element : made) element = static_cast<Element>(random() | 1);
  return made;
}

TEST(MaskLoops, PositionsAndElementsStayWithinTheirRoom) {
  for_each_mask([](const masks::Loops& loops, const Mask& mask) {
    std::vector<std::int32_t> wanted;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      if (mask[i] != 0) wanted.push_back(static_cast<std::int32_t>(i));
    }
    const std::vector<masks::Word> bits = bits_of(mask);
    const auto words = static_cast<Count>(bits.size()), all = static_cast<Count>(wanted.size());
    for (const std::size_t more : {0, 1, 64, 5000}) {
      const std::size_t room = wanted.size() + more;
      SCOPED_TRACE(fmt::format("room for {} more", more));
      const auto check = [&](const std::vector<std::int32_t>& got) {
        EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), got.begin()));
        EXPECT_TRUE(std::all_of(got.begin() + static_cast<Count>(room), got.end(), [](int one) { return one == -7; }));
      };
      std::vector<std::int32_t> got(room + 100, -7);
      ASSERT_EQ(loops.positions(words, bits.data(), got.data(), static_cast<Count>(room)), all);
      check(got);
      for_each_element([&]<class Element>(Element) {
        const auto from = elements_of<Element>(mask.size());
        std::vector<std::int32_t> at(room + 100, -7);
        std::vector<Element> stored(at.size(), Element{9});
        const auto take = loops.take[std::countr_zero(sizeof(Element))];
        ASSERT_EQ(take(words, bits.data(), from.data(), stored.data(), at.data(), static_cast<Count>(room)), all);
        check(at);
        for (std::size_t i = 0; i < wanted.size(); ++i) ASSERT_EQ(stored[i], from[static_cast<std::size_t>(wanted[i])]) << i;
        EXPECT_TRUE(std::all_of(stored.begin() + static_cast<Count>(room), stored.end(), [](Element one) { return one == 9; }));
      });
    }
  });
}

// A chunk somewhere in rows of bits: which columns have a pattern, and their elements.
template <class Element>
void check_patterns(const masks::Loops& loops, Count n, Count m, Count g, Count shift) {
  SCOPED_TRACE(fmt::format("{}:{}:{}, {} bits on", n, m, g, shift));
  const std::vector<KeptRows>& all = kept_row_patterns(n, m);
  const auto count = static_cast<Count>(all.size()), width = count * g;
  const Count stride = (shift + width) / masks::word_bits + 1, columns = stride * masks::word_bits;
  std::vector<std::int8_t> rows;
  for (const KeptRows& pattern : all) rows.insert(rows.end(), pattern.begin(), pattern.end());
  std::vector<Count> pattern_of(static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < pattern_of.size(); ++i) pattern_of[i] = static_cast<Count>(i) % count;
  std::shuffle(pattern_of.begin(), pattern_of.end(), std::mt19937(3));
  Mask mask = mask_of(m * columns, 0.5);  // neighbours keep anything
  const auto flag = [&](Count row, Count column) -> std::uint8_t& {
    return mask[static_cast<std::size_t>(row * columns + shift + column)];
  };
  for (Count column = 0; column < width; ++column) {
    for (Count row = 0; row < m; ++row) flag(row, column) = 0;
    for (const int row : all[static_cast<std::size_t>(pattern_of[static_cast<std::size_t>(column)])]) flag(row, column) = 1;
  }
  const masks::Patterns patterns{m, n, count, g, rows.data()};
  std::vector<std::int32_t> got(static_cast<std::size_t>(2 * width + masks::word_bits));
  const auto find = [&] {
    std::vector<masks::Word> bits = bits_of(mask);
    bits.push_back(0);
    return loops.columns_of_patterns(patterns, bits.data(), stride, shift, got.data());
  };
  ASSERT_TRUE(find());
  const auto from = elements_of<Element>(mask.size());
  std::vector<Element> stored(static_cast<std::size_t>(width * n + 1), Element{9});
  loops.take_patterns[std::countr_zero(sizeof(Element))](patterns, from.data() + shift, columns, got.data(), stored.data());
  std::size_t slot = 0, value = 0;
  for (Count pattern = 0; pattern < count; ++pattern) {
    for (Count column = 0; column < width; ++column) {
      if (pattern_of[static_cast<std::size_t>(column)] != pattern) continue;
      ASSERT_EQ(got[slot++], column);
      for (const int row : all[static_cast<std::size_t>(pattern)])
        ASSERT_EQ(stored[value++], from[static_cast<std::size_t>(row * columns + shift + column)]) << column << ", " << row;
    }
  }
  EXPECT_EQ(stored.back(), Element{9});
  if (n == m) return;
  for (const Count column : {Count{0}, width / 2, width - 1}) {  // no rows at all, all of them, those of another pattern
    const Mask before = mask;
    for (Count row = 0; row < m; ++row) flag(row, column) = 0;
    EXPECT_FALSE(find());
    for (Count row = 0; row < m; ++row) flag(row, column) = 1;
    EXPECT_FALSE(find());
    mask = before;
    const int row = all[static_cast<std::size_t>(pattern_of[static_cast<std::size_t>(column)])][0];
    Count other = 0;
    while (flag(other, column) != 0) ++other;
    flag(row, column) = 0;
    flag(other, column) = 1;
    EXPECT_FALSE(find());
    mask = before;
  }
}

TEST(MaskLoops, ColumnsOfPatterns) {
  for (const auto& [name, loops] : every()) {
    SCOPED_TRACE(name);
    const std::vector<std::array<Count, 3>> kinds = {{1, 1, 5},   {1, 2, 1}, {2, 4, 16}, {1, 4, 16},
                                                     {1, 10, 16}, {2, 4, 3}, {3, 6, 40}, {2, 5, 64}};
    for (const auto& [n, m, g] : kinds) {
      for (const Count shift : {0, 1, 32, 63})
        for_each_element([&, n = n, m = m, g = g]<class Element>(Element) { check_patterns<Element>(*loops, n, m, g, shift); });
    }
    check_patterns<std::uint32_t>(*loops, 1, 2, 2048, 3);
    const masks::Patterns wide{2, 1, 2, 2049, nullptr};
    EXPECT_FALSE(loops->columns_of_patterns(wide, nullptr, 0, 0, nullptr)) << "more than 4096 columns";
  }
}

TEST(MaskLoops, RowsOfBitsAreMirrored) {
  for (const auto& [name, loops] : every()) {
    for (const Count rows : {0, 1, 40, 64}) {
      for (const Count words : {1, 3, 8, 19}) {
        SCOPED_TRACE(fmt::format("{}, {} rows of {} words", name, rows, words));
        const Count stride = words + 2, columns = words * masks::word_bits;
        std::mt19937_64 random(5);
        std::vector<masks::Word> bits(static_cast<std::size_t>(rows * stride)), got(static_cast<std::size_t>(columns + 1), 7);
        for (masks::Word& word : bits) word = random();
        std::vector<Count> counts(static_cast<std::size_t>(columns), 1000);
        loops->transpose(rows, words, bits.data(), stride, got.data(), counts.data());
        for (Count c = 0; c < columns; ++c) {
          masks::Word wanted = 0;
          for (Count row = 0; row < rows; ++row)
            wanted |= (bits[static_cast<std::size_t>(row * stride + c / masks::word_bits)] >> c % masks::word_bits & 1) << row;
          ASSERT_EQ(got[static_cast<std::size_t>(c)], wanted) << "column " << c;
          ASSERT_EQ(counts[static_cast<std::size_t>(c)], 1000 + std::popcount(wanted)) << "column " << c;
        }
        EXPECT_EQ(got.back(), 7U);
      }
    }
  }
}

TEST(MaskLoops, MaskedElementsGoAnywhere) {
  for_each_mask([](const masks::Loops& loops, const Mask& mask) {
    for_each_element([&]<class Element>(Element) {
      const auto from = elements_of<Element>(mask.size());
      for (const bool past_caches : {false, true}) {
        for (const std::size_t at : {0, 1, 5}) {  // from the line's beginning, and not
          std::vector<Element> got(mask.size() + 16, Element{9});
          loops.masked[std::countr_zero(sizeof(Element))](static_cast<Count>(mask.size()), mask.data(), from.data(), got.data() + at,
                                                          past_caches);
          for (std::size_t i = 0; i < got.size(); ++i) {
            const bool within = i >= at && i < at + mask.size();
            ASSERT_EQ(got[i], !within ? Element{9} : mask[i - at] != 0 ? from[i - at] : Element{0}) << i << " from " << at;
          }
        }
      }
    });
  });
}

TEST(MaskLoops, BitsOfColumns) {
  for (const auto& [name, loops] : every()) {
    for (const Count rows : {1, 2, 4, 7, 8, 9, 20, 64}) {
      for (const Count columns : {1, 13, 64, 65, 200}) {
        const Mask mask = mask_of(rows * columns, 0.4);
        std::vector<std::uint64_t> got(static_cast<std::size_t>(columns), ~std::uint64_t{0});
        loops->bits(rows, columns, mask.data(), columns, got.data());
        for (Count i = 0; i < 64 * columns; ++i) {
          const Count row = i / columns, column = i % columns;
          const bool wanted = row < rows && mask[static_cast<std::size_t>(i)] != 0;
          ASSERT_EQ((got[static_cast<std::size_t>(column)] >> row & 1) != 0, wanted) << name << " " << rows << " " << columns;
        }
      }
    }
  }
}

// Of a column: first the rows that are kept, rising, then the others, falling.
std::vector<Count> rows_of(const Mask& mask, Count stride, Count column, Count m, Count there, Count& kept) {
  const auto keeps = [&](Count row) { return row < there && mask[static_cast<std::size_t>(row * stride + column)] != 0; };
  std::vector<Count> rows;
  for (Count row = 0; row < m; ++row) {
    if (keeps(row)) rows.push_back(row);
  }
  kept = static_cast<Count>(rows.size());
  for (Count row = m - 1; row >= 0; --row) {
    if (!keeps(row)) rows.push_back(row);
  }
  return rows;
}

template <class Element>
void check_rows(const Named& named, Count n, Count m, Count there, Count columns, double chance) {
  SCOPED_TRACE(fmt::format("{} {}:{}, {} rows, {} columns, {}", named.name, n, m, there, columns, chance));
  const Count stride = columns + 3;
  const Mask mask = mask_of(there * stride, chance);
  const auto from = elements_of<Element>(mask.size());
  std::vector<Element> got(static_cast<std::size_t>(columns * n + 1), Element{9});
  std::vector<std::int8_t> row_of(got.size(), 99);
  const Count done = named.loops->take_rows[std::countr_zero(sizeof(Element))](n, m, there, columns, mask.data(), stride, from.data(),
                                                                               got.data(), row_of.data());
  Count wanted = 0, kept = 0;
  while (wanted < columns && (rows_of(mask, stride, wanted, m, there, kept), kept <= n)) ++wanted;
  ASSERT_EQ(done, wanted);
  for (Count c = 0; done == columns && c < columns; ++c) {
    const std::vector<Count> rows = rows_of(mask, stride, c, m, there, kept);
    for (Count j = 0; j < n; ++j) {
      const auto place = static_cast<std::size_t>(c * n + j);
      const Count row = rows[static_cast<std::size_t>(j)];
      ASSERT_EQ(row_of[place], row) << c << ", " << j;
      ASSERT_EQ(got[place], j < kept ? from[static_cast<std::size_t>(row * stride + c)] : Element{0}) << c << ", " << j;
    }
  }
  EXPECT_EQ(got.back(), Element{9});
  EXPECT_EQ(row_of.back(), 99);
}

TEST(MaskLoops, RowsOfColumns) {
  for (const auto& [name, loops] : every()) {
    const std::vector<std::pair<Count, Count>> kinds = {{1, 1}, {1, 3}, {2, 2}, {2, 4}, {3, 7}, {4, 8}, {64, 64}, {20, 64}};
    for (const std::pair<Count, Count>& kind : kinds) {
      const Count n = kind.first, m = kind.second;
      for (const Count there : {m, (m + 1) / 2}) {
        for (const Count columns : {1, 33, 63, 64}) {
          for (const double chance : chances) {
            for_each_element([&]<class Element>(Element) { check_rows<Element>({name, loops}, n, m, there, columns, chance); });
          }
        }
      }
    }
  }
}

// What is stored twice for a row is added; what is for a row that is not there is left out.
void check_put(const Named& named, Count n, Count m, Count there, Count columns, Count at, bool past_caches) {
  SCOPED_TRACE(fmt::format("{} {}:{}, {} rows, {} columns from {}, {}", named.name, n, m, there, columns, at, past_caches));
  const Count stride = columns + 5;
  std::mt19937 random(11);
  std::vector<float> values(static_cast<std::size_t>(columns * n));
  std::vector<std::int8_t> row_of(values.size());
  std::vector<float> wanted(static_cast<std::size_t>(at + there * stride), 9);
  for (Count i = 0; i < there * columns; ++i) wanted[static_cast<std::size_t>(at + i / columns * stride + i % columns)] = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(random() % 1000) - 500;
    row_of[i] = static_cast<std::int8_t>(random() % static_cast<unsigned>(m));
    if (row_of[i] < there) wanted[static_cast<std::size_t>(at + row_of[i] * stride + static_cast<Count>(i) / n)] += values[i];
  }
  std::vector<float> got(wanted.size(), 9);
  named.loops->put_rows(n, there, columns, values.data(), row_of.data(), got.data() + at, stride, past_caches);
  EXPECT_EQ(got, wanted);
}

TEST(MaskLoops, RowsOfColumnsGoBack) {
  for (const Named& named : every()) {
    const std::vector<std::pair<Count, Count>> kinds = {{1, 1}, {1, 4}, {2, 4}, {3, 7}, {4, 8}, {20, 64}};
    for (const auto& [n, m] : kinds) {
      for (const Count there : {m, (m + 1) / 2}) {
        for (const Count columns : {1, 15, 16, 64, 65, 139}) {
          for (const bool past_caches : {false, true}) {
            check_put(named, n, m, there, columns, 0, past_caches);
            check_put(named, n, m, there, columns, 11, past_caches);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace neap::mask_loops_test
