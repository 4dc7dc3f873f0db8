#include "neap/base/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace neap::stream_test {
namespace {

TEST(Stream, CopiesJustTheBytesPastTheCaches) {
  std::vector<char> from(400), to(500);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i % 101 + 1);
  for (const std::int64_t bytes : {0, 1, 63, 64, 65, 200, 333}) {
    for (const std::ptrdiff_t at : {0, 1, 16, 63}) {
      std::fill(to.begin(), to.end(), char{0});
      copy_past_caches(from.data() + 3, to.data() + at, bytes);
      end_past_caches();
      for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(to.size()); ++i)
        ASSERT_EQ(to[static_cast<std::size_t>(i)], i >= at && i < at + bytes ? from[static_cast<std::size_t>(i - at + 3)] : 0) << i;
    }
  }
}

TEST(Stream, SmallArraysAreNotPastCaches) {
  EXPECT_FALSE(is_past_caches(1000));
  EXPECT_TRUE(is_past_caches(std::int64_t{1} << 40));
}

}  // namespace
}  // namespace neap::stream_test
