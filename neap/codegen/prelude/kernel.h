// What every generated kernel stands on. No header of the standard library is included: parsing one takes longer than compiling a kernel.
// Functions are branch-free, so that the compiler turns loops over them into vector code; NaN, infinities and zeros mean what they mean in
// C.
using f32 = float;
using f64 = double;
using i8 = signed char;
using i16 = short;
using i32 = int;
using i64 = long;
using u8 = unsigned char;
using boolean = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long;
struct bf16 {
  unsigned short bits;
};
struct f16 {
  unsigned short bits;
};
#define NEAP_INLINE static inline __attribute__((always_inline, unused))

NEAP_INLINE f32 bits_f32(i32 x) { return __builtin_bit_cast(f32, x); }
NEAP_INLINE i32 f32_bits(f32 x) { return __builtin_bit_cast(i32, x); }

// Loads and stores: 16-bit floats are computed in f32, rounded to nearest even.
NEAP_INLINE f32 widen(bf16 x) { return __builtin_bit_cast(f32, (u32)x.bits << 16); }
NEAP_INLINE f32 widen(f16 x) {
  const u32 magnitude = x.bits & 0x7FFFu, sign = (u32)(x.bits & 0x8000u) << 16;
  const f32 normal = __builtin_bit_cast(f32, (magnitude << 13) + 0x38000000u), small = (f32)(i32)magnitude * 0x1p-24f;
  const u32 special = 0x7F800000u | ((magnitude & 0x3FFu) << 13);
  const u32 value = magnitude >= 0x7C00u ? special : __builtin_bit_cast(u32, magnitude >= 0x400u ? normal : small);
  return __builtin_bit_cast(f32, value | sign);
}
template <class T>
NEAP_INLINE T widen(T x) {
  return x;
}
template <class To>
struct Narrow {
  template <class T>
  static NEAP_INLINE To of(T x) {
    return (To)x;
  }
};
template <>
struct Narrow<bf16> {
  static NEAP_INLINE bf16 of(f32 x) {
    const u32 word = __builtin_bit_cast(u32, x), rounded = (word + 0x7FFFu + ((word >> 16) & 1u)) >> 16;
    return bf16{(unsigned short)(x != x ? (word >> 16) | 0x40u : rounded)};
  }
};
template <>
struct Narrow<f16> {
  static NEAP_INLINE f16 of(f32 x) {
    const u32 word = __builtin_bit_cast(u32, x), sign = (word >> 16) & 0x8000u, magnitude = word & 0x7FFFFFFFu;
    const u32 small = __builtin_bit_cast(u32, __builtin_bit_cast(f32, magnitude) + 0.5f) - 0x3F000000u;
    const u32 normal = (magnitude + 0xFFFu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
    const u32 finite = magnitude >= 0x477FF000u ? 0x7C00u : magnitude < 0x38800000u ? small : normal;
    return f16{(unsigned short)(sign | (magnitude > 0x7F800000u ? 0x7E00u : finite))};
  }
};
// A float becomes an integer as it does in the interpreter: NaN is 0, what is out of range saturates at 64 bits.
template <class F>
NEAP_INLINE i64 to_integer(F x) {
  return x != x                           ? 0
         : x >= (F)9223372036854775808.0  ? 0x7FFFFFFFFFFFFFFFl
         : x <= (F)-9223372036854775808.0 ? -0x7FFFFFFFFFFFFFFFl - 1
                                          : (i64)x;
}

template <class T>
NEAP_INLINE T smaller(T a, T b) {
  return a < b ? a : b;
}
template <class T>
NEAP_INLINE T larger(T a, T b) {
  return a > b ? a : b;
}
// A NaN on either side wins.
NEAP_INLINE f32 smaller(f32 a, f32 b) { return a < b || a != a ? a : b; }
NEAP_INLINE f32 larger(f32 a, f32 b) { return a > b || a != a ? a : b; }
NEAP_INLINE f64 smaller(f64 a, f64 b) { return a < b || a != a ? a : b; }
NEAP_INLINE f64 larger(f64 a, f64 b) { return a > b || a != a ? a : b; }

// Integer division: by zero gives 0, the smallest number by -1 wraps.
NEAP_INLINE i64 quotient(i64 a, i64 b) { return b == 0 ? 0 : b == -1 ? (i64)(0ul - (u64)a) : a / b; }
NEAP_INLINE i64 floordiv(i64 a, i64 b) {
  if (b == 0) return 0;
  if (b == -1) return (i64)(0ul - (u64)a);
  const i64 q = a / b;
  return q - ((a % b != 0) & ((a % b < 0) != (b < 0)));
}
NEAP_INLINE i64 floormod(i64 a, i64 b) { return b == 0 ? 0 : (i64)((u64)a - (u64)floordiv(a, b) * (u64)b); }
NEAP_INLINE f32 floormod(f32 a, f32 b) {
  const f32 r = __builtin_fmodf(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
NEAP_INLINE f64 floormod(f64 a, f64 b) {
  const f64 r = __builtin_fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
NEAP_INLINE i64 shift_left(i64 a, i64 b) { return b < 0 || b > 63 ? 0 : (i64)((u64)a << b); }
NEAP_INLINE i64 shift_right(i64 a, i64 b) { return b < 0 || b > 63 ? 0 : a >> b; }
NEAP_INLINE i64 power(i64 base, i64 exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 != 0 ? -1 : 1) : 0;
  u64 result = 1, factor = (u64)base;
  for (; exponent > 0; exponent >>= 1, factor *= factor) result *= (exponent & 1) != 0 ? factor : 1;
  return (i64)result;
}

// exp: x = n ln2 + r, a polynomial of degree 6 in r, 2^n in two steps so that results may be subnormal. At most 2 ULP.
NEAP_INLINE f32 exp_(f32 x) {
  const f32 c = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;
  const f32 shifted = c * 1.44269504f + 12582912.0f;
  const f32 n = shifted - 12582912.0f;
  const f32 r = (c - n * 0.693359375f) - n * -2.12194440e-4f;
  f32 p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const i32 e = f32_bits(shifted) - 0x4B400000;
  const i32 half = e >> 1;
  return p * bits_f32((half + 127) << 23) * bits_f32((e - half + 127) << 23);
}
// log: x = m 2^e with m in [sqrt(1/2), sqrt(2)); at most 2 ULP.
NEAP_INLINE f32 log_(f32 x) {
  const bool tiny = x < 1.17549435e-38f;
  const f32 scaled = tiny ? x * 8388608.0f : x;
  const i32 word = f32_bits(scaled), e0 = (word - 0x3F3504F3) >> 23;
  const f32 m = bits_f32(word - (e0 << 23)) - 1.0f, e = (f32)(e0 - (tiny ? 23 : 0)), z = m * m;
  f32 p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const f32 y = p * m * z + e * -2.12194440e-4f - 0.5f * z;
  const f32 result = m + y + e * 0.693359375f;
  const f32 infinity = __builtin_inff();
  return x > 0 ? (x == infinity ? infinity : result) : x == 0 ? -infinity : __builtin_nanf("");
}
// tanh and erf: odd rational approximations on a clamped argument; at most 5 ULP.
NEAP_INLINE f32 tanh_(f32 x) {
  const f32 c = x > 7.90531110763549805f ? 7.90531110763549805f : x < -7.90531110763549805f ? -7.90531110763549805f : x, z = c * c;
  f32 p = -2.76076847742355e-16f;
  p = p * z + 2.00018790482477e-13f;
  p = p * z - 8.60467152213735e-11f;
  p = p * z + 5.12229709037114e-08f;
  p = p * z + 1.48572235717979e-05f;
  p = p * z + 6.37261928875436e-04f;
  p = p * z + 4.89352455891786e-03f;
  f32 q = 1.19825839466702e-06f;
  q = q * z + 1.18534705686654e-04f;
  q = q * z + 2.26843463243900e-03f;
  q = q * z + 4.89352518554385e-03f;
  const f32 small = x < 0 ? -x : x;
  return small < 0.0004f ? x : c * p / q;
}
NEAP_INLINE f32 erf_(f32 x) {
  const f32 c = x > 4.0f ? 4.0f : x < -4.0f ? -4.0f : x, z = c * c;
  f32 p = -2.72614225801306e-10f;
  p = p * z + 2.77068142495902e-08f;
  p = p * z - 2.10102402082508e-06f;
  p = p * z - 5.69250639462346e-05f;
  p = p * z - 7.34990630326855e-04f;
  p = p * z - 2.95459980854025e-03f;
  p = p * z - 1.60960333262415e-02f;
  f32 q = -1.45660718464996e-05f;
  q = q * z - 2.13374055278905e-04f;
  q = q * z - 1.68282697438203e-03f;
  q = q * z - 7.37332916720468e-03f;
  q = q * z - 1.42647390514189e-02f;
  return c * p / q;
}
NEAP_INLINE f32 sigmoid_(f32 x) { return 1.0f / (1.0f + exp_(-x)); }
NEAP_INLINE f64 exp_(f64 x) { return __builtin_exp(x); }
NEAP_INLINE f64 log_(f64 x) { return __builtin_log(x); }
NEAP_INLINE f64 tanh_(f64 x) { return __builtin_tanh(x); }
NEAP_INLINE f64 erf_(f64 x) { return __builtin_erf(x); }
NEAP_INLINE f64 sigmoid_(f64 x) { return x >= 0 ? 1 / (1 + __builtin_exp(-x)) : __builtin_exp(x) / (1 + __builtin_exp(x)); }
#define NEAP_MATH(name, call)                                    \
  NEAP_INLINE f32 name(f32 x) { return __builtin_##call##f(x); } \
  NEAP_INLINE f64 name(f64 x) { return __builtin_##call(x); }
NEAP_MATH(sqrt_, sqrt)
NEAP_MATH(expm1_, expm1) NEAP_MATH(log1p_, log1p) NEAP_MATH(sin_, sin) NEAP_MATH(cos_, cos) NEAP_MATH(tan_, tan) NEAP_MATH(asin_, asin)
    NEAP_MATH(acos_, acos) NEAP_MATH(atan_, atan) NEAP_MATH(sinh_, sinh) NEAP_MATH(cosh_, cosh) NEAP_MATH(asinh_, asinh)
        NEAP_MATH(acosh_, acosh) NEAP_MATH(atanh_, atanh) NEAP_MATH(floor_, floor) NEAP_MATH(ceil_, ceil) NEAP_MATH(round_, rint)
            NEAP_MATH(trunc_, trunc) NEAP_MATH(abs_, fabs) NEAP_INLINE i64 abs_(i64 x) {
  return x < 0 ? (i64)(0ul - (u64)x) : x;
}
NEAP_INLINE f32 pow_(f32 x, f32 y) { return __builtin_powf(x, y); }
NEAP_INLINE f64 pow_(f64 x, f64 y) { return __builtin_pow(x, y); }
NEAP_INLINE f32 atan2_(f32 x, f32 y) { return __builtin_atan2f(x, y); }
NEAP_INLINE f64 atan2_(f64 x, f64 y) { return __builtin_atan2(x, y); }
template <class T>
NEAP_INLINE T sign_(T x) {
  return x != x ? x : (T)((x > 0) - (x < 0));
}

NEAP_INLINE i64 random_bits(i64 seed, i64 stream, i64 counter) {
  u32 c0 = (u32)counter, c1 = (u32)((u64)counter >> 32), c2 = (u32)stream, c3 = (u32)((u64)stream >> 32);
  u32 k0 = (u32)seed, k1 = (u32)((u64)seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const u64 p0 = 0xD2511F53ul * c0, p1 = 0xCD9E8D57ul * c2;
    const u32 n0 = (u32)(p1 >> 32) ^ c1 ^ k0, n2 = (u32)(p0 >> 32) ^ c3 ^ k1;
    c1 = (u32)p1;
    c3 = (u32)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c0;
}

// Sixteen lanes are folded in the same tree whatever the width of the machine's vectors.
template <class T, class F>
NEAP_INLINE T fold_lanes(const T* lane, F f) {
  T a[8], b[4];
  for (int i = 0; i < 8; ++i) a[i] = f(lane[i], lane[i + 8]);
  for (int i = 0; i < 4; ++i) b[i] = f(a[i], a[i + 4]);
  return f(f(b[0], b[2]), f(b[1], b[3]));
}
template <class T, class F>
NEAP_INLINE T fold_range(const T* from, i64 count, T start, F f) {
  T lane[16];
  for (int i = 0; i < 16; ++i) lane[i] = start;
  i64 at = 0;
  for (; at + 16 <= count; at += 16) {
    for (int i = 0; i < 16; ++i) lane[i] = f(lane[i], from[at + i]);
  }
  for (int i = 0; at + i < count; ++i) lane[i] = f(lane[i], from[at + i]);
  return fold_lanes(lane, f);
}
