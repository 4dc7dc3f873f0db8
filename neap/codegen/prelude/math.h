// Elementary functions of f32, for a lane (float) and a vector alike: the same text, so the same bits. Bounds in units of the last place,
// over all floats (tests/codegen/prelude_test.cpp): exp 1, expm1 2, log 1, log1p 2, tanh 2, sigmoid 3, erf 1, rsqrt 1.5; with two-rounding
// fma (portable) 2, 3, 2, 3, 3, 3, 4. NaN gives NaN; infinities, signed zeros and subnormals are right. Other functions, and f64, are
// libm's, lane by lane.
#pragma once
#include "neap/codegen/prelude/memory.h"

namespace neap::kernel {

template <class F>
NEAP_INLINE F absolute(F x) {
  return bits_as<F>(bits(x) & static_cast<element_of<integer_of<F>>>(~(u64{1} << (8 * sizeof(element_of<F>) - 1))));
}
template <class F>
NEAP_INLINE F with_sign(F magnitude, F sign) {
  constexpr auto top = static_cast<element_of<integer_of<F>>>(u64{1} << (8 * sizeof(element_of<F>) - 1));
  return bits_as<F>((bits(magnitude) & ~top) | (bits(sign) & top));
}
template <class F>
NEAP_INLINE F sign(F x) {
  return select((x == 0) | (x != x), x, with_sign(splat<F>(1), x));
}

// Of bits, whichever their sign: vectors wrap around, a lane must say so.
template <class I>
NEAP_INLINE I difference(I a, i32 b) {
  return a - b;
}
NEAP_INLINE i32 difference(i32 a, i32 b) { return static_cast<i32>(static_cast<unsigned>(a) - static_cast<unsigned>(b)); }

// Rounding without an instruction for it: adding 2^23 (2^52) pushes the fraction out, to nearest, ties to even.
template <class F>
NEAP_INLINE F round(F x) {
  constexpr element_of<F> whole = sizeof(element_of<F>) == 4 ? element_of<F>(0x1p23) : element_of<F>(0x1p52);
  const F push = with_sign(splat<F>(whole), x);
  return select(absolute(x) < whole, with_sign((x + push) - push, x), x);
}
template <class F>
NEAP_INLINE F floor(F x) {
  const F r = round(x);
  return select(r > x, r - 1, r);
}
template <class F>
NEAP_INLINE F ceil(F x) {
  const F r = round(x);
  return with_sign(select(r < x, r + 1, r), x);
}
template <class F>
NEAP_INLINE F trunc(F x) {
  return with_sign(floor(absolute(x)), x);
}

template <class F>
NEAP_INLINE F horner(F, F sum) {
  return sum;
}
template <class F, class... C>
NEAP_INLINE F horner(F x, F sum, f32 next, C... rest) {
  return horner(x, fma(sum, x, splat<F>(next)), rest...);
}
template <class F, class... C>
NEAP_INLINE F polynomial(F x, f32 first, C... rest) {
  return horner(x, splat<F>(first), rest...);
}  // highest power first

// x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two pieces, the first of 9 bits so that n times it is exact without fma too.
template <class F>
struct reduced {
  F shifted;  // n, in the low bits
  F n;
  F r;
};
template <class F>
NEAP_INLINE reduced<F> reduce_by_ln2(F x) {
  const F shifted = fma(x, splat<F>(1.44269504F), splat<F>(0x1.8p23F));
  const F n = shifted - 0x1.8p23F;
  return {shifted, n, fma(n, splat<F>(2.12194440e-4F), fma(n, splat<F>(-0.693359375F), x))};
}
template <class F>
NEAP_INLINE integer_of<F> exponent(const reduced<F>& of) {
  return difference(bits(of.shifted), 0x4B400000);
}
template <class F>
NEAP_INLINE F power_of_two(integer_of<F> n) {
  return bits_as<F>((n + 127) << 23);
}  // -126 <= n <= 127
template <class F>
NEAP_INLINE F clamp(F x, f32 low, f32 high) {  // keeps NaN
  return lesser(splat<F>(high), greater(splat<F>(low), x));
}
// y * 2^n, rounded once.
template <class F>
NEAP_INLINE F scale(F y, const reduced<F>& of) {
  const auto n = exponent(of), half = n >> 1;  // two factors: 2^n itself may be subnormal or overflow
  return y * power_of_two<F>(half) * power_of_two<F>(n - half);
}
#if NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__)
template <class F>
constexpr bool scales_at_once = sizeof(F) > sizeof(f32);  // vectors do
NEAP_INLINE f32h scale(f32h y, const reduced<f32h>& of) { return __builtin_ia32_scalefps256_mask(y, of.n, y, 0xFF); }
NEAP_INLINE f32v scale(f32v y, const reduced<f32v>& of) { return __builtin_ia32_scalefps512_mask(y, of.n, y, 0xFFFF, 4); }
#else
template <class F>
constexpr bool scales_at_once = false;
#endif
// (exp(r) - 1 - r) / r^2: of the least largest error relative to exp(r) for |r| <= ln 2 / 2, which is 0.06 units in the last place.
template <class F>
NEAP_INLINE F exp_tail(F r) {
  return polynomial(r, 0x1.6a23f2p-10F, 0x1.123a0ap-7F, 0x1.5558f2p-5F, 0x1.555492p-3F, 0x1.fffffcp-2F);
}
template <class F>
NEAP_INLINE F exp_near(F r) {
  return fma(fma(exp_tail(r), r, splat<F>(1)), r, splat<F>(1));
}

template <class F>
NEAP_INLINE F exp_f32(F x) {
  if constexpr (!scales_at_once<F>) {
    // Nearly always: all results are normal numbers, and n is added to exponents as it is, by its low bits.
    if (__builtin_expect(all(absolute(x) <= 87), 1)) {
      const reduced<F> of = reduce_by_ln2(x);
      return bits_as<F>(bits(exp_near(of.r)) + (bits(of.shifted) << 23));
    }
  }
  const reduced<F> of = reduce_by_ln2(clamp(x, -104, 89));  // from nothing to infinity
  return scale(exp_near(of.r), of);
}

template <class F>
NEAP_INLINE F expm1_f32(F x) {
  const reduced<F> of = reduce_by_ln2(clamp(x, -25, 89));
  const F y = fma(exp_tail(of.r), of.r * of.r, of.r), scale = power_of_two<F>(exponent(of) - 1);  // half of 2^n, which may overflow
  return select(absolute(x) < 0x1p-24F, x, fma(scale, y, scale - 0.5F) * 2);
}

template <class F>
NEAP_INLINE F log_f32(F x) {
  const auto tiny = (x < 0x1p-126F) & (x > 0);
  const F normal = select(tiny, x * 0x1p25F, x);
  // m in [sqrt(1/2), sqrt(2)), x = 2^e m.
  const auto shifted = difference(bits(normal), 0x3F3504F3);
  const F m = bits_as<F>((shifted & 0x007FFFFF) + 0x3F3504F3) - 1;
  const auto e_bits = shifted >> 23;
  const F e = bits_as<F>(e_bits + 0x4B400000) - select(tiny, splat<F>(0x1.8p23F + 25), splat<F>(0x1.8p23F));
  const F square = m * m;
  F y = polynomial(m, 7.0376836292e-2F, -1.1514610310e-1F, 1.1676998740e-1F, -1.2420140846e-1F, 1.4249322787e-1F, -1.6668057665e-1F,
                   2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F) *
        m * square;
  y = fma(square, splat<F>(-0.5F), fma(e, splat<F>(-2.12194440e-4F), y)) + m;
  y = fma(e, splat<F>(0.693359375F), y);
  y = select(x == __builtin_inff(), x, y);
  y = select(x == 0, splat<F>(-__builtin_inff()), y);
  return select((x < 0) | (x != x), splat<F>(__builtin_nanf("")), y);
}

template <class F>
NEAP_INLINE F log1p_f32(F x) {
  const F u = x + 1, lost = x - (u - 1);  // what the addition rounded away, to first order
  const F y = log_f32(u) + lost / u;
  return select(absolute(x) < 0x1p-24F, x, select((u == 0) | (x == __builtin_inff()), log_f32(u), y));
}

template <class F>
NEAP_INLINE F tanh_f32(F x) {
  const F t = absolute(x), square = x * x;
  const F small =
      polynomial(square, -5.70498872745e-3F, 2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F, -3.33332819422e-1F) * square;
  const F large = 1 - 2 / (exp_f32(t + t) + 1);
  return with_sign(select(t < 0.625F, fma(small, t, t), large), x);
}

template <class F>
NEAP_INLINE F sigmoid_f32(F x) {
  const F e = exp_f32(lesser(splat<F>(30), x));  // beyond that the quotient is 1
  return e / (1 + e);
}

// N. Juffa's two-piece error function: 1 - exp(polynomial) beyond 475/512.
template <class F>
NEAP_INLINE F erf_f32(F x) {
  const F t = select(absolute(x) > 4, splat<F>(4), absolute(x)), square = x * x;
  const F small = polynomial(square, -5.96761703e-4F, 4.99119423e-3F, -2.67681349e-2F, 1.12819925e-1F, -3.76125336e-1F, 1.28379166e-1F);
  const F exponent =
      polynomial(t, -1.72853470e-5F, 3.83197126e-4F, -3.88396438e-3F, 2.42546219e-2F, -1.06777877e-1F, -6.34846687e-1F, -1.28717512e-1F);
  const F large = 1 - exp_f32(fma(exponent, t, -t));
  return select(t > 0.927734375F, with_sign(large, x), fma(small, x, x));
}

#ifdef NEAP_HALF_VECTORS
#define NEAP_HALF(declaration) NEAP_INLINE f32h declaration
#else
#define NEAP_HALF(declaration)
#endif
#define NEAP_OURS(name)                                         \
  NEAP_INLINE f32 name(f32 x) { return name##_f32<f32>(x); }    \
  NEAP_INLINE f32v name(f32v x) { return name##_f32<f32v>(x); } \
  NEAP_HALF(name(f32h x) { return name##_f32<f32h>(x); })
NEAP_OURS(exp)
NEAP_OURS(expm1)
NEAP_OURS(log)
NEAP_OURS(log1p)
NEAP_OURS(tanh)
NEAP_OURS(sigmoid)
NEAP_OURS(erf)
#undef NEAP_OURS
template <class F>
NEAP_INLINE F rsqrt(F x) {
  return 1 / sqrt(x);
}

// libm, declared under names of our own.
#define NEAP_LIBM_F64(name)                                   \
  extern "C" f64 neap_libm_##name(f64) __asm__(#name);        \
  NEAP_INLINE f64 name(f64 x) { return neap_libm_##name(x); } \
  NEAP_INLINE f64v name(f64v x) { return each_lane(x, neap_libm_##name); }
#define NEAP_LIBM(name)                                                       \
  NEAP_LIBM_F64(name)                                                         \
  extern "C" f32 neap_libm_##name##f(f32) __asm__(#name "f");                 \
  NEAP_INLINE f32 name(f32 x) { return neap_libm_##name##f(x); }              \
  NEAP_INLINE f32v name(f32v x) { return each_lane(x, neap_libm_##name##f); } \
  NEAP_HALF(name(f32h x) { return each_lane(x, neap_libm_##name##f); })
#define NEAP_LIBM2(name)                                                                 \
  extern "C" f64 neap_libm_##name(f64, f64) __asm__(#name);                              \
  extern "C" f32 neap_libm_##name##f(f32, f32) __asm__(#name "f");                       \
  NEAP_INLINE f64 name(f64 a, f64 b) { return neap_libm_##name(a, b); }                  \
  NEAP_INLINE f32 name(f32 a, f32 b) { return neap_libm_##name##f(a, b); }               \
  NEAP_INLINE f64v name(f64v a, f64v b) { return each_lane(a, b, neap_libm_##name); }    \
  NEAP_INLINE f32v name(f32v a, f32v b) { return each_lane(a, b, neap_libm_##name##f); } \
  NEAP_HALF(name(f32h a, f32h b) { return each_lane(a, b, neap_libm_##name##f); })
NEAP_LIBM_F64(exp)
NEAP_LIBM_F64(expm1)
NEAP_LIBM_F64(log)
NEAP_LIBM_F64(log1p)
NEAP_LIBM_F64(tanh)
NEAP_LIBM_F64(erf)
NEAP_LIBM(sin)
NEAP_LIBM(cos)
NEAP_LIBM(tan)
NEAP_LIBM(asin)
NEAP_LIBM(acos)
NEAP_LIBM(atan)
NEAP_LIBM(sinh)
NEAP_LIBM(cosh)
NEAP_LIBM(asinh)
NEAP_LIBM(acosh)
NEAP_LIBM(atanh)
NEAP_LIBM2(pow)
NEAP_LIBM2(atan2)
NEAP_LIBM2(fmod)
#undef NEAP_HALF
#undef NEAP_LIBM
#undef NEAP_LIBM2
#undef NEAP_LIBM_F64
template <class F>
NEAP_INLINE F sigmoid_f64(F x) {
  const F e = exp(with_sign(absolute(x), splat<F>(-1)));
  return select(x < 0, e, splat<F>(1)) / (1 + e);
}
NEAP_INLINE f64 sigmoid(f64 x) { return sigmoid_f64(x); }
NEAP_INLINE f64v sigmoid(f64v x) { return sigmoid_f64(x); }

}  // namespace neap::kernel
