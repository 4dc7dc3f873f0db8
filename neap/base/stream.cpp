#include "neap/base/stream.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstring>

#include "neap/base/machine.h"

namespace neap {

bool is_past_caches(std::int64_t bytes) { return bytes > machine().l3_bytes / 2; }

// Whole lines; what stands ahead of the first and behind the last is copied as usual.
void copy_past_caches(const void* from, void* to, std::int64_t bytes) {
  std::int64_t done = 0;
#if defined(__SSE2__)
  constexpr std::int64_t line = 64, in_register = 16;
  const auto* const source = static_cast<const char*>(from);
  auto* const target = static_cast<char*>(to);
  done = std::min(bytes, static_cast<std::int64_t>(-reinterpret_cast<std::uintptr_t>(to) % line));
  std::memcpy(target, source, static_cast<std::size_t>(done));
  for (; done + line <= bytes; done += line) {
    for (std::int64_t i = done; i < done + line; i += in_register)
      _mm_stream_si128(reinterpret_cast<__m128i*>(target + i), _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i)));
  }
#endif
  std::memcpy(static_cast<char*>(to) + done, static_cast<const char*>(from) + done, static_cast<std::size_t>(bytes - done));
}

void end_past_caches() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace neap
