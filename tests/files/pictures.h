// Pictures to read: libraries' own encoders, with the variants that Neap reads but does not write.
#pragma once
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "neap/base/array.h"
// Needs FILE.
#include <jpeglib.h>

namespace neap {

// Pixels that a lossy encoder keeps closely.
inline Array smooth_picture(std::int64_t height, std::int64_t width, std::int64_t channels) {
  Array pixels(DType::u8, {height, width, channels});
  for (std::int64_t i = 0; i < pixels.count(); ++i) {
    const std::int64_t c = i % channels, x = i / channels % width, y = i / channels / width;
    pixels.set(i, static_cast<double>((x * 3 + y * 2 + c * 40) % 256));
  }
  return pixels;
}

struct PngKind {
  int colour = PNG_COLOR_TYPE_GRAY, bits = 8, interlace = PNG_INTERLACE_NONE;
  bool palette_with_alpha = false;
};

// `rows` are the packed samples as the file holds them. A palette has the entries {i, 2 i, 3 i}.
inline std::string encode_png_as(const PngKind& kind, int height, int width, const std::string& rows) {
  std::string bytes;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) std::abort();
  png_set_write_fn(
      png, &bytes,
      [](png_structp to, png_bytep data, std::size_t size) {
        static_cast<std::string*>(png_get_io_ptr(to))->append(reinterpret_cast<const char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), kind.bits, kind.colour, kind.interlace,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_color palette[4];
  const png_byte alpha[2] = {7, 99};
  for (png_byte i = 0; i < 4; ++i) palette[i] = {i, static_cast<png_byte>(2 * i), static_cast<png_byte>(3 * i)};
  if (kind.colour == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 4);
  if (kind.palette_with_alpha) png_set_tRNS(png, info, alpha, 2, nullptr);
  png_write_info(png, info);
  const std::size_t row = png_get_rowbytes(png, info);
  std::vector<png_bytep> pointers;
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    pointers.push_back(reinterpret_cast<png_bytep>(const_cast<char*>(rows.data())) + y * row);
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

struct JpegKind {
  bool progressive = false;
  bool cmyk = false;
  std::size_t scans = 0;  // 0: the library's own; else up to 631, a coefficient and a bit at a time
};

// Every coefficient of a grey picture alone, from its tenth bit down to its last: legal, and 631 passes over the picture.
inline std::vector<jpeg_scan_info> many_scans() {
  std::vector<jpeg_scan_info> scans = {{.comps_in_scan = 1, .component_index = {0}, .Ss = 0, .Se = 0, .Ah = 0, .Al = 0}};
  for (int k = 1; k < 64; ++k) {
    for (int bit = 9; bit >= 0; --bit) {
      scans.push_back({.comps_in_scan = 1, .component_index = {0}, .Ss = k, .Se = k, .Ah = bit == 9 ? 0 : bit + 1, .Al = bit});
    }
  }
  return scans;
}

inline std::string encode_jpeg(const Array& pixels, const JpegKind& kind = {}) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_height = static_cast<JDIMENSION>(pixels.size(0));
  jpeg.image_width = static_cast<JDIMENSION>(pixels.size(1));
  jpeg.input_components = static_cast<int>(pixels.size(2));
  jpeg.in_color_space = pixels.size(2) == 1 ? JCS_GRAYSCALE : kind.cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  if (kind.progressive) jpeg_simple_progression(&jpeg);
  const std::vector<jpeg_scan_info> scans = many_scans();
  if (kind.scans > 0) {
    jpeg.scan_info = scans.data();
    jpeg.num_scans = static_cast<int>(std::min(kind.scans, scans.size()));
  }
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row = reinterpret_cast<JSAMPROW>(const_cast<std::byte*>(pixels.raw())) + jpeg.next_scanline * pixels.size(1) * pixels.size(2);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<const char*>(buffer), size);
  jpeg_destroy_compress(&jpeg);
  std::free(buffer);
  return bytes;
}

}  // namespace neap
