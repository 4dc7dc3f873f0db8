// 128-bit content hashes (xxHash3) for caches and structural identity; never for security.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace neap {

struct Hash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const Hash&) const = default;
  std::string hex() const;  // 32 characters
};

Hash hash_bytes(std::string_view bytes);

// Feeds values one after the other; equal sequences give equal hashes on every machine and run.
class Hasher {
 public:
  // Two independent lanes of a multiply-rotate mix: order matters, and no value is a fixed point.
  Hasher& add(std::uint64_t value) {
    low_ = (low_ ^ value) * 0x9FB21C651E98DF25ull;
    low_ ^= low_ >> 32;
    high_ = (high_ + value) * 0xD6E8FEB86659FD93ull;
    high_ ^= (high_ >> 29) ^ (low_ << 7);
    return *this;
  }
  Hasher& add(std::string_view text);  // length first, so that ("ab","c") differs from ("a","bc")
  Hash finish() const;

 private:
  std::uint64_t low_ = 0x9E3779B97F4A7C15ull, high_ = 0xC2B2AE3D27D4EB4Full;
};

}  // namespace neap
