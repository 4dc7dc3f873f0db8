// Sorting numbers by their digits, in time linear in how many there are: for lines of many elements, where comparing takes log n times as
// long and waits for memory at each.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
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
requires std::is_arithmetic_v<T>
auto sort_key(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    using Key = std::conditional_t<sizeof(T) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
    constexpr int bits = 8 * sizeof(Key);
    constexpr Key top = Key{1} << (bits - 1), infinity = std::bit_cast<Key>(std::numeric_limits<T>::infinity());
    const Key number = std::bit_cast<Key>(x + T{0}), sign = number >> (bits - 1);
    const Key key = number ^ (static_cast<Key>(0 - sign) | top);  // whole numbers, no branches: loops over it become vector instructions
    return (number & ~top) > infinity ? static_cast<Key>(-1) : key;
  } else {
    using Key = std::conditional_t<sizeof(T) <= sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
    constexpr Key lowest = std::is_signed_v<T> ? Key{1} << (8 * sizeof(Key) - 1) : Key{0};
    return static_cast<Key>(static_cast<Key>(x) + lowest);
  }
}

// Of floats of 16 bits.
template <class T>
requires(!std::is_arithmetic_v<T>) auto sort_key(T x) { return sort_key(static_cast<float>(x)); }

// One pass: by the `bits` bits of keys from `shift` on.
template <int bits, class Key>
void sort_by_digit(std::vector<Ranked<Key>>& items, std::vector<Ranked<Key>>& space, int shift) {
  constexpr std::size_t digits = std::size_t{1} << bits;
  const auto digit = [shift](Key key) { return static_cast<std::size_t>(key >> shift & (digits - 1)); };
  std::array<std::uint32_t, digits> place{};
  for (const Ranked<Key>& item : items) ++place[digit(item.key)];
  std::uint32_t sum = 0;
  for (std::uint32_t& count : place) sum += std::exchange(count, sum);
  for (const Ranked<Key>& item : items) space[place[digit(item.key)]++] = item;
  items.swap(space);
}

// In which bits keys differ.
template <class Key>
Key differing_bits(const std::vector<Ranked<Key>>& items) {
  Key differ = 0;
  for (const Ranked<Key>& item : items) differ |= item.key ^ items.front().key;
  return differ;
}
constexpr unsigned few_keys = 1 << 8;  // keys that differ in lower bits alone are sorted in one pass with few counters

// By rising keys; equal ones keep their order. 11 bits at a time, from the lowest on; digits that all have in common take no time. `space`
// is changed, and becomes of the same size.
template <class Key>
void radix_sort(std::vector<Ranked<Key>>& items, std::vector<Ranked<Key>>& space) {
  constexpr int bits = 11, few_bits = std::bit_width(few_keys) - 1;
  const Key differ = differing_bits(items);
  space.resize(items.size());
  if (differ < few_keys) return differ == 0 ? void() : sort_by_digit<few_bits>(items, space, 0);
  for (int shift = 0; shift < static_cast<int>(8 * sizeof(Key)); shift += bits) {
    if ((differ >> shift & ((Key{1} << bits) - 1)) != 0) sort_by_digit<bits>(items, space, shift);
  }
}

}  // namespace neap
