#include "neap/data/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "tests/support/expect_error.h"

namespace neap::augment_test {
namespace {

// Image i holds i*1000 + 1, 2, 3, ...
Array images(DType dtype, Sizes sizes) {
  Array made(dtype, std::move(sizes));
  const std::int64_t pixels = made.count() / made.size(0);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>(i / pixels * 1000 + i % pixels + 1));
  return made;
}

bool equal(const Array& a, const Array& b) {
  return a.sizes() == b.sizes() && std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.bytes())) == 0;
}

Array augmented(Array x, const Augmentation& how, const std::vector<std::int64_t>& indices, std::int64_t epoch = 0) {
  augment(x, how, 42, epoch, indices);
  return x;
}

TEST(Augment, NothingAskedNothingChanged) {
  const Array x = images(DType::f32, {3, 2, 5, 7});
  EXPECT_TRUE(equal(augmented(x.clone(), {}, {0, 1, 2}), x));
}

TEST(Augment, DoesNotDependOnTheBatch) {
  const Augmentation how{.shift = 3, .flip = true, .cutout = 2, .fill = {-1, -2}};
  const Array x = images(DType::f32, {4, 2, 5, 7}), together = augmented(x.clone(), how, {10, 11, 12, 13});
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(equal(augmented(x.slice_rows(i, i + 1).clone(), how, {10 + i}), together.slice_rows(i, i + 1)));
  }
  EXPECT_FALSE(equal(augmented(x.clone(), how, {10, 11, 12, 13}, 1), together));
}

// Every result is the image moved by at most `shift`, mirrored or not; all of these occur.
TEST(Augment, ShiftsAndFlipsAgainstAPlainLoop) {
  const Augmentation how{.shift = 1, .flip = true, .fill = {-5}};
  const Array x = images(DType::f64, {1, 1, 3, 4});
  std::set<int> seen;
  for (std::int64_t index = 0; index < 300; ++index) {
    const Array y = augmented(x.clone(), how, {index});
    int found = -1;
    for (int choice = 0; choice < 18; ++choice) {
      const int down = choice / 6 - 1, right = choice / 2 % 3 - 1;
      bool same = true;
      for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 4; ++column) {
          const int from_row = row - down, moved = column - right, from_column = choice % 2 == 1 ? 3 - moved : moved;
          const bool outside = from_row < 0 || from_row > 2 || from_column < 0 || from_column > 3;
          same = same && y.get(row * 4 + column) == (outside ? -5 : x.get(from_row * 4 + from_column));
        }
      }
      if (same) found = choice;
    }
    ASSERT_GE(found, 0) << "image " << index << " is no shift of the original";
    seen.insert(found);
  }
  EXPECT_EQ(seen.size(), 18U);
}

TEST(Augment, CutoutIsASquareOfBackground) {
  const Array x = images(DType::u8, {1, 1, 6, 6});
  for (std::int64_t index = 0; index < 50; ++index) {
    const Array y = augmented(x.clone(), {.cutout = 3}, {index});
    std::set<std::int64_t> rows, columns;
    std::int64_t cut = 0;
    for (std::int64_t i = 0; i < 36; ++i) {
      if (y.get(i) == x.get(i)) continue;
      EXPECT_EQ(y.get(i), 0);
      rows.insert(i / 6);
      columns.insert(i % 6);
      ++cut;
    }
    EXPECT_GE(cut, 4);
    EXPECT_EQ(cut, static_cast<std::int64_t>(rows.size() * columns.size()));
    EXPECT_LE(std::max(rows.size(), columns.size()), 3U);
  }
}

TEST(Augment, EveryDtypeAndOddSizes) {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i8, DType::i16, DType::i32, DType::i64, DType::u8}) {
    for (const Sizes& sizes : {Sizes{1, 1, 1, 1}, Sizes{2, 3, 1, 5}, Sizes{2, 1, 7, 1}, Sizes{1, 0, 2, 2}, Sizes{1, 1, 0, 3}}) {
      Array x = Array::full(dtype, sizes, 1);
      std::vector<std::int64_t> indices(static_cast<std::size_t>(sizes[0]));
      augment(x, {.shift = 9, .flip = true, .cutout = 20}, 1, 0, indices);
      for (std::int64_t i = 0; i < x.count(); ++i) EXPECT_TRUE(x.get(i) == 0 || x.get(i) == 1);
    }
  }
}

TEST(Augment, Refusals) {
  expect_error([] { augmented(Array::zeros(DType::f32, {1, 2, 3}), {}, {0}); }, "images of sizes [1,2,3]");
  expect_error([] { augmented(Array::zeros(DType::f32, {2, 1, 3, 3}), {}, {0}); }, "2 images with 1 indices");
  expect_error([] { augmented(Array::zeros(DType::f32, {1, 1, 3, 3}), {.shift = -1}, {0}); }, "a shift of -1");
  expect_error([] { augmented(Array::zeros(DType::f32, {1, 1, 3, 3}), {.cutout = std::int64_t{1} << 62}, {0}); }, "a cutout of");
  expect_error([] { augmented(Array::zeros(DType::f32, {1, 1, 3, 3}), {.fill = {1, 2}}, {0}); }, "2 values of background for 1 channels");
}

}  // namespace
}  // namespace neap::augment_test
