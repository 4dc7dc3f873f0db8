#include "neap/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "neap/base/pieces.h"

namespace neap {
namespace {

TEST(Pieces, AreARangeForEachThreadAndThenTheLastOfOthers) {
  Pieces pieces(10, 3);  // 0 to 2, 3 to 5, 6 to 9
  std::vector<std::size_t> taken;
  const auto take = [&](int thread, int count) {
    for (int i = 0; i < count; ++i) taken.push_back(pieces.next(thread).value());
  };
  take(1, 3);
  take(0, 1);
  take(1, 3);
  take(2, 1);
  take(0, 2);
  EXPECT_EQ(taken, (std::vector<std::size_t>{3, 4, 5, 0, 9, 8, 7, 6, 1, 2}));
  for (const int thread : {0, 1, 2}) EXPECT_FALSE(pieces.next(thread).has_value());
}

TEST(ForEachIndex, CallsEachOnce) {
  for (const int threads : {1, 2, 5}) {
    for (const std::size_t count : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      for_each_index(
          count, [&](std::size_t i) { ++calls[i]; }, threads);
      for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(calls[i], 1) << i << " of " << count;
    }
  }
}

TEST(ForEachIndex, ThrowsTheFirstErrorWhenAllAreDone) {
  for (const int threads : {1, 3}) {
    std::atomic<int> done{0};
    const auto work = [&](std::size_t i) {
      ++done;
      if (i % 7 == 3) throw std::runtime_error(std::to_string(i));
    };
    try {
      for_each_index(50, work, threads);
      FAIL() << "no error";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "3");
    }
    EXPECT_EQ(done, 50);
  }
}

}  // namespace
}  // namespace neap
