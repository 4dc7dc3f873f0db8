// The subsets of n of m things in revolving-door order: each differs from the one before it in one thing (Nijenhuis and Wilf, Combinatorial
// Algorithms, 1978, chapter 3). Nothing is included, so that it may be compiled for any instruction set.
#pragma once

namespace neap {

constexpr long long binomial_limit = 1LL << 40;

// Subsets of n of m things; binomial_limit where there are more.
constexpr long long binomial(int m, int n) {
  if (n < 0 || n > m) return 0;
  long long product = 1;
  for (int i = 1; i <= n; ++i) {
    product = product * (m - n + i) / i;
    if (product >= binomial_limit / (m + 1)) return binomial_limit;
  }
  return product;
}

// things[0..n): the things of subset number `at`, 0 <= at < binomial(m, n), rising.
constexpr void revolving_door(int n, int m, long long at, int* things) {
  for (int thing = m - 1, left = n; left > 0; --thing) {
    if (at < binomial(thing, left)) continue;
    at = binomial(thing + 1, left) - 1 - at;  // those with this thing stand in reversed order behind those without
    things[--left] = thing;
  }
}

// Places for the n things of a subset, in which a thing stays from one subset to the next: held[j] is the thing in place j, which comes in
// as that of the subset before (-1: none), and order[j] says which of the subset's things it is.
constexpr void hold_subset(int n, const int* things, int* held, int* order) {
  const auto find = [n](const int* all, int thing) {
    int at = 0;
    while (at < n && all[at] != thing) ++at;
    return at;
  };
  for (int j = 0; j < n; ++j) {
    if (find(things, held[j]) == n) held[j] = -1;
  }
  for (int i = 0; i < n; ++i) {
    if (find(held, things[i]) == n) held[find(held, -1)] = things[i];
  }
  for (int j = 0; j < n; ++j) order[j] = find(things, held[j]);
}

}  // namespace neap
