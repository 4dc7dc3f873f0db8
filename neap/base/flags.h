// Flags in bytes.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

namespace neap {

// found(i) for those of `count` flags that are `wanted`, in order; a byte other than 0 is true. Eight at a time, of which most often few
// are.
template <class Found>
void for_each_flag(const std::uint8_t* flags, std::int64_t count, bool wanted, Found found) {
  constexpr std::uint64_t ones = 0x0101010101010101U, low = 0x7f * ones;
  constexpr std::int64_t at_once = sizeof(std::uint64_t);
  const std::uint64_t others = wanted ? 0 : ones;
  std::int64_t i = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; i + at_once <= count; i += at_once) {
      std::uint64_t several = 0;
      std::memcpy(&several, flags + i, at_once);
      several = ((((several & low) + low) | several) >> 7 & ones) ^ others;  // 1 for those that are wanted
      for (; several != 0; several &= several - 1) found(i + std::countr_zero(several) / 8);
    }
  }
  for (; i < count; ++i) {
    if ((flags[i] != 0) == wanted) found(i);
  }
}

}  // namespace neap
