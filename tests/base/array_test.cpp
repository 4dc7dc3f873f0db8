#include "neap/base/array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/expect_error.h"

namespace neap::array_test {
namespace {

constexpr DType all_dtypes[] = {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i8,
                                DType::i16, DType::i32, DType::i64,  DType::u8,  DType::boolean};

TEST(Array, CountsElements) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 5}), 30);
  EXPECT_EQ(element_count({0}), 0);
  EXPECT_EQ(element_count({std::int64_t{1} << 62, std::int64_t{1} << 62, 0}), 0);
  EXPECT_EQ(problem_of([] { element_count({2, -1}); }), "negative size -1 in [2,-1]");
  EXPECT_EQ(problem_of([] { element_count({-1, 0}); }), "negative size -1 in [-1,0]");
  EXPECT_EQ(problem_of([] {
              element_count({std::int64_t{1} << 31, std::int64_t{1} << 31});
            }),
            "[2147483648,2147483648] has too many elements");
  EXPECT_EQ(problem_of([] { element_count({std::numeric_limits<std::int64_t>::max()}); }), "[9223372036854775807] has too many elements");
}

TEST(Array, TooLargeForTheMachineIsAnError) {
  EXPECT_EQ(problem_of([] { Array(DType::f64, {std::int64_t{1} << 59}); }),
            "no memory for f64 of [576460752303423488] (4611686018427387904 bytes)");
}

TEST(Array, IsAlignedAndNeverNull) {
  for (const Sizes& sizes : {Sizes{}, Sizes{0}, Sizes{3}, Sizes{7, 0, 2}, Sizes{17}}) {
    const Array array(DType::bf16, sizes);
    EXPECT_NE(array.raw(), nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.raw()) % 64, 0u);
    EXPECT_FALSE(array.empty());
  }
  EXPECT_TRUE(Array().empty());
}

TEST(Array, EveryDtypeHoldsAndGivesBack) {
  for (const DType dtype : all_dtypes) {
    Array array = Array::zeros(dtype, {2, 3});
    EXPECT_EQ(array.bytes(), 6 * size_of(dtype));
    for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(array.get(i), 0);
    array.set(4, 1.0);
    EXPECT_EQ(array.get(4), 1.0) << name(dtype);
    EXPECT_EQ(array.get_int(4), 1) << name(dtype);
    array.set_int(5, 1);
    EXPECT_EQ(array.get(5), 1.0) << name(dtype);
    EXPECT_EQ(Array::full(dtype, {3}, 1).get_int(2), 1) << name(dtype);
  }
}

TEST(Array, IntegersOf64BitsAreExact) {
  const std::int64_t large = (std::int64_t{1} << 60) + 1;
  Array array = Array::zeros(DType::i64, {1});
  array.set_int(0, large);
  EXPECT_EQ(array.get_int(0), large);
  EXPECT_EQ(array.cast(DType::i64).get_int(0), large);
}

// Towards zero, at the ends of i64, NaN to 0; narrower integers wrap from there, as casts in maps do.
TEST(Array, FloatsToIntegers) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Array from = Array::of<double>({1.9, -1.9, infinity, -infinity, std::nan(""), 300, 1e30});
  const auto cast = [&](DType dtype) {
    std::vector<std::int64_t> values;
    const Array to = from.cast(dtype);
    for (std::int64_t i = 0; i < to.count(); ++i) values.push_back(to.get_int(i));
    return values;
  };
  const std::int64_t most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(cast(DType::i64), (std::vector<std::int64_t>{1, -1, most, least, 0, 300, most}));
  EXPECT_EQ(cast(DType::i32), (std::vector<std::int64_t>{1, -1, -1, 0, 0, 300, -1}));
  EXPECT_EQ(cast(DType::u8), (std::vector<std::int64_t>{1, 255, 255, 0, 0, 44, 255}));
  EXPECT_EQ(cast(DType::boolean), (std::vector<std::int64_t>{1, 1, 1, 1, 1, 1, 1}));
}

TEST(Array, HandlesShareAndClonesDoNot) {
  Array a = Array::of<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  Array b = a, c = a.clone(), d = a.reshape({6}), e = a.slice_rows(1, 3);
  a.values<float>()[2] = 9;
  EXPECT_EQ(b.get(2), 9);
  EXPECT_EQ(c.get(2), 3);
  EXPECT_EQ(d.get(2), 9);
  EXPECT_EQ(e.get(0), 9);
  EXPECT_EQ(e.sizes(), (Sizes{2, 2}));
  EXPECT_TRUE(Array().clone().empty());
  EXPECT_EQ(a.slice_rows(1, 1).count(), 0);
  EXPECT_EQ(Array::zeros(DType::f32, {0, 3}).slice_rows(0, 0).count(), 0);
}

TEST(Array, SizesByAxis) {
  const Array a = Array::zeros(DType::i8, {2, 3, 5});
  EXPECT_EQ(a.size(0), 2);
  EXPECT_EQ(a.size(-1), 5);
  EXPECT_EQ(problem_of([&] { a.size(3); }), "no axis 3 in [2,3,5]");
  EXPECT_EQ(problem_of([&] { a.size(-4); }), "no axis -4 in [2,3,5]");
}

TEST(Array, Refusals) {
  const Array a = Array::zeros(DType::i8, {2, 3});
  EXPECT_EQ(problem_of([&] { a.values<float>(); }), "an array of i8 is not one of f32");
  EXPECT_EQ(problem_of([&] { a.reshape({5}); }), "[2,3] cannot become [5]");
  EXPECT_EQ(problem_of([&] { a.slice_rows(1, 3); }), "rows 1 to 3 of [2,3]");
  EXPECT_EQ(problem_of([&] { a.slice_rows(2, 1); }), "rows 2 to 1 of [2,3]");
  EXPECT_EQ(problem_of([&] { a.slice_rows(-1, 1); }), "rows -1 to 1 of [2,3]");
  EXPECT_EQ(problem_of([] { Array::scalar(1.0F).slice_rows(0, 0); }), "rows 0 to 0 of []");
  EXPECT_EQ(problem_of([] { Array::of<float>({1, 2}, {3}); }), "2 values for [3]");
}

TEST(Array, WrapsMemoryOfOthers) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  const std::weak_ptr<std::vector<float>> watched = owner;
  {
    Array array = Array::wrap(DType::f32, {3}, owner->data(), owner);
    owner.reset();
    EXPECT_EQ(array.get(2), 3);
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace neap::array_test
