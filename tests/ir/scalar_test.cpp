#include "neap/ir/scalar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace neap::scalar_test {
namespace {

const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();

double real(Scalar op, double a, double b = 0, DType dtype = DType::f64) {
  const Number numbers[] = {{a, 0}, {b, 0}};
  const DType dtypes[] = {dtype, dtype};
  const auto count = static_cast<std::size_t>(arity(op));
  return evaluate(op, dtype, {numbers, count}, {dtypes, count}).real;
}
std::int64_t whole(Scalar op, std::int64_t a, std::int64_t b = 0, DType dtype = DType::i64) {
  const Number numbers[] = {{0, a}, {0, b}};
  const DType dtypes[] = {dtype, dtype};
  const auto count = static_cast<std::size_t>(arity(op));
  return evaluate(op, dtype, {numbers, count}, {dtypes, count}).integer;
}
bool truth(Scalar op, double a, double b = 0) {
  const Number numbers[] = {{a, 0}, {b, 0}};
  const DType dtypes[] = {DType::f64, DType::f64};
  const auto count = static_cast<std::size_t>(arity(op));
  return evaluate(op, DType::boolean, {numbers, count}, {dtypes, count}).integer != 0;
}

TEST(Scalar, MinAndMaxPassNaNOn) {
  for (const Scalar op : {Scalar::min, Scalar::max}) {
    EXPECT_TRUE(std::isnan(real(op, nan, 1)));
    EXPECT_TRUE(std::isnan(real(op, 1, nan)));
    EXPECT_TRUE(std::isnan(real(op, nan, nan)));
    EXPECT_TRUE(std::isnan(real(op, infinity, nan)));
  }
  EXPECT_EQ(real(Scalar::max, -infinity, -1), -1);
  EXPECT_EQ(real(Scalar::min, -infinity, -1), -infinity);
}

TEST(Scalar, NaNElsewhere) {
  EXPECT_TRUE(std::isnan(real(Scalar::sign, nan)));
  EXPECT_EQ(real(Scalar::sign, -0.0), 0);
  EXPECT_EQ(real(Scalar::sign, -infinity), -1);
  EXPECT_TRUE(truth(Scalar::is_nan, nan));
  EXPECT_FALSE(truth(Scalar::is_nan, infinity));
  EXPECT_TRUE(truth(Scalar::is_inf, -infinity));
  EXPECT_FALSE(truth(Scalar::is_inf, nan));
  EXPECT_FALSE(truth(Scalar::equal, nan, nan));
  EXPECT_TRUE(truth(Scalar::not_equal, nan, nan));
  for (const Scalar op : {Scalar::less, Scalar::less_equal, Scalar::greater, Scalar::greater_equal}) EXPECT_FALSE(truth(op, nan, 1));
  EXPECT_FALSE(truth(Scalar::logical_not, nan));  // not zero, so true
}

TEST(Scalar, IntegerDivision) {
  for (const Scalar op : {Scalar::div, Scalar::floor_div, Scalar::mod}) {
    EXPECT_EQ(whole(op, 5, 0), 0);
    EXPECT_EQ(whole(op, least, 0), 0);
  }
  EXPECT_EQ(whole(Scalar::div, -7, 2), -3);
  EXPECT_EQ(whole(Scalar::floor_div, -7, 2), -4);
  EXPECT_EQ(whole(Scalar::floor_div, 7, -2), -4);
  EXPECT_EQ(whole(Scalar::mod, -7, 2), 1);
  EXPECT_EQ(whole(Scalar::mod, 7, -2), -1);
  EXPECT_EQ(whole(Scalar::div, least, -1), least);  // wraps
  EXPECT_EQ(whole(Scalar::floor_div, least, -1), least);
  EXPECT_EQ(whole(Scalar::mod, least, -1), 0);
  for (std::int64_t a = -9; a <= 9; ++a) {
    for (std::int64_t b = -4; b <= 4; ++b) {
      if (b == 0) continue;
      const auto quotient = static_cast<std::int64_t>(std::floor(static_cast<double>(a) / static_cast<double>(b)));
      EXPECT_EQ(whole(Scalar::floor_div, a, b), quotient);
      EXPECT_EQ(whole(Scalar::mod, a, b), a - quotient * b);
    }
  }
}

TEST(Scalar, FloatDivisionAndModulo) {
  EXPECT_EQ(real(Scalar::div, 1, 0), infinity);
  EXPECT_TRUE(std::isnan(real(Scalar::div, 0, 0)));
  EXPECT_EQ(real(Scalar::floor_div, -7, 2), -4);
  EXPECT_EQ(real(Scalar::mod, -7, 2), 1);
  EXPECT_EQ(real(Scalar::mod, 7, -2), -1);
  EXPECT_TRUE(std::isnan(real(Scalar::mod, 1, 0)));
}

TEST(Scalar, IntegersWrapAtTheirWidth) {
  EXPECT_EQ(whole(Scalar::add, most, 1), least);
  EXPECT_EQ(whole(Scalar::add, 127, 1, DType::i8), -128);
  EXPECT_EQ(whole(Scalar::sub, 0, 1, DType::u8), 255);
  EXPECT_EQ(whole(Scalar::mul, 1 << 20, 1 << 20, DType::i32), 0);
  EXPECT_EQ(whole(Scalar::neg, least), least);
  EXPECT_EQ(whole(Scalar::abs, least), least);
  EXPECT_EQ(whole(Scalar::abs, -128, 0, DType::i8), -128);
  EXPECT_EQ(whole(Scalar::pow, 3, 5), 243);
  EXPECT_EQ(whole(Scalar::pow, 2, -1), 0);
  EXPECT_EQ(whole(Scalar::pow, -1, -3), -1);
  EXPECT_EQ(whole(Scalar::pow, 2, 64), 0);
}

TEST(Scalar, Shifts) {
  EXPECT_EQ(whole(Scalar::shift_left, 1, 3), 8);
  EXPECT_EQ(whole(Scalar::shift_right, -8, 1), -4);
  EXPECT_EQ(whole(Scalar::shift_left, 255, 1, DType::u8), 254);
  for (const std::int64_t by : {std::int64_t{64}, std::int64_t{200}, std::int64_t{-1}, least}) {  // defined for every amount
    EXPECT_EQ(whole(Scalar::shift_left, 5, by), whole(Scalar::shift_left, 5, by));
    EXPECT_EQ(whole(Scalar::shift_right, 5, by), whole(Scalar::shift_right, 5, by));
  }
}

TEST(Scalar, Rounding) {
  EXPECT_EQ(real(Scalar::round, 2.5), 2);
  EXPECT_EQ(real(Scalar::round, 3.5), 4);
  EXPECT_EQ(real(Scalar::round, -0.5), 0);
  EXPECT_EQ(real(Scalar::trunc, -1.7), -1);
  EXPECT_EQ(real(Scalar::floor, -1.2), -2);
  EXPECT_EQ(real(Scalar::ceil, 1.2), 2);
}

TEST(Scalar, ResultsAreRoundedToTheirDtype) {
  EXPECT_EQ(real(Scalar::add, 1, 1e-9, DType::f32), 1);
  EXPECT_EQ(real(Scalar::add, 2048, 1, DType::f16), 2048);
  EXPECT_EQ(real(Scalar::mul, 300, 300, DType::f16), infinity);
  EXPECT_EQ(real(Scalar::add, 256, 1, DType::bf16), 256);
}

TEST(Scalar, ExtremesOfSmoothFunctions) {
  EXPECT_EQ(real(Scalar::sigmoid, -1000), 0);
  EXPECT_EQ(real(Scalar::sigmoid, 1000), 1);
  EXPECT_EQ(real(Scalar::tanh, infinity), 1);
  EXPECT_EQ(real(Scalar::exp, -infinity), 0);
  EXPECT_EQ(real(Scalar::log, 0), -infinity);
  EXPECT_TRUE(std::isnan(real(Scalar::sqrt, -1)));
  EXPECT_EQ(real(Scalar::erf, -infinity), -1);
  EXPECT_EQ(real(Scalar::rsqrt, 0), infinity);
}

TEST(Scalar, Casts) {
  EXPECT_EQ(convert({nan, 0}, DType::f64, DType::i32).integer, 0);
  EXPECT_EQ(convert({1e30, 0}, DType::f64, DType::i64).integer, most);
  EXPECT_EQ(convert({-infinity, 0}, DType::f64, DType::i64).integer, least);
  EXPECT_EQ(convert({-1.9, 0}, DType::f32, DType::i8).integer, -1);
  EXPECT_EQ(convert({300, 0}, DType::f32, DType::u8).integer, 44);
  EXPECT_EQ(convert({nan, 0}, DType::f32, DType::boolean).integer, 1);
  EXPECT_EQ(convert({-0.0, 0}, DType::f32, DType::boolean).integer, 0);
  EXPECT_EQ(convert({0, 256}, DType::i64, DType::boolean).integer, 1);
  EXPECT_EQ(convert({0, (std::int64_t{1} << 53) + 1}, DType::i64, DType::f64).real, 9007199254740992.0);
  EXPECT_EQ(convert({0.1, 0}, DType::f64, DType::f32).real, static_cast<double>(0.1F));
  EXPECT_EQ(convert({0, -1}, DType::i8, DType::u8).integer, 255);
}

TEST(Scalar, ReductionsOverNothing) {
  EXPECT_EQ(identity(Reduction::sum, DType::f32).real, 0);
  EXPECT_EQ(identity(Reduction::prod, DType::f32).real, 1);
  EXPECT_EQ(identity(Reduction::max, DType::f32).real, -infinity);
  EXPECT_EQ(identity(Reduction::min, DType::f32).real, infinity);
  EXPECT_EQ(identity(Reduction::max, DType::i8).integer, -128);
  EXPECT_EQ(identity(Reduction::min, DType::i16).integer, 32767);
  EXPECT_EQ(identity(Reduction::max, DType::u8).integer, 0);
  EXPECT_EQ(identity(Reduction::min, DType::u8).integer, 255);
  EXPECT_EQ(identity(Reduction::max, DType::i64).integer, least);
  EXPECT_EQ(identity(Reduction::any, DType::boolean).integer, 0);
  EXPECT_EQ(identity(Reduction::all, DType::boolean).integer, 1);
  EXPECT_EQ(identity(Reduction::argmax, DType::f32).integer, -1);
}

TEST(Scalar, ReductionsPassNaNOn) {
  for (const Reduction reduction : {Reduction::max, Reduction::min, Reduction::sum, Reduction::prod}) {
    Number total = identity(reduction, DType::f32);
    for (const double x : {1.0, nan, 3.0}) total = fold(reduction, DType::f32, total, {x, 0});
    EXPECT_TRUE(std::isnan(total.real)) << name(reduction);
  }
}

// The known answers that Random123 publishes for philox4x32, 10 rounds (kat_vectors).
TEST(Scalar, PhiloxKnownAnswers) {
  EXPECT_EQ(philox(0, 0, 0), 0x6627e8d5U);
  EXPECT_EQ(philox(~0ULL, ~0ULL, ~0ULL), 0x408f276dU);
  EXPECT_EQ(philox(0x299f31d0a4093822ULL, 0x0370734413198a2eULL, 0x85a308d3243f6a88ULL), 0xd16cfe09U);
}

TEST(Scalar, EveryOperationHasANameAndAnArity) {
  for (int i = 0; i <= static_cast<int>(Scalar::reduce); ++i) {
    const auto op = static_cast<Scalar>(i);
    EXPECT_FALSE(name(op).empty());
    EXPECT_TRUE(arity(op) >= 0 || op == Scalar::read) << name(op);
  }
  EXPECT_EQ(name(Scalar::logical_or), "logical_or");
  EXPECT_EQ(name(Scalar::logical_xor), "logical_xor");
  EXPECT_EQ(name(Scalar::reduce), "reduce");
}

}  // namespace
}  // namespace neap::scalar_test
