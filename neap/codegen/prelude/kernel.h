// What scalar operations of integers mean, division and random numbers; the last of the prelude's parts.
#pragma once
#include "neap/codegen/prelude/math.h"

namespace neap::kernel {

// An index from the data, or 0 where it is out of bounds, which is reported.
NEAP_INLINE i64 inside(i64 index, i64 size, i64 failure, i64& bad) {
  if (__builtin_expect((u64)index < (u64)size, 1)) return index;
  bad = bad < failure ? failure : bad;
  return 0;
}

// Integer division: by zero gives 0, the smallest number by -1 wraps.
NEAP_INLINE i64 quotient(i64 a, i64 b) { return b == 0 ? 0 : b == -1 ? (i64)(u64{0} - (u64)a) : a / b; }
NEAP_INLINE i64 floordiv(i64 a, i64 b) {
  if (b == 0) return 0;
  if (b == -1) return (i64)(u64{0} - (u64)a);
  const i64 q = a / b;
  return q - ((a % b != 0) & ((a % b < 0) != (b < 0)));
}
NEAP_INLINE i64 floormod(i64 a, i64 b) { return b == 0 ? 0 : (i64)((u64)a - (u64)floordiv(a, b) * (u64)b); }
NEAP_INLINE f32 floormod(f32 a, f32 b) {
  const f32 r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
NEAP_INLINE f64 floormod(f64 a, f64 b) {
  const f64 r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
template <class V>
NEAP_INLINE V floormod(V a, V b) {
  return each_lane(a, b, [](element_of<V> x, element_of<V> y) { return floormod(x, y); });
}
NEAP_INLINE i64 shift_left(i64 a, i64 b) { return b < 0 || b > 63 ? 0 : (i64)((u64)a << b); }
NEAP_INLINE i64 shift_right(i64 a, i64 b) { return b < 0 || b > 63 ? 0 : a >> b; }
NEAP_INLINE i64 power(i64 base, i64 exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1) : 0;
  u64 result = 1, factor = (u64)base;
  for (; exponent > 0; exponent >>= 1, factor *= factor) result *= (exponent & 1) != 0 ? factor : 1;
  return (i64)result;
}
NEAP_INLINE i64 absolute(i64 x) { return x < 0 ? (i64)(u64{0} - (u64)x) : x; }
NEAP_INLINE i64 sign(i64 x) { return (x > 0) - (x < 0); }
template <class F>
NEAP_INLINE bool is_infinite(F x) {
  return absolute(x) == (F)__builtin_inf();
}

// Philox4x32-10 (Salmon et al., SC 2011), the first word.
NEAP_INLINE i64 random_bits(i64 seed, i64 stream, i64 counter) {
  u32 c0 = (u32)counter, c1 = (u32)((u64)counter >> 32), c2 = (u32)stream, c3 = (u32)((u64)stream >> 32);
  u32 k0 = (u32)seed, k1 = (u32)((u64)seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const u64 p0 = (u64)0xD2511F53U * c0, p1 = (u64)0xCD9E8D57U * c2;
    const u32 n0 = (u32)(p1 >> 32) ^ c1 ^ k0, n2 = (u32)(p0 >> 32) ^ c3 ^ k1;
    c1 = (u32)p1;
    c3 = (u32)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c0;
}

}  // namespace neap::kernel
