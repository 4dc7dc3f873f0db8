#include "neap/data/random.h"

#include "neap/base/error.h"
#include "neap/ir/scalar.h"

namespace neap {

CounterRandom::CounterRandom(std::uint64_t seed, Draw purpose, std::int64_t epoch, std::uint64_t counter)
    : seed_(seed), stream_((static_cast<std::uint64_t>(epoch) << 8) | static_cast<std::uint64_t>(purpose)), counter_(counter) {}

std::uint32_t CounterRandom::next() { return philox(seed_, stream_, counter_++); }

std::int64_t CounterRandom::below(std::int64_t limit) {
  NEAP_ASSERT(limit > 0, " a random number below {}", limit);
  const auto range = static_cast<std::uint64_t>(limit);
  const std::uint64_t unfair = -range % range;  // 2^64 modulo range: words below it would favour small values
  for (;;) {
    const std::uint64_t high = next(), word = (high << 32) | next();
    if (word >= unfair) return static_cast<std::int64_t>(word % range);
  }
}

}  // namespace neap
