// The vectors of generated kernels: types, lanes, folding. No header is included, so that a kernel compiles in milliseconds.
//
// A vector is one register of the instruction set that the kernel is compiled for (NEAP_VECTOR_BYTES). The compiler contracts nothing
// (-ffp-contract=off); fma() says where one rounding is meant. Without an FMA unit (portable x86-64) fma() rounds twice.
//
// Masks: a comparison of vectors gives lanes of 0 or -1 in an integer vector of the same width; select() takes that.
#pragma once

#ifndef NEAP_VECTOR_BYTES
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define NEAP_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define NEAP_VECTOR_BYTES 32
#else
#define NEAP_VECTOR_BYTES 16
#endif
#endif
#ifndef NEAP_INLINE
#define NEAP_INLINE static inline __attribute__((always_inline, unused))
#endif
#define NEAP_UNROLL _Pragma("GCC unroll 64")

namespace neap::kernel {

using i8 = signed char;
using u8 = unsigned char;
using i16 = short;
using u16 = unsigned short;
using i32 = int;
using u32 = unsigned;
using i64 = __INT64_TYPE__;
using u64 = __UINT64_TYPE__;
using f32 = float;
using f64 = double;
using boolean = u8;
struct bf16 {
  u16 bits;
};  // storage only: arithmetic is done in f32
struct f16 {
  u16 bits;
};

typedef f32 f32v __attribute__((vector_size(NEAP_VECTOR_BYTES)));
typedef f64 f64v __attribute__((vector_size(NEAP_VECTOR_BYTES)));
typedef i32 i32v __attribute__((vector_size(NEAP_VECTOR_BYTES)));
typedef u32 u32v __attribute__((vector_size(NEAP_VECTOR_BYTES)));
typedef i64 i64v __attribute__((vector_size(NEAP_VECTOR_BYTES)));
typedef u64 u64v __attribute__((vector_size(NEAP_VECTOR_BYTES)));

// Half a register: rows of so many lanes cost half of what they cost in a whole one, where the CPU computes 64 bytes in two steps.
#if NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__)
#define NEAP_HALF_VECTORS 1
typedef f32 f32h __attribute__((vector_size(32)));
typedef i32 i32h __attribute__((vector_size(32)));
#endif

constexpr int lanes32 = NEAP_VECTOR_BYTES / 4;  // lanes of a vector of 32-bit elements
constexpr int lanes64 = NEAP_VECTOR_BYTES / 8;

// Templates below serve a scalar and its vector with one text, so a scalar tail gives the bits that a lane would.
template <class Integer, class Element>
struct kind {
  using integer = Integer;
  using element = Element;
};
template <class T>
struct about;
template <>
struct about<f32> : kind<i32, f32> {};
template <>
struct about<f64> : kind<i64, f64> {};
template <>
struct about<i32> : kind<i32, i32> {};
template <>
struct about<i64> : kind<i64, i64> {};
template <>
struct about<f32v> : kind<i32v, f32> {};
template <>
struct about<f64v> : kind<i64v, f64> {};
template <>
struct about<i32v> : kind<i32v, i32> {};
template <>
struct about<i64v> : kind<i64v, i64> {};
#ifdef NEAP_HALF_VECTORS
template <>
struct about<f32h> : kind<i32h, f32> {};
template <>
struct about<i32h> : kind<i32h, i32> {};
#endif
template <class T>
using integer_of = typename about<T>::integer;
template <class T>
using element_of = typename about<T>::element;
template <class V>
constexpr int lanes_of = static_cast<int>(sizeof(V) / sizeof(element_of<V>));

template <class V>
NEAP_INLINE V splat(element_of<V> x) {
  return x - V{};
}  // not +: -0 stays -0
template <class To, class From>
NEAP_INLINE To bits_as(From x) {
  return __builtin_bit_cast(To, x);
}
template <class F>
NEAP_INLINE integer_of<F> bits(F x) {
  return bits_as<integer_of<F>>(x);
}

NEAP_INLINE f32 select(bool c, f32 a, f32 b) { return c ? a : b; }
NEAP_INLINE f64 select(bool c, f64 a, f64 b) { return c ? a : b; }
NEAP_INLINE i32 select(bool c, i32 a, i32 b) { return c ? a : b; }
NEAP_INLINE i64 select(bool c, i64 a, i64 b) { return c ? a : b; }
NEAP_INLINE f32v select(i32v c, f32v a, f32v b) { return c ? a : b; }
NEAP_INLINE i32v select(i32v c, i32v a, i32v b) { return c ? a : b; }
NEAP_INLINE f64v select(i64v c, f64v a, f64v b) { return c ? a : b; }
NEAP_INLINE i64v select(i64v c, i64v a, i64v b) { return c ? a : b; }
NEAP_INLINE f32v select(bool c, f32v a, f32v b) { return c ? a : b; }
NEAP_INLINE f64v select(bool c, f64v a, f64v b) { return c ? a : b; }
#ifdef NEAP_HALF_VECTORS
NEAP_INLINE f32h select(i32h c, f32h a, f32h b) { return c ? a : b; }
NEAP_INLINE i32h select(i32h c, i32h a, i32h b) { return c ? a : b; }
#endif

// Whether all lanes of a mask are set.
NEAP_INLINE bool all(bool c) { return c; }
NEAP_INLINE bool all(i32v mask) {
#if NEAP_VECTOR_BYTES == 32 && defined(__AVX2__)
  return __builtin_ia32_movmskps256(bits_as<f32v>(mask)) == 0xFF;
#elif NEAP_VECTOR_BYTES == 16 && defined(__SSE2__)
  return __builtin_ia32_movmskps(bits_as<f32v>(mask)) == 0xF;
#else
  bool set = true;
  NEAP_UNROLL for (int i = 0; i < lanes32; ++i) set &= mask[i] != 0;
  return set;
#endif
}

// The lesser (greater) of both; b where either is NaN: one instruction, which gcc 12 does not find by itself for 64-byte vectors.
template <class T>
NEAP_INLINE T lesser(T a, T b) {
  return select(a < b, a, b);
}
template <class T>
NEAP_INLINE T greater(T a, T b) {
  return select(a > b, a, b);
}
// NaN in either argument gives NaN. For integers the NaN test is always false and falls away.
template <class T>
NEAP_INLINE T min(T a, T b) {
  return select(a != a, a, lesser(a, b));
}
template <class T>
NEAP_INLINE T max(T a, T b) {
  return select(a != a, a, greater(a, b));
}
#if NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__) && !defined(__clang__)
NEAP_INLINE f32v lesser(f32v a, f32v b) { return __builtin_ia32_minps512_mask(a, b, a, 0xFFFF, 4); }
NEAP_INLINE f32v greater(f32v a, f32v b) { return __builtin_ia32_maxps512_mask(a, b, a, 0xFFFF, 4); }
NEAP_INLINE f32h lesser(f32h a, f32h b) { return __builtin_ia32_minps256(a, b); }
NEAP_INLINE f32h greater(f32h a, f32h b) { return __builtin_ia32_maxps256(a, b); }
// Lanes where a is NaN keep it.
NEAP_INLINE u16 ordered(f32v a) { return __builtin_ia32_cmpps512_mask(a, a, 7, 0xFFFF, 4); }
NEAP_INLINE u8 ordered(f64v a) { return __builtin_ia32_cmppd512_mask(a, a, 7, 0xFF, 4); }
NEAP_INLINE f32v min(f32v a, f32v b) { return __builtin_ia32_minps512_mask(a, b, a, ordered(a), 4); }
NEAP_INLINE f32v max(f32v a, f32v b) { return __builtin_ia32_maxps512_mask(a, b, a, ordered(a), 4); }
NEAP_INLINE u8 ordered(f32h a) { return __builtin_ia32_cmpps256_mask(a, a, 7, 0xFF); }
NEAP_INLINE f32h min(f32h a, f32h b) { return __builtin_ia32_minps256_mask(a, b, a, ordered(a)); }
NEAP_INLINE f32h max(f32h a, f32h b) { return __builtin_ia32_maxps256_mask(a, b, a, ordered(a)); }
NEAP_INLINE f64v min(f64v a, f64v b) { return __builtin_ia32_minpd512_mask(a, b, a, ordered(a), 4); }
NEAP_INLINE f64v max(f64v a, f64v b) { return __builtin_ia32_maxpd512_mask(a, b, a, ordered(a), 4); }
#elif NEAP_VECTOR_BYTES == 32 && defined(__AVX2__) && !defined(__clang__)
NEAP_INLINE f32v lesser(f32v a, f32v b) { return __builtin_ia32_minps256(a, b); }
NEAP_INLINE f32v greater(f32v a, f32v b) { return __builtin_ia32_maxps256(a, b); }
NEAP_INLINE f64v lesser(f64v a, f64v b) { return __builtin_ia32_minpd256(a, b); }
NEAP_INLINE f64v greater(f64v a, f64v b) { return __builtin_ia32_maxpd256(a, b); }
#endif

// Applies a scalar function lane by lane: for what has no vector form.
template <class V, class F>
NEAP_INLINE V each_lane(V x, F f) {
  V y{};
  NEAP_UNROLL for (int i = 0; i < lanes_of<V>; ++i) y[i] = f(x[i]);
  return y;
}
template <class V, class F>
NEAP_INLINE V each_lane(V a, V b, F f) {
  V y{};
  NEAP_UNROLL for (int i = 0; i < lanes_of<V>; ++i) y[i] = f(a[i], b[i]);
  return y;
}

// a * b + c rounded once where the machine has FMA; sqrt rounded correctly.
#if defined(__FMA__) || defined(__aarch64__)
NEAP_INLINE f32 fma(f32 a, f32 b, f32 c) { return __builtin_fmaf(a, b, c); }
NEAP_INLINE f64 fma(f64 a, f64 b, f64 c) { return __builtin_fma(a, b, c); }
#if NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__)
NEAP_INLINE f32v fma(f32v a, f32v b, f32v c) { return __builtin_ia32_vfmaddps512_mask(a, b, c, 0xFFFF, 4); }
NEAP_INLINE f64v fma(f64v a, f64v b, f64v c) { return __builtin_ia32_vfmaddpd512_mask(a, b, c, 0xFF, 4); }
NEAP_INLINE f32h fma(f32h a, f32h b, f32h c) { return __builtin_ia32_vfmaddps256(a, b, c); }
#elif NEAP_VECTOR_BYTES == 32 && !__has_builtin(__builtin_elementwise_fma)
NEAP_INLINE f32v fma(f32v a, f32v b, f32v c) { return __builtin_ia32_vfmaddps256(a, b, c); }
NEAP_INLINE f64v fma(f64v a, f64v b, f64v c) { return __builtin_ia32_vfmaddpd256(a, b, c); }
#elif __has_builtin(__builtin_elementwise_fma)
NEAP_INLINE f32v fma(f32v a, f32v b, f32v c) { return __builtin_elementwise_fma(a, b, c); }
NEAP_INLINE f64v fma(f64v a, f64v b, f64v c) { return __builtin_elementwise_fma(a, b, c); }
#else
template <class V>
NEAP_INLINE V fma(V a, V b, V c) {
  V y{};
  NEAP_UNROLL for (int i = 0; i < lanes_of<V>; ++i) y[i] = fma(a[i], b[i], c[i]);
  return y;
}
#endif
#else
template <class F>
NEAP_INLINE F fma(F a, F b, F c) {
  return a * b + c;
}
#endif

NEAP_INLINE f32 sqrt(f32 x) { return __builtin_sqrtf(x); }
NEAP_INLINE f64 sqrt(f64 x) { return __builtin_sqrt(x); }
NEAP_INLINE f32v sqrt(f32v x) {
#if __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(x);
#elif NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__) && defined(__clang__)
  return __builtin_ia32_sqrtps512(x, 4);
#elif NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return __builtin_ia32_sqrtps512_mask(x, x, 0xFFFF, 4);
#elif NEAP_VECTOR_BYTES == 32
  return __builtin_ia32_sqrtps256(x);
#elif defined(__SSE2__)
  return __builtin_ia32_sqrtps(x);
#else
  return each_lane(x, [](f32 lane) { return sqrt(lane); });
#endif
}
#ifdef NEAP_HALF_VECTORS
NEAP_INLINE f32h sqrt(f32h x) { return __builtin_ia32_sqrtps256(x); }
#endif
NEAP_INLINE f64v sqrt(f64v x) {
  return each_lane(x, [](f64 lane) { return sqrt(lane); });
}

// Lanes 0, 1, 2, ...; first(n): a mask of the lanes below n.
template <class V>
NEAP_INLINE V lane_index() {
  V y{};
  NEAP_UNROLL for (int i = 0; i < lanes_of<V>; ++i) y[i] = i;
  return y;
}
// The lanes of one vector, or of two behind each other, by number.
template <class V>
NEAP_INLINE V shuffle(V v, integer_of<V> from) {
#if defined(__clang__)
  V y{};
  NEAP_UNROLL for (int i = 0; i < lanes_of<V>; ++i) y[i] = v[from[i]];
  return y;
#else
  return __builtin_shuffle(v, from);
#endif
}
template <class V>
NEAP_INLINE V shuffle(V a, V b, integer_of<V> from) {
#if defined(__clang__)
  V y{};
  NEAP_UNROLL for (int i = 0; i < lanes_of<V>; ++i) y[i] = from[i] < lanes_of<V> ? a[from[i]] : b[from[i] - lanes_of<V>];
  return y;
#else
  return __builtin_shuffle(a, b, from);
#endif
}
NEAP_INLINE i32v first32(int n) { return lane_index<i32v>() < n; }
NEAP_INLINE i64v first64(int n) { return lane_index<i64v>() < static_cast<i64>(n); }

// A vector folded in one fixed tree: lane l meets lane l + half, and so on down.
template <class V, class F>
NEAP_INLINE element_of<V> fold_lanes(V v, F f) {
  element_of<V> lane[lanes_of<V>];
  __builtin_memcpy(lane, &v, sizeof v);
  NEAP_UNROLL for (int half = lanes_of<V> / 2; half > 0; half /= 2) {
    NEAP_UNROLL for (int i = 0; i < half; ++i) lane[i] = f(lane[i], lane[i + half]);
  }
  return lane[0];
}

}  // namespace neap::kernel
