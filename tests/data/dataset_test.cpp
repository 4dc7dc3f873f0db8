#include "neap/data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "neap/data/array_dataset.h"
#include "tests/support/expect_error.h"

namespace neap::dataset_test {
namespace {

TEST(ArrayDataset, GathersRowsOfEveryDtype) {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i8, DType::i64, DType::u8, DType::boolean}) {
    Array values(dtype, {3, 2});
    for (std::int64_t i = 0; i < 6; ++i) values.set(i, static_cast<double>(i % 2));
    const DatasetPtr dataset = array_dataset({"x"}, {values});
    EXPECT_EQ(dataset->fields()[0].dtype, dtype);
    EXPECT_EQ(dataset->fields()[0].sizes, Sizes{2});
    const std::vector<std::int64_t> indices = {2, 0, 2};
    const Array rows = dataset->batch(indices)[0];
    EXPECT_EQ(rows.sizes(), (Sizes{3, 2}));
    for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(rows.get(i), static_cast<double>(i % 2));
  }
}

TEST(ArrayDataset, EmptyBatchAndEmptyRows) {
  const DatasetPtr dataset = array_dataset({"x"}, {Array::zeros(DType::f32, {4, 0})});
  EXPECT_EQ(dataset->range(1, 3)[0].sizes(), (Sizes{2, 0}));
  EXPECT_EQ(dataset->range(1, 1)[0].sizes(), (Sizes{0, 0}));
}

TEST(ArrayDataset, Refusals) {
  const Array three = Array::zeros(DType::f32, {3}), two = Array::zeros(DType::f32, {2, 5});
  expect_error([&] { array_dataset({"x", "y"}, {three, two}); }, "'y' has 2 examples, 'x' has 3");
  expect_error([&] { array_dataset({"x"}, {Array::scalar(1.0F)}); }, "'x' is a scalar");
  expect_error([&] { array_dataset({"x"}, {}); }, "1 names for 0 arrays");
  expect_error([&] { array_dataset({}, {}); }, "a dataset needs an array");
  expect_error([&] { array_dataset({"x"}, {three}, {}, "here")->range(0, 4); }, "examples 0 to 4 of 3", "here");
  const std::vector<std::int64_t> bad = {0, 3}, negative = {-1};
  expect_error([&] { array_dataset({"x"}, {three})->batch(bad); }, "there is no example 3 among 3");
  expect_error([&] { array_dataset({"x"}, {three})->batch(negative); }, "there is no example -1");
}

TEST(Split, PartsAreDisjointAndTheSameForASeed) {
  Array values(DType::i64, {101});
  for (std::int64_t i = 0; i < 101; ++i) values.set_int(i, i);
  const DatasetPtr whole = array_dataset({"x"}, {values});
  const auto [train, validation] = split(whole, 0.2, 9);
  EXPECT_EQ(train->count(), 81);
  EXPECT_EQ(validation->count(), 20);
  std::vector<std::int64_t> seen;
  for (const DatasetPtr& part : {train, validation}) {
    const Array all = part->range(0, part->count())[0];
    for (std::int64_t i = 0; i < all.count(); ++i) seen.push_back(all.get_int(i));
  }
  std::ranges::sort(seen);
  for (std::int64_t i = 0; i < 101; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  const Array again = split(whole, 0.2, 9).second->range(0, 20)[0], other = split(whole, 0.2, 10).second->range(0, 20)[0];
  EXPECT_TRUE(std::ranges::equal(again.values<std::int64_t>(), validation->range(0, 20)[0].values<std::int64_t>()));
  EXPECT_FALSE(std::ranges::equal(other.values<std::int64_t>(), again.values<std::int64_t>()));
}

TEST(Split, AllAndNothing) {
  const DatasetPtr whole = array_dataset({"x"}, {Array::zeros(DType::f32, {7})});
  EXPECT_EQ(split(whole, 0, 1).second->count(), 0);
  EXPECT_EQ(split(whole, 1, 1).first->count(), 0);
  expect_error([&] { split(whole, 1.5, 1); }, "a part of 1.5 for validation");
  expect_error([&] { split(whole, std::nan(""), 1); }, "a part of nan");
}

TEST(Subset, RefusesIndicesOutside) {
  const DatasetPtr whole = array_dataset({"x"}, {Array::zeros(DType::f32, {7})});
  expect_error([&] { subset(whole, {0, 7}); }, "there is no example 7 among 7");
  const std::vector<std::int64_t> second = {1};
  expect_error([&] { subset(whole, {0})->batch(second); }, "there is no example 1 among 1");
}

TEST(Labels, ThoseOutOfRangeAreNamedWithTheirIndex) {
  EXPECT_EQ(checked_labels(Array::of(std::vector<std::uint8_t>{0, 9, 3}), 10, "set").dtype(), DType::i64);
  expect_error(
      [] {
        checked_labels(Array::of(std::vector<std::uint8_t>{0, 9, 10}), 10, "set");
      },
      "label 10 at index 2 is none of the 10 classes 0 to 9", "set");
  expect_error([] { checked_labels(Array::of(std::vector<std::int64_t>{-1}), 10, "set"); }, "label -1 at index 0");
  expect_error([] { checked_labels(Array::of(std::vector<double>{1.5}), 10, "set"); }, "label 1.5 at index 0 is no class");
  expect_error([] { checked_labels(Array::of(std::vector<double>{std::nan("")}), 10, "set"); }, "label nan at index 0");
  expect_error([] { checked_labels(Array::of(std::vector<float>{std::numeric_limits<float>::infinity()}), 10, "set"); }, "label inf");
  expect_error([] { checked_labels(Array::zeros(DType::u8, {2, 2}), 10, "set"); }, "labels of sizes [2,2]");
}

}  // namespace
}  // namespace neap::dataset_test
