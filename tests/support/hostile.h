// Readers against thousands of damaged files: each ends with an Error that names the file, or a value, within a limit of memory.
#pragma once
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "neap/base/error.h"

namespace neap {

inline constexpr int mutations = 2000;

#if defined(NEAP_SANITIZED)
inline constexpr bool sanitized = true;  // sanitizers reserve terabytes of addresses
#else
inline constexpr bool sanitized = false;
#endif

// No more than this much memory beyond what the process has, as long as it lives.
class MemoryLimit {
 public:
  explicit MemoryLimit(rlim_t bytes) {
    if (sanitized) return;
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = pages * 4096 + bytes;
    EXPECT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  }
  ~MemoryLimit() {
    if (!sanitized) ::setrlimit(RLIMIT_AS, &before_);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  rlimit before_{};
};

inline std::size_t place_in(const std::string& bytes, std::mt19937_64& random) { return random() % (bytes.size() + 1); }

// One damage: to a bit, a byte, a number, a text, a block; or an end cut off.
inline void damage(std::string& bytes, const std::vector<std::string>& seeds, std::mt19937_64& random) {
  using namespace std::string_literals;
  static const std::vector<std::string> pieces = {"\0\0\0\0"s,
                                                  "\xFF\xFF\xFF\xFF"s,
                                                  "\x7F\xFF\xFF\xFF"s,
                                                  "\xFF\xFF\xFF\x7F"s,
                                                  "\x80\0\0\0"s,
                                                  "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s,
                                                  "\1\0"s,
                                                  "0",
                                                  "-1",
                                                  "99999999999999999999",
                                                  "4611686018427387904",
                                                  "4294967296",
                                                  "1e999",
                                                  "[",
                                                  "{",
                                                  "}",
                                                  "]",
                                                  "\"",
                                                  "'",
                                                  ",",
                                                  ":",
                                                  "\n",
                                                  "null",
                                                  "True",
                                                  "PK\1\2",
                                                  "PK\5\6",
                                                  "IDAT",
                                                  "\xFF\xDA",
                                                  "\xFF\xC4"};
  const std::size_t at = place_in(bytes, random);
  const std::size_t length = std::min<std::size_t>(bytes.size() - at, 1 + random() % 16);
  switch (random() % 8) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
      return;
    case 1:
      if (at < bytes.size()) bytes[at] = static_cast<char>(random());
      return;
    case 2:
      bytes.insert(at, pieces[random() % pieces.size()]);
      return;
    case 3: {
      const std::string& piece = pieces[random() % pieces.size()];
      bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece);
      return;
    }
    case 4:
      bytes.erase(at, length);
      return;
    case 5:
      bytes.insert(place_in(bytes, random), bytes.substr(at, length));
      return;
    case 6:
      bytes.resize(at);
      return;
    default: {
      const std::string& other = seeds[random() % seeds.size()];
      bytes.resize(at);
      bytes += other.substr(place_in(other, random));
    }
  }
}

inline void hostile(const std::vector<std::string>& seeds, const std::function<void(const std::string&)>& read,
                    const std::function<void(std::string&)>& mend = {}) {
  for (const std::string& seed : seeds) ASSERT_NO_THROW(read(seed)) << "a seed must be a valid file";
  std::mt19937_64 random(20);
  int errors = 0;
  const MemoryLimit limit(rlim_t{512} << 20);
  for (int i = 0; i < mutations; ++i) {
    std::string bytes = seeds[random() % seeds.size()];
    for (std::uint64_t left = 1 + random() % 4; left > 0; --left) damage(bytes, seeds, random);
    if (mend && random() % 2 == 0) mend(bytes);
    try {
      read(bytes);
    } catch (const Error& error) {
      ++errors;
      ASSERT_EQ(error.problem().find("no memory"), std::string::npos) << "mutation " << i << ": " << error.what();
      ASSERT_EQ(error.place().substr(0, 7), "hostile") << "mutation " << i << " names no file: " << error.what();
    } catch (const std::exception& error) {
      FAIL() << "mutation " << i << ": not an Error: " << error.what();
    }
  }
  EXPECT_GT(errors, mutations / 4) << "the damage is too mild to test anything";
}

}  // namespace neap
