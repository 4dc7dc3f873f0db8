#include "neap/base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neap/base/error.h"

namespace neap::dtype_test {
namespace {

// What bits of a format with these many exponent and mantissa bits mean, by the definition of IEEE 754.
double meaning(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  const std::uint32_t mantissa = bits & ((1U << mantissa_bits) - 1), exponent = bits >> mantissa_bits & ((1U << exponent_bits) - 1);
  const double sign = (bits >> (mantissa_bits + exponent_bits) & 1) != 0 ? -1 : 1;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1U << exponent_bits) - 1) {
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  }
  const double fraction = std::ldexp(static_cast<double>(mantissa), -mantissa_bits);
  const int power = static_cast<int>(exponent) - bias;
  return exponent == 0 ? sign * std::ldexp(fraction, 1 - bias) : sign * std::ldexp(1 + fraction, power);
}

template <class T>
void check_every_value(int exponent_bits, int mantissa_bits) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    T value;
    value.bits = static_cast<std::uint16_t>(bits);
    const double wanted = meaning(bits, exponent_bits, mantissa_bits), given = static_cast<double>(static_cast<float>(value));
    if (std::isnan(wanted)) {
      ASSERT_TRUE(std::isnan(given)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(T(static_cast<float>(value))))) << bits;
      continue;
    }
    ASSERT_EQ(given, wanted) << bits;
    ASSERT_EQ(std::signbit(given), std::signbit(wanted)) << bits;
    ASSERT_EQ(T(static_cast<float>(value)).bits, bits);
  }
}

// Between two neighbours: the nearer one, and at the middle the one whose last bit is 0.
template <class T>
void check_every_rounding(int exponent_bits, int mantissa_bits) {
  const std::uint32_t infinity = ((1U << exponent_bits) - 1) << mantissa_bits;
  for (std::uint32_t low = 0; low < infinity; ++low) {
    const double a = meaning(low, exponent_bits, mantissa_bits);
    // Infinity rounds as the next power of two would.
    const double b =
        low + 1 == infinity ? a + (a - meaning(low - 1, exponent_bits, mantissa_bits)) : meaning(low + 1, exponent_bits, mantissa_bits);
    const double middle = (a + b) / 2;
    if (middle > std::numeric_limits<float>::max()) continue;
    const auto exact = static_cast<float>(middle);
    if (static_cast<double>(exact) != middle) continue;  // below the smallest float: bf16 has its exponents
    const std::uint32_t even = low % 2 == 0 ? low : low + 1;
    for (const std::uint32_t sign : {0U, 0x8000U}) {
      const float s = sign != 0 ? -1.0F : 1.0F;
      ASSERT_EQ(T(s * exact).bits, (even | sign)) << low;
      ASSERT_EQ(T(s * std::nextafter(exact, 0.0F)).bits, (low | sign)) << low;
      ASSERT_EQ(T(s * std::nextafter(exact, std::numeric_limits<float>::infinity())).bits, ((low + 1) | sign)) << low;
    }
  }
}

TEST(DType, EveryBFloat16) { check_every_value<BFloat16>(8, 7); }
TEST(DType, EveryFloat16) { check_every_value<Float16>(5, 10); }
TEST(DType, EveryBFloat16Rounding) { check_every_rounding<BFloat16>(8, 7); }
TEST(DType, EveryFloat16Rounding) { check_every_rounding<Float16>(5, 10); }

TEST(DType, LargeValuesBecomeInfinite) {
  EXPECT_EQ(Float16(1e30F).bits, 0x7C00);
  EXPECT_EQ(Float16(-65520.0F).bits, 0xFC00);
  EXPECT_EQ(Float16(65519.996F).bits, 0x7BFF);
  EXPECT_EQ(BFloat16(std::numeric_limits<float>::max()).bits, 0x7F80);
  EXPECT_EQ(Float16(1e-30F).bits, 0);
  EXPECT_EQ(Float16(-1e-30F).bits, 0x8000);
}

TEST(DType, NamesAndSizes) {
  const std::pair<const char*, int> known[] = {{"f32", 4}, {"f64", 8}, {"bf16", 2}, {"f16", 2}, {"i8", 1},
                                               {"i16", 2}, {"i32", 4}, {"i64", 8},  {"u8", 1},  {"bool", 1}};
  for (const auto& [text, size] : known) {
    const DType dtype = parse_dtype(text);
    EXPECT_EQ(name(dtype), text);
    EXPECT_EQ(size_of(dtype), size);
    EXPECT_EQ(is_float(dtype), text[0] == 'f' || text[1] == 'f');
    EXPECT_EQ(is_integer(dtype), text[0] == 'i' || text[0] == 'u');
    dispatch(dtype, [&, size = size](auto tag) {
      EXPECT_EQ(static_cast<int>(sizeof(typename decltype(tag)::type)), size);
      EXPECT_EQ(dtype_of<typename decltype(tag)::type>(), dtype);
    });
  }
}

TEST(DType, UnknownNamesAreRefused) {
  for (const char* text : {"", "f33", "F32", "float", "f32 "}) {
    try {
      parse_dtype(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.problem(), fmt::format("'{}' is not a dtype", text));
      EXPECT_EQ(error.remedy(), "use one of f32 f64 bf16 f16 i8 i16 i32 i64 u8 bool");
    }
  }
}

}  // namespace
}  // namespace neap::dtype_test
