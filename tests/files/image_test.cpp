#include "neap/files/image.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/file.h"
#include "neap/files/base64.h"
#include "neap/files/jpeg.h"
#include "neap/files/png.h"
#include "tests/files/examples.h"
#include "tests/files/pictures.h"
#include "tests/support/expect_error.h"

namespace neap::image_test {
namespace {

using namespace std::string_literals;

void refused(const std::string& bytes, const std::string& problem) {
  expect_error([&] { decode_image(bytes, "a.png"); }, problem, "a.png");
}
Array u8(const std::vector<std::uint8_t>& values, Sizes sizes) { return Array::of(values, std::move(sizes)); }

// A PNG whose header claims other sizes; its check sum is right.
std::string with_sizes(std::string png, std::uint32_t width, std::uint32_t height) {
  const auto put = [&](std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) png[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (24 - 8 * i));
  };
  put(16, width);
  put(20, height);
  std::uint32_t crc = 0xFFFFFFFF;  // of the chunk's name and content
  for (std::size_t i = 12; i < 29; ++i) {
    crc ^= static_cast<unsigned char>(png[i]);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  put(29, ~crc);
  return png;
}

TEST(Png, ComesBack) {
  const TemporaryFolder folder;
  for (const Sizes& sizes : {Sizes{1, 1, 1}, Sizes{5, 7, 1}, Sizes{3, 2, 2}, Sizes{4, 5, 3}, Sizes{6, 1, 4}}) {
    const Array pixels = example_array(DType::u8, sizes);
    write_png(folder.path() / "a.png", pixels);
    expect_same(read_image(folder.path() / "a.png"), pixels);
  }
  const Array flat = example_array(DType::u8, {5, 7});
  expect_same(decode_png(encode_png(flat), "test"), flat.reshape({5, 7, 1}));
}

TEST(Png, EveryKindOfSamples) {
  const auto decoded = [](const PngKind& kind, int height, int width, const std::string& rows) {
    return decode_png(encode_png_as(kind, height, width, rows), "test");
  };
  expect_same(decoded({.bits = 1}, 2, 3, "\xA0\x40"s), u8({255, 0, 255, 0, 255, 0}, {2, 3, 1}));
  expect_same(decoded({.bits = 4}, 1, 2, "\x3F"s), u8({0x33, 0xFF}, {1, 2, 1}));
  expect_same(decoded({.bits = 16}, 1, 2, "\x12\x34\xFF\xFF"s), u8({0x12, 0xFF}, {1, 2, 1}));
  expect_same(decoded({.colour = PNG_COLOR_TYPE_RGB_ALPHA}, 1, 1, "\1\2\3\4"s), u8({1, 2, 3, 4}, {1, 1, 4}));
  expect_same(decoded({.colour = PNG_COLOR_TYPE_PALETTE, .bits = 2}, 1, 3, "\x78"s), u8({1, 2, 3, 3, 6, 9, 2, 4, 6}, {1, 3, 3}));
  expect_same(decoded({.colour = PNG_COLOR_TYPE_PALETTE, .palette_with_alpha = true}, 1, 2, "\1\2"s),
              u8({1, 2, 3, 99, 2, 4, 6, 255}, {1, 2, 4}));
  const Array large = example_array(DType::u8, {19, 13, 1});
  expect_same(decoded({.interlace = PNG_INTERLACE_ADAM7}, 19, 13, std::string(bytes_of(large))), large);
}

TEST(Png, Refusals) {
  const std::string png = encode_png(example_array(DType::u8, {20, 30, 3}));
  refused("", "this is neither a PNG nor a JPEG picture");
  refused("GIF89a", "this is neither a PNG nor a JPEG picture");
  refused(png.substr(0, 8), "the PNG cannot be read: the file ends too early");
  refused(png.substr(0, png.size() / 2), "the PNG cannot be read: the file ends too early");
  refused(png.substr(0, png.size() - 13), "the PNG cannot be read: the file ends too early");
  std::string wrong = png;
  wrong[png.size() - 20] ^= 1;  // in the picture's data, before its check sum
  refused(wrong, "the PNG cannot be read");
  refused(with_sizes(png, 30, 21), "the PNG cannot be read: Not enough image data");
  refused(with_sizes(png, 30000, 30000), "a picture of 30000 x 30000 pixels with 3 channels");
  refused(with_sizes(png, 9000, 9000), "a picture of 9000 x 9000 pixels with 3 channels cannot be in a file of");
  refused(with_sizes(png, 0x7FFFFFFF, 1), "the PNG cannot be read");
  refused(with_sizes(png, 0, 5), "the PNG cannot be read");
  expect_error([] { encode_png(Array::zeros(DType::f32, {2, 2})); }, "a picture of f32 [2,2]", "PNG");
  expect_error([] { encode_png(Array::zeros(DType::u8, {2, 2, 5})); }, "a picture of u8 [2,2,5]", "PNG");
  expect_error([] { encode_png(Array::zeros(DType::u8, {0, 2})); }, "a picture of 2 x 0 pixels", "PNG");
}

TEST(Jpeg, DecodesCloseToWhatWasEncoded) {
  for (const bool progressive : {false, true}) {
    for (const std::int64_t channels : {1, 3}) {
      const Array pixels = smooth_picture(21, 34, channels);
      const Array back = decode_image(encode_jpeg(pixels, {.progressive = progressive}), "test");
      ASSERT_EQ(back.sizes(), pixels.sizes());
      for (std::int64_t i = 0; i < back.count(); ++i) EXPECT_NEAR(back.get(i), pixels.get(i), 12);
    }
  }
}

TEST(Jpeg, Refusals) {
  for (const bool progressive : {false, true}) {
    const std::string jpeg = encode_jpeg(smooth_picture(40, 50, 3), {.progressive = progressive});
    refused(jpeg.substr(0, 3), "the JPEG cannot be read");
    refused(jpeg.substr(0, jpeg.size() / 2), "the JPEG cannot be read: Premature end of JPEG file");
    refused(jpeg.substr(0, jpeg.size() - 2), "the JPEG cannot be read: Premature end of JPEG file");
    std::string larger = jpeg;
    const std::size_t frame = jpeg.find(progressive ? "\xFF\xC2" : "\xFF\xC0");
    ASSERT_NE(frame, jpeg.npos);
    larger.replace(frame + 5, 4, "\x27\x10\x27\x10");
    refused(larger, "a picture of 10000 x 10000 pixels with 3 channels");
    larger.replace(frame + 5, 4, "\x20\x10\x20\x10");
    refused(larger, "a picture of 8208 x 8208 pixels with 3 channels cannot be in a file of");
  }
  refused(encode_jpeg(smooth_picture(8, 8, 4), {.cmyk = true}), "a JPEG of 4 colours");
}

TEST(Jpeg, AFloodOfScansIsStopped) {
  refused(encode_jpeg(smooth_picture(9, 9, 1), {.progressive = true, .scans = 631}), "more than 500 scans");
}

TEST(Image, SizesAreCheckedBeforeAnythingIsAllocated) {
  const auto size = [](std::int64_t height, std::int64_t width, std::int64_t channels, std::size_t stored) {
    check_image_size(height, width, channels, stored, "here");
  };
  size(1, 1, 1, 1);
  size(8192, 8192, 4, 1 << 20);
  expect_error([&] { size(0, 1, 1, 1); }, "a picture of 1 x 0 pixels", "here");
  expect_error([&] { size(32769, 1, 1, 1 << 30); }, "a picture of 1 x 32769 pixels", "here");
  expect_error([&] { size(32768, 32768, 1, 1 << 30); }, "a picture of 32768 x 32768 pixels", "here");
  expect_error([&] { size(1000, 1000, 3, 1000); }, "cannot be in a file of 1000 bytes", "here");
}

TEST(Base64, KnownAnswers) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFF\xFE\xFD"), "//79");
}

}  // namespace
}  // namespace neap::image_test
