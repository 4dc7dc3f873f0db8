#include "neap/base/hash.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

namespace neap {

std::string Hash::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Hash hash_bytes(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

Hasher& Hasher::add(std::string_view text) {
  add(text.size());
  const Hash hash = hash_bytes(text);
  return add(hash.low).add(hash.high);
}

Hash Hasher::finish() const {
  Hasher last = *this;
  last.add(0x6E656170);
  return {last.low_, last.high_};
}

}  // namespace neap
