// Results held against each other, on numbers of threads, and elements to have them of.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "neap/base/array.h"
#include "neap/base/machine.h"

namespace neap {

// Elements to compute with: of both signs, and none like its neighbour.
inline Array waves(const Sizes& sizes) {
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(1.3 * static_cast<double>(i)));
  return made;
}

// Each element within `tolerance` of the wanted one, relative to the largest of them (at least 1); NaN and infinities where they are
// wanted.
inline void expect_close(const Array& got, const Array& wanted, double tolerance, const std::string& what) {
  ASSERT_EQ(got.sizes(), wanted.sizes()) << what;
  double largest = 1;
  for (std::int64_t i = 0; i < wanted.count(); ++i) {
    if (std::isfinite(wanted.get(i))) largest = std::max(largest, std::abs(wanted.get(i)));
  }
  for (std::int64_t i = 0; i < got.count(); ++i) {
    const double a = got.get(i), b = wanted.get(i);
    const bool same = std::isnan(b) ? std::isnan(a) : std::isinf(b) ? a == b : std::abs(a - b) <= tolerance * largest;
    ASSERT_TRUE(same) << what << ": " << a << ", not " << b << ", at " << i;
  }
}

inline bool same_bits(const Array& a, const Array& b) {
  return a.bytes() == b.bytes() && (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0);
}

inline bool same_bits(const std::vector<Array>& a, const std::vector<Array>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Array& x, const Array& y) { return same_bits(x, y); });
}

// Sets the number of threads, and what it was when this goes.
class Threads {
 public:
  explicit Threads(int threads) : before_(thread_count()) { set_thread_count(threads); }
  ~Threads() { set_thread_count(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace neap
