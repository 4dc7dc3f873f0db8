// Loads, stores and conversions of vectors. Addresses need no alignment. The forms with `n` touch the first n elements only (0 <= n <=
// lanes); the other lanes of a load are zero.
#pragma once
#include "neap/codegen/prelude/vector.h"

namespace neap::kernel {

template <class V>
NEAP_INLINE V load_vector(const void* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class V>
NEAP_INLINE void store_vector(void* p, V v) {
  __builtin_memcpy(p, &v, sizeof v);
}

// The same number, of which the compiler knows nothing.
NEAP_INLINE i64 unknown(i64 number) {
  __asm__("" : "+r"(number));
  return number;
}

// Asks for a line that is read soon, into the second cache; any address is allowed.
NEAP_INLINE void prefetch(const void* p) { __builtin_prefetch(p, 0, 2); }
NEAP_INLINE void prefetch_near(const void* p) { __builtin_prefetch(p, 0, 3); }  // into the first

NEAP_INLINE f32v load(const f32* p) { return load_vector<f32v>(p); }
NEAP_INLINE f64v load(const f64* p) { return load_vector<f64v>(p); }
NEAP_INLINE i32v load(const i32* p) { return load_vector<i32v>(p); }
NEAP_INLINE i64v load(const i64* p) { return load_vector<i64v>(p); }
NEAP_INLINE void store(f32* p, f32v v) { store_vector(p, v); }
NEAP_INLINE void store(f64* p, f64v v) { store_vector(p, v); }
NEAP_INLINE void store(i32* p, i32v v) { store_vector(p, v); }
NEAP_INLINE void store(i64* p, i64v v) { store_vector(p, v); }
#ifdef NEAP_HALF_VECTORS
// The first half of a register, and a register whose first half this is, whatever the other holds: no instruction.
NEAP_INLINE f32h first_half(f32v v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
NEAP_INLINE f32v from_half(f32h v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1); }
NEAP_INLINE f32h second_half(f32v v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
NEAP_INLINE f32v both(f32h a, f32h b) { return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
NEAP_INLINE f32v twice(f32h v) { return both(v, v); }
#endif

// A store past the caches, of what is too large to be found there again: its line is not read first.
NEAP_INLINE void stream(f32* p, f32v v) {
#if defined(__clang__) && NEAP_VECTOR_BYTES > 16
  if (((u64)p & (NEAP_VECTOR_BYTES - 1)) == 0) return __builtin_nontemporal_store(v, reinterpret_cast<f32v*>(p));
#elif NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__)
  if (((u64)p & 63) == 0) return __builtin_ia32_movntps512(p, v);
#elif NEAP_VECTOR_BYTES == 32 && defined(__AVX2__)
  if (((u64)p & 31) == 0) return __builtin_ia32_movntps256(p, v);
#endif
  store(p, v);
}
// After the last of them: other threads see them.
NEAP_INLINE void end_streams() {
#if defined(__SSE2__)
  __builtin_ia32_sfence();
#endif
}

// A checker of accesses (runtime/counted_bytes.h) does not see the machine's masked moves: for it elements move one by one.
#if NEAP_VECTOR_BYTES == 64 && defined(__AVX512F__) && !defined(__SANITIZE_THREAD__)
// Half a vector, where that is known, as half a vector: a masked move of a whole one may lie in two lines of which the second is fetched
// for nothing.
NEAP_INLINE f32v load_half(const f32* p) {
#if defined(__clang__)
  return __builtin_shufflevector(load_vector<f32h>(p), f32h{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  return __builtin_ia32_broadcastf32x8_512_mask(load_vector<f32h>(p), f32v{}, 0xFF);
#endif
}
NEAP_INLINE f32v load(const f32* p, int n) {
  if (__builtin_constant_p(n) && n == 8) return load_half(p);
  return __builtin_ia32_loadups512_mask(p, f32v{}, static_cast<u16>((1U << n) - 1));
}
NEAP_INLINE f64v load(const f64* p, int n) { return __builtin_ia32_loadupd512_mask(p, f64v{}, static_cast<u8>((1U << n) - 1)); }
NEAP_INLINE void store(f32* p, f32v v, int n) {
  if (__builtin_constant_p(n) && n == 8) {
    __builtin_memcpy(p, &v, sizeof(f32h));
  } else {
    __builtin_ia32_storeups512_mask(p, v, static_cast<u16>((1U << n) - 1));
  }
}
NEAP_INLINE void store(f64* p, f64v v, int n) { __builtin_ia32_storeupd512_mask(p, v, static_cast<u8>((1U << n) - 1)); }
#elif NEAP_VECTOR_BYTES == 32 && defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
typedef long long mask64 __attribute__((vector_size(32)));
NEAP_INLINE f32v load(const f32* p, int n) { return __builtin_ia32_maskloadps256(reinterpret_cast<const f32v*>(p), first32(n)); }
NEAP_INLINE f64v load(const f64* p, int n) { return __builtin_ia32_maskloadpd256(reinterpret_cast<const f64v*>(p), (mask64)first64(n)); }
NEAP_INLINE void store(f32* p, f32v v, int n) { __builtin_ia32_maskstoreps256(reinterpret_cast<f32v*>(p), first32(n), v); }
NEAP_INLINE void store(f64* p, f64v v, int n) { __builtin_ia32_maskstorepd256(reinterpret_cast<f64v*>(p), (mask64)first64(n), v); }
#else
NEAP_INLINE f32v load(const f32* p, int n) {
  f32v v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
NEAP_INLINE f64v load(const f64* p, int n) {
  f64v v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
NEAP_INLINE void store(f32* p, f32v v, int n) {
  for (int i = 0; i < n; ++i) p[i] = v[i];
}
NEAP_INLINE void store(f64* p, f64v v, int n) {
  for (int i = 0; i < n; ++i) p[i] = v[i];
}
#endif
// Masked moves carry bits: integers go through the float forms.
NEAP_INLINE i32v load(const i32* p, int n) { return (i32v)load(reinterpret_cast<const f32*>(p), n); }
NEAP_INLINE i64v load(const i64* p, int n) { return (i64v)load(reinterpret_cast<const f64*>(p), n); }
NEAP_INLINE void store(i32* p, i32v v, int n) { store(reinterpret_cast<f32*>(p), (f32v)v, n); }
NEAP_INLINE void store(i64* p, i64v v, int n) { store(reinterpret_cast<f64*>(p), (f64v)v, n); }

// Float to integer: towards zero, saturating, NaN gives 0 (the interpreter's rule), also where the CPU's own instruction does otherwise.
template <class F>
NEAP_INLINE i64 to_integer(F x) {
  return x != x ? 0 : x >= F(0x1p63) ? 0x7FFFFFFFFFFFFFFF : x < F(-0x1p63) ? -0x7FFFFFFFFFFFFFFF - 1 : static_cast<i64>(x);
}

// bf16 and f16: to the nearest, ties to even; NaN stays NaN. One text for a lane and for a vector, I being i32 or i32v.
template <class I, class F>
NEAP_INLINE F bf16_to_f32(I b) {
  return bits_as<F>(b << 16);
}
template <class I, class F>
NEAP_INLINE I f32_to_bf16(F x) {
  const I b = bits(x), high = (b >> 16) & 0xFFFF;
  return select(x != x, high | 0x40, ((b & 0x7FFFFFFF) + 0x7FFF + (high & 1)) >> 16 | (high & 0x8000));
}
template <class I, class F>
NEAP_INLINE F f16_to_f32(I b) {
  // The exponent moves by a multiplication, which also makes subnormals normal.
  const I magnitude = (b & 0x7FFF) << 13;
  const I finite = bits(bits_as<F>(magnitude) * 0x1p112F);
  return bits_as<F>(select(magnitude >= 0x0F800000, magnitude | 0x7F800000, finite) | (b & 0x8000) << 16);
}
template <class I, class F>
NEAP_INLINE I f32_to_f16(F x) {
  const I b = bits(x), sign = (b >> 16) & 0x8000, magnitude = b & 0x7FFFFFFF;
  const I normal = (magnitude - (112 << 23) + 0xFFF + ((magnitude >> 13) & 1)) >> 13;
  const I subnormal = bits(bits_as<F>(magnitude) + 0.5F) - 0x3F000000;  // the adder aligns and rounds
  const I finite = select(magnitude < (113 << 23), subnormal, normal);
  const I infinite = select(magnitude > 0x7F800000, (finite & 0) + 0x7E00, (finite & 0) + 0x7C00);
  return sign | select(magnitude >= (143 << 23), infinite, finite);
}
NEAP_INLINE f32 to_f32(bf16 x) { return bf16_to_f32<i32, f32>(x.bits); }
NEAP_INLINE f32 to_f32(f16 x) { return f16_to_f32<i32, f32>(x.bits); }
NEAP_INLINE bf16 to_bf16(f32 x) { return {static_cast<u16>(f32_to_bf16<i32, f32>(x))}; }
NEAP_INLINE f16 to_f16(f32 x) { return {static_cast<u16>(f32_to_f16<i32, f32>(x))}; }

// One element: 16-bit floats are computed with in f32.
template <class T>
NEAP_INLINE T widen(T x) {
  return x;
}
NEAP_INLINE f32 widen(bf16 x) { return to_f32(x); }
NEAP_INLINE f32 widen(f16 x) { return to_f32(x); }
template <class To, class T>
NEAP_INLINE To narrow(T x) {
  if constexpr (__is_same(To, bf16)) {
    return to_bf16((f32)x);
  } else if constexpr (__is_same(To, f16)) {
    return to_f16((f32)x);
  } else {
    return (To)x;
  }
}
// A value rounded to a 16-bit float, kept as f32.
NEAP_INLINE f32 round_to_bf16(f32 x) { return to_f32(to_bf16(x)); }
NEAP_INLINE f32 round_to_f16(f32 x) { return to_f32(to_f16(x)); }
NEAP_INLINE f32v round_to_bf16(f32v x) { return bf16_to_f32<i32v, f32v>(f32_to_bf16<i32v, f32v>(x)); }
NEAP_INLINE f32v round_to_f16(f32v x) { return f16_to_f32<i32v, f32v>(f32_to_f16<i32v, f32v>(x)); }

// 16-bit storage, widened to 32-bit lanes by a load, cut back by a store.
template <class T>
struct narrow_vector {
  typedef T type __attribute__((vector_size(NEAP_VECTOR_BYTES / 4 * sizeof(T))));
};
template <class T>
NEAP_INLINE i32v lanes_at(const void* p) {
  return __builtin_convertvector(load_vector<typename narrow_vector<T>::type>(p), i32v);
}
template <class T>
NEAP_INLINE i32v lanes_at(const void* p, int n) {
  T all[lanes32] = {};
  for (int i = 0; i < n; ++i) all[i] = static_cast<const T*>(p)[i];
  return lanes_at<T>(all);
}
template <class T>
NEAP_INLINE void cut(void* p, i32v v) {
  store_vector(p, __builtin_convertvector(v, typename narrow_vector<T>::type));
}
template <class T>
NEAP_INLINE void cut(void* p, i32v v, int n) {
  for (int i = 0; i < n; ++i) static_cast<T*>(p)[i] = static_cast<T>(v[i]);
}
NEAP_INLINE f32v load(const bf16* p) { return bf16_to_f32<i32v, f32v>(lanes_at<u16>(p)); }
NEAP_INLINE f32v load(const f16* p) { return f16_to_f32<i32v, f32v>(lanes_at<u16>(p)); }
NEAP_INLINE f32v load(const bf16* p, int n) { return bf16_to_f32<i32v, f32v>(lanes_at<u16>(p, n)); }
NEAP_INLINE f32v load(const f16* p, int n) { return f16_to_f32<i32v, f32v>(lanes_at<u16>(p, n)); }
NEAP_INLINE void store(bf16* p, f32v v) { cut<u16>(p, f32_to_bf16<i32v, f32v>(v)); }
NEAP_INLINE void store(f16* p, f32v v) { cut<u16>(p, f32_to_f16<i32v, f32v>(v)); }
NEAP_INLINE void store(bf16* p, f32v v, int n) { cut<u16>(p, f32_to_bf16<i32v, f32v>(v), n); }
NEAP_INLINE void store(f16* p, f32v v, int n) { cut<u16>(p, f32_to_f16<i32v, f32v>(v), n); }

// Lanes that lie `stride` elements apart.
template <class T>
NEAP_INLINE auto gather(const T* p, i64 stride, int n) {
  decltype(load(p)) v{};
  for (int i = 0; i < n; ++i) v[i] = widen(p[i * stride]);
  return v;
}
template <class T>
NEAP_INLINE auto gather(const T* p, i64 stride) {
  return gather(p, stride, lanes_of<decltype(load(p))>);
}
template <class T, class V>
NEAP_INLINE void scatter(T* p, i64 stride, V v, int n = lanes_of<V>) {
  for (int i = 0; i < n; ++i) p[i * stride] = narrow<T>(v[i]);
}

// Lanes in groups of G, a power of two below their number, that share an element: those of a group get it ...
template <int G, class T, class V = decltype(load(static_cast<const T*>(nullptr)))>
NEAP_INLINE V load_groups(const T* p, int n = lanes_of<V>) {
  V v = splat<V>(widen(p[0]));
  NEAP_UNROLL for (int k = 1; k < lanes_of<V> / G; ++k) {
    if (k * G < n) v = select(lane_index<integer_of<V>>() / G >= k, splat<V>(widen(p[k])), v);
  }
  return v;
}
// Lane l beside lane l ^ step.
template <int step, class V>
NEAP_INLINE V exchanged(V v) {
  return shuffle(v, lane_index<integer_of<V>>() ^ step);
}
template <int step, class V, class F>
NEAP_INLINE V folded_within(V v, F f) {
  v = f(v, exchanged<step>(v));
  if constexpr (step > 1) {
    return folded_within<step / 2>(v, f);
  } else {
    return v;
  }
}
// ... or are folded into it, in one fixed tree.
template <int G, class T, class V, class F>
NEAP_INLINE void fold_groups(T* p, V v, F f, int n = lanes_of<V>) {
  const V folded = folded_within<G / 2>(v, f);
  NEAP_UNROLL for (int k = 0; k < lanes_of<V> / G; ++k) {
    if (k * G < n) p[k] = narrow<T>(f(widen(p[k]), folded[k * G]));
  }
}

// The same where the elements of groups are lanes of a vector: those from First on, spread over the lanes of their groups ...
template <int G, int First, class V>
NEAP_INLINE V spread_groups(V v) {
  return shuffle(v, lane_index<integer_of<V>>() / G + First);
}
// ... the lanes from First on, again after every Period lanes; the same from memory ...
template <int Period, int First, class V>
NEAP_INLINE V repeated(V v) {
  return shuffle(v, lane_index<integer_of<V>>() % Period + First);
}
template <int Period, class T, class V = decltype(load(static_cast<const T*>(nullptr)))>
NEAP_INLINE V load_repeated(const T* p) {
  if constexpr (Period == lanes_of<V>) {
    return load(p);
  } else {
    return repeated<Period, 0>(load(p, Period));
  }
}
// ... or the lanes of several vectors' groups folded, by the tree of fold_groups: two vectors, each of which has in every lane but those
// that the other's sums take something to fold, become one, again and again.
template <int step, class V, class F>
NEAP_INLINE V folded_pair(F f, V a, V b) {
  using I = integer_of<V>;
  const I lane = lane_index<I>(), second = (lane & step) / step * lanes_of<V>;
  return f(shuffle(a, b, lane + second), shuffle(a, b, (lane ^ step) + second));
}
template <int step, class F, class V>
NEAP_INLINE V folded_vectors(F f, V a) {
  if constexpr (step > 0) {
    return folded_within<step>(a, f);
  } else {
    return a;
  }
}
template <int step, class F, class V>
NEAP_INLINE V folded_vectors(F f, V a, V b) {
  return folded_vectors<step / 2>(f, folded_pair<step>(f, a, b));
}
template <int step, class F, class V>
NEAP_INLINE V folded_vectors(F f, V a, V b, V c, V d) {
  return folded_vectors<step / 2>(f, folded_pair<step>(f, a, b), folded_pair<step>(f, c, d));
}
template <int step, class F, class V>
NEAP_INLINE V folded_vectors(F f, V a, V b, V c, V d, V e, V g, V h, V i) {
  return folded_vectors<step / 2>(f, folded_pair<step>(f, a, b), folded_pair<step>(f, c, d), folded_pair<step>(f, e, g),
                                  folded_pair<step>(f, h, i));
}
// Where folded_vectors leaves the sum of group k of `count` vectors.
constexpr int lane_of_group(int k, int group, int count, int lanes) {
  int vector = k / (lanes / group), lane = k % (lanes / group) * group;
  for (int step = group / 2, left = count; left > 1; left /= 2, step /= 2, vector /= 2) lane += vector % 2 * step;
  return lane;
}
template <class I>
struct lane_order {
  element_of<I> lane[lanes_of<I>];
};
template <class I>
constexpr lane_order<I> order_of_groups(int group, int count) {
  lane_order<I> order{};
  for (int k = 0; k < count * lanes_of<I> / group; ++k) order.lane[k] = lane_of_group(k, group, count, lanes_of<I>);
  return order;
}
template <int G, class F, class V, class... More>
NEAP_INLINE V folded_groups(F f, V first, More... more) {
  constexpr int count = 1 + sizeof...(More);
  const V folded = folded_vectors<G / 2>(f, first, more...);
  static constexpr auto order = order_of_groups<integer_of<V>>(G, count);
  integer_of<V> from;
  __builtin_memcpy(&from, order.lane, sizeof from);
  return shuffle(folded, from);
}

// The K-th vector of a matrix whose rows and columns are exchanged, of the vectors in which its `Rows` rows lie one behind the other. Lanes
// are taken from two vectors at a time.
template <int Rows, int K, class V, class... More>
NEAP_INLINE V exchanged(V first, More... more) {
  using I = integer_of<V>;
  constexpr int count = 1 + sizeof...(More), columns = count * lanes_of<V> / Rows;
  const V from[] = {first, more...};
  const I element = lane_index<I>() + K * lanes_of<V>, place = element % Rows * columns + element / Rows;
  V made = from[0];
  NEAP_UNROLL for (int k = 0; k < count; k += 2) {
    const V two = shuffle(from[k], from[k + 1 < count ? k + 1 : k], place & (2 * lanes_of<V> - 1));
    made = k == 0 ? two : select(place >= k * lanes_of<V>, two, made);
  }
  return made;
}

// A square tile, copied with its rows and columns exchanged: vectors `from_step` elements apart, into others. Squares of half the size
// change places with their neighbours, then those within them, and so on down.
template <class V>
NEAP_INLINE void exchange_rows(element_of<V>* to, i64 to_step, const element_of<V>* from, i64 from_step) {
  using I = integer_of<V>;
  constexpr int size = lanes_of<V>;
  const I lane = lane_index<I>();
  V rows[size];
  NEAP_UNROLL for (int i = 0; i < size; ++i) rows[i] = load_vector<V>(from + i * from_step);
  NEAP_UNROLL for (int step = size / 2; step > 0; step /= 2) {
    const I second = (lane & step) / step * (size - step);
    NEAP_UNROLL for (int i = 0; i < size; ++i) {
      if ((i & step) != 0) continue;
      const V a = rows[i], b = rows[i + step];
      rows[i] = shuffle(a, b, lane + second);
      rows[i + step] = shuffle(a, b, lane + second + step);
    }
  }
  NEAP_UNROLL for (int i = 0; i < size; ++i) store_vector(to + i * to_step, rows[i]);
}
#ifdef NEAP_HALF_VECTORS
using f32_of_tile = f32h;
using i32_of_tile = i32h;
#else
using f32_of_tile = f32v;
using i32_of_tile = i32v;
#endif
NEAP_INLINE void exchange_tile(f32* to, i64 to_step, const f32* from, i64 from_step) {
  exchange_rows<f32_of_tile>(to, to_step, from, from_step);
}
NEAP_INLINE void exchange_tile(i32* to, i64 to_step, const i32* from, i64 from_step) {
  exchange_rows<i32_of_tile>(to, to_step, from, from_step);
}

template <int G, class T, class V, class F>
NEAP_INLINE void store_groups(T* p, V v, F f, int n = lanes_of<V>) {
  const V folded = folded_within<G / 2>(v, f);
  NEAP_UNROLL for (int k = 0; k < lanes_of<V> / G; ++k) {
    if (k * G < n) p[k] = narrow<T>(folded[k * G]);
  }
}

}  // namespace neap::kernel
