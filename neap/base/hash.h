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
  Hasher& add(std::uint64_t value);
  Hasher& add(std::string_view text);  // length first, so that ("ab","c") differs from ("a","bc")
  Hash finish() const;

 private:
  std::uint64_t low_ = 0x9E3779B97F4A7C15ull, high_ = 0xC2B2AE3D27D4EB4Full;
};

}  // namespace neap
