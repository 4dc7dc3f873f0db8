// Every reader against thousands of damaged files: each ends with an Error or a value, within a limit of memory.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <fstream>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>
#include <random>

#include "neap/base/error.h"
#include "neap/files/csv.h"
#include "neap/files/gzip.h"
#include "neap/files/idx.h"
#include "neap/files/image.h"
#include "neap/files/json.h"
#include "neap/files/npy.h"
#include "neap/files/npz.h"
#include "neap/files/png.h"
#include "neap/files/safetensors.h"
#include "tests/files/examples.h"
#include "tests/files/pictures.h"

namespace neap {
namespace {

using namespace std::string_literals;
using Random = std::mt19937_64;

constexpr int mutations = 2000;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // sanitizers reserve terabytes of addresses
#else
constexpr bool sanitized = false;
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

std::size_t place_in(const std::string& bytes, Random& random) { return random() % (bytes.size() + 1); }

// One damage: to a bit, a byte, a number, a text, a block; or an end cut off.
void damage(std::string& bytes, const std::vector<std::string>& seeds, Random& random) {
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

void hostile(const std::vector<std::string>& seeds, const std::function<void(const std::string&)>& read,
             const std::function<void(std::string&)>& mend = {}) {
  for (const std::string& seed : seeds) ASSERT_NO_THROW(read(seed)) << "a seed must be a valid file";
  Random random(20);
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

// Right check sums for the chunks of a PNG, so that damage reaches what is behind them.
void mend_png(std::string& bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    if (length > bytes.size() - at - 12) return;
    const auto crc = static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(bytes.data() + at + 4), length + 4));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<char>(crc >> (24 - 8 * i));
    at += 12 + length;
  }
}

TEST(Hostile, Npy) {
  std::vector<std::string> seeds = {npy_bytes(example_array(DType::f32, {3, 5})), npy_bytes(example_array(DType::boolean, {7})),
                                    npy_bytes(example_array(DType::bf16, {}))};
  std::string fortran = npy_bytes(example_array(DType::i16, {2, 3, 4}));
  fortran.replace(fortran.find("False"), 5, " True");
  seeds.push_back(fortran);
  hostile(seeds, [](const std::string& bytes) { parse_npy(bytes, "hostile"); });
}

TEST(Hostile, Npz) {
  const NamedArrays arrays = {{"a", example_array(DType::f32, {3, 5})}, {"b", example_array(DType::boolean, {7})}};
  hostile({npz_bytes(arrays), npz_bytes(arrays, Packing::deflated)}, [](const std::string& bytes) { parse_npz(bytes, "hostile"); });
}

TEST(Hostile, Safetensors) {
  hostile({safetensors_bytes({{"a", example_array(DType::f32, {3, 5})}, {"b", example_array(DType::boolean, {7})}}, {{"key", "value"}}),
           safetensors_bytes({{"c", example_array(DType::f16, {})}}), safetensors_bytes({})},
          [](const std::string& bytes) { parse_safetensors(bytes, "hostile"); });
}

TEST(Hostile, Idx) {
  const std::string plain = idx_bytes(example_array(DType::u8, {4, 3, 2})), wide = idx_bytes(example_array(DType::f64, {3}));
  hostile({plain, wide, gzip(plain), gzip(wide)}, [](const std::string& bytes) { parse_idx(bytes, "hostile"); });
}

TEST(Hostile, Csv) {
  hostile({"x,\"y \"\"z\"\"\",w\n1,2,3\n-4.5,nan,\"6e-3\"\n", "1,2\n3,4\n"}, [](const std::string& bytes) { parse_csv(bytes, "hostile"); });
}

TEST(Hostile, Json) {
  hostile({R"({"a":[1,-2.5e3,"text\n\u00e9",{"b":null,"c":true}],"d":{}})", "[[[]]]", "12"},
          [](const std::string& bytes) { parse_json(bytes, "hostile"); });
}

TEST(Hostile, Png) {
  hostile(
      {encode_png(example_array(DType::u8, {9, 7, 3})), encode_png(example_array(DType::u8, {4, 4, 1})),
       encode_png_as({.interlace = PNG_INTERLACE_ADAM7}, 19, 13, std::string(19 * 13, 'x')),
       encode_png_as({.colour = PNG_COLOR_TYPE_PALETTE, .bits = 8, .palette_with_alpha = true}, 2, 2, "\0\1\2\3"s),
       encode_png_as({.bits = 16}, 2, 2, "abcdefgh")},
      [](const std::string& bytes) { decode_image(bytes, "hostile"); }, mend_png);
}

TEST(Hostile, Jpeg) {
  hostile({encode_jpeg(smooth_picture(20, 30, 3)), encode_jpeg(smooth_picture(9, 7, 1)),
           encode_jpeg(smooth_picture(20, 30, 3), {.progressive = true})},
          [](const std::string& bytes) { decode_image(bytes, "hostile"); });
}

}  // namespace
}  // namespace neap
