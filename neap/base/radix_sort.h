// Sorting numbers by their digits, in time linear in how many there are: for lines of many elements, where comparing takes log n times as
// long and waits for memory at each.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace neap {

// An element by its key; `at`: where it stood.
template <class Key>
struct Ranked {
  Key key;
  std::uint32_t at;
};

// An unsigned number that is the larger the larger x is: one for both zeros, the largest for NaN.
template <class T>
auto sort_key(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    using Key = std::conditional_t<sizeof(T) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
    if (std::isnan(x)) return static_cast<Key>(-1);
    constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
    const Key bits = std::bit_cast<Key>(x + T{0});
    return (bits & sign) != 0 ? static_cast<Key>(~bits) : static_cast<Key>(bits | sign);
  } else {
    using Key = std::conditional_t<sizeof(T) <= sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
    constexpr Key lowest = std::is_signed_v<T> ? Key{1} << (8 * sizeof(Key) - 1) : Key{0};
    return static_cast<Key>(static_cast<Key>(x) + lowest);
  }
}

// By rising keys; equal ones keep their order. 11 bits at a time, from the lowest on; digits that all have in common take no time. `space`
// is changed, and becomes of the same size.
template <class Key>
void radix_sort(std::vector<Ranked<Key>>& items, std::vector<Ranked<Key>>& space) {
  constexpr int bits = 11, all_bits = 8 * sizeof(Key);
  constexpr std::size_t digits = std::size_t{1} << bits;
  Key differ = 0;
  for (const Ranked<Key>& item : items) differ |= item.key ^ items.front().key;
  space.resize(items.size());
  for (int shift = 0; shift < all_bits; shift += bits) {
    const auto digit = [shift](Key key) { return static_cast<std::size_t>(key >> shift & (digits - 1)); };
    if (digit(differ) == 0) continue;
    std::array<std::uint32_t, digits> place{};
    for (const Ranked<Key>& item : items) ++place[digit(item.key)];
    std::uint32_t sum = 0;
    for (std::uint32_t& count : place) sum += std::exchange(count, sum);
    for (const Ranked<Key>& item : items) space[place[digit(item.key)]++] = item;
    items.swap(space);
  }
}

}  // namespace neap
