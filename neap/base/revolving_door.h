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

}  // namespace neap
