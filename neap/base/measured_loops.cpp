#include "neap/base/measured_loops.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace neap {
namespace {

constexpr std::size_t accumulators = 12;  // vectors: enough to hide the latency of two units, few enough for sixteen registers
constexpr std::size_t ahead = 16;         // rows

template <int bytes>
struct Vector {
  using type [[gnu::vector_size(bytes)]] = float;
};

// What is computed must be seen, or nothing would be.
template <typename V>
[[gnu::always_inline]] inline void keep(V& value) {
  asm volatile("" : "+x"(value));
}

template <int bytes>
[[gnu::always_inline]] inline void multiply_add(std::int64_t rounds) {
  using V = typename Vector<bytes>::type;
  std::array<V, accumulators> sums{};
  V factor = V{} + 0.999F, term = V{} + 0.5F;
  keep(factor);
  keep(term);
  for (std::int64_t i = 0; i < rounds; ++i) {
    for (V& sum : sums) sum = sum * factor + term;
    for (V& sum : sums) keep(sum);
  }
}

template <int bytes>
[[gnu::always_inline]] inline void sum_of_rows(const float* table, std::span<const std::int32_t> places) {
  using V = typename Vector<bytes>::type;
  constexpr std::size_t lanes = bytes / sizeof(float), line = 64 / sizeof(float);
  std::array<V, summed_row / lanes> sums{};
  const auto row = [&](std::size_t i) { return table + static_cast<std::size_t>(places[i]) * summed_row; };
  for (std::size_t i = 0; i < places.size(); ++i) {
    const float* const next = row(std::min(i + ahead, places.size() - 1));
    for (std::size_t at = 0; at < summed_row; at += line) __builtin_prefetch(next + at);
    const float* const here = row(i);
    for (std::size_t v = 0; v < sums.size(); ++v) {
      V value;
      std::memcpy(&value, here + v * lanes, bytes);
      sums[v] += value;
    }
  }
  for (V& sum : sums) keep(sum);
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void multiply_add_avx2(std::int64_t rounds) { multiply_add<32>(rounds); }
[[gnu::target("avx512f,fma")]] void multiply_add_avx512(std::int64_t rounds) { multiply_add<64>(rounds); }
[[gnu::target("avx2,fma")]] void sum_of_rows_avx2(const float* table, std::span<const std::int32_t> places) {
  sum_of_rows<32>(table, places);
}
[[gnu::target("avx512f,fma")]] void sum_of_rows_avx512(const float* table, std::span<const std::int32_t> places) {
  sum_of_rows<64>(table, places);
}
#endif

}  // namespace

void multiply_add_rounds(Isa isa, std::int64_t rounds) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return multiply_add_avx512(rounds);
  if (isa == Isa::avx2) return multiply_add_avx2(rounds);
#endif
  multiply_add<16>(rounds);
}

std::int64_t multiply_add_flops(Isa isa) {
  const std::int64_t lanes = isa == Isa::avx512 ? 16 : isa == Isa::avx2 ? 8 : 4;
  return 2 * lanes * static_cast<std::int64_t>(accumulators);
}

void sum_rows(Isa isa, const float* table, std::span<const std::int32_t> places) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return sum_of_rows_avx512(table, places);
  if (isa == Isa::avx2) return sum_of_rows_avx2(table, places);
#endif
  sum_of_rows<16>(table, places);
}

}  // namespace neap
