#include "neap/base/radix_sort.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace neap {
namespace {

template <class T>
void expect_sorted(const std::vector<T>& numbers) {
  using Key = decltype(sort_key(T()));
  std::vector<Ranked<Key>> items, space;
  for (std::size_t i = 0; i < numbers.size(); ++i) items.push_back({sort_key(numbers[i]), static_cast<std::uint32_t>(i)});
  radix_sort(items, space);
  std::vector<std::uint32_t> wanted(numbers.size()), got;
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = static_cast<std::uint32_t>(i);
  std::stable_sort(wanted.begin(), wanted.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (numbers[a] != numbers[a] || numbers[b] != numbers[b]) return numbers[a] == numbers[a] && numbers[b] != numbers[b];
    return numbers[a] < numbers[b];
  });
  for (const Ranked<Key>& item : items) got.push_back(item.at);
  EXPECT_EQ(got, wanted);
  EXPECT_EQ(space.size(), items.size());
}

template <class T>
class RadixSort : public testing::Test {};
using Numbers = testing::Types<float, double, std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::uint32_t, std::int64_t, bool>;
TYPED_TEST_SUITE(RadixSort, Numbers);

TYPED_TEST(RadixSort, OrdersAsComparisonDoes) {
  std::mt19937_64 random(1);
  for (const std::size_t count : {0, 1, 2, 7, 3000}) {
    std::vector<TypeParam> any, few, alike(count, TypeParam{1});
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t bits = random();
      any.push_back(static_cast<TypeParam>(static_cast<std::int64_t>(bits)));
      few.push_back(static_cast<TypeParam>(bits % 3));
    }
    any.insert(any.end(), {std::numeric_limits<TypeParam>::lowest(), std::numeric_limits<TypeParam>::max(), TypeParam{}});
    expect_sorted<TypeParam>({any.begin(), any.end()});
    expect_sorted<TypeParam>({few.begin(), few.end()});
    expect_sorted<TypeParam>({alike.begin(), alike.end()});
  }
}

TEST(RadixSortOfFloats, TakesZerosAsEqualAndNanAsTheLargest) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  expect_sorted<float>({0.0F, nan, -0.0F, inf, -nan, -inf, 1e-45F, -1e-45F, 0.0F, 1.0F});
  EXPECT_EQ(sort_key(0.0), sort_key(-0.0));
  EXPECT_GT(sort_key(-nan), sort_key(inf));
}

}  // namespace
}  // namespace neap
