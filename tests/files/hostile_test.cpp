// Every reader against thousands of damaged files: each ends with an Error or a value, within a limit of memory.
#include "tests/support/hostile.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

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

namespace neap::hostile_test {
namespace {

using namespace std::string_literals;

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
}  // namespace neap::hostile_test
