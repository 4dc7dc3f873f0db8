// Lists of integers that must fit each other, under the names that descriptions of operators give them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace neap::testing {

using List = std::vector<std::int64_t>;

namespace detail {

inline List random_below(std::int64_t bound, std::int64_t count, std::mt19937_64& random) {
  List made;
  for (std::int64_t i = 0; i < count; ++i) made.push_back(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound)));
  return made;
}

// Where each of so many groups begins, and the last ends, in the sorted list of each entry's group.
inline List offsets_of(const List& sorted, std::int64_t groups) {
  List made;
  for (std::int64_t i = 0; i <= groups; ++i) made.push_back(std::lower_bound(sorted.begin(), sorted.end(), i) - sorted.begin());
  return made;
}

inline List taken(const List& from, const List& places) {
  List made;
  for (const std::int64_t i : places) made.push_back(from[static_cast<std::size_t>(i)]);
  return made;
}

}  // namespace detail

// A sparse pattern (ops/pattern.h) of at least one row and one column, and a permutation of its entries; by columns only if wanted.
inline std::map<std::string, List> random_lists(std::int64_t rows, std::int64_t columns, std::int64_t entries, bool by_columns,
                                                std::mt19937_64& random) {
  List row_of = detail::random_below(rows, entries, random), order(row_of.size());
  const List column_of = detail::random_below(columns, entries, random);
  std::sort(row_of.begin(), row_of.end());
  std::iota(order.begin(), order.end(), 0);
  std::map<std::string, List> lists{{"offsets", detail::offsets_of(row_of, rows)}, {"columns", column_of}, {"permutation", order}};
  std::shuffle(lists["permutation"].begin(), lists["permutation"].end(), random);
  if (!by_columns) return lists;
  const auto column = [&](std::int64_t entry) { return column_of[static_cast<std::size_t>(entry)]; };
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return column(a) < column(b); });
  lists["t_offsets"] = detail::offsets_of(detail::taken(column_of, order), columns);
  lists["t_rows"] = detail::taken(row_of, order);
  lists["t_order"] = order;
  return lists;
}

}  // namespace neap::testing
