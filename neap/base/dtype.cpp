#include "neap/base/dtype.h"

#include <array>
#include <cmath>

#include "neap/base/error.h"

namespace neap {
namespace {
constexpr std::array<std::string_view, 10> names = {"f32", "f64", "bf16", "f16", "i8", "i16", "i32", "i64", "u8", "bool"};
constexpr std::array<int, 10> sizes = {4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
}  // namespace

std::string_view name(DType dtype) { return names[static_cast<std::size_t>(dtype)]; }
int size_of(DType dtype) { return sizes[static_cast<std::size_t>(dtype)]; }
bool is_float(DType dtype) { return dtype <= DType::f16; }
bool is_integer(DType dtype) { return dtype > DType::f16 && dtype != DType::boolean; }

DType parse_dtype(std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<DType>(i);
  }
  throw Error(fmt::format("'{}' is not a dtype", text), "", "use one of f32 f64 bf16 f16 i8 i16 i32 i64 u8 bool");
}

BFloat16::BFloat16(float value) {
  const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    bits = static_cast<std::uint16_t>((word >> 16) | 0x40);
  } else {
    bits = static_cast<std::uint16_t>((word + 0x7FFF + ((word >> 16) & 1)) >> 16);
  }
}

Float16::Float16(float value) {
  const std::uint32_t word = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((word >> 16) & 0x8000);
  const std::uint32_t magnitude = word & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) {
    bits = static_cast<std::uint16_t>(sign | 0x7E00 | ((magnitude >> 13) & 0x3FF));
  } else if (magnitude >= 0x477FF000) {  // rounds to 65536 or more
    bits = static_cast<std::uint16_t>(sign | 0x7C00);
  } else if (magnitude < 0x38800000) {  // subnormal: adding 0.5 aligns the bits and rounds to nearest even
    const float aligned = std::bit_cast<float>(magnitude) + 0.5F;
    bits = static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(aligned) - 0x3F000000));
  } else {
    const std::uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1) - 0x38000000;
    bits = static_cast<std::uint16_t>(sign | (rounded >> 13));
  }
}

Float16::operator float() const {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16, magnitude = bits & 0x7FFFU;
  if (magnitude >= 0x7C00) return std::bit_cast<float>(sign | 0x7F800000 | ((magnitude & 0x3FF) << 13));
  if (magnitude >= 0x400) return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000));
  const float value = static_cast<float>(magnitude) * 0x1p-24F;
  return sign != 0 ? -value : value;
}

}  // namespace neap
