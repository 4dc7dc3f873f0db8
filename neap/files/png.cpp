#include "neap/files/png.h"

#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/files/image.h"

namespace neap {
namespace {

constexpr const char* damaged_png = "the picture is damaged, cut short or more than 32768 wide or high: fetch it again, or make it smaller";

// libpng reports errors by a jump over its own frames: those between the jump and `protect` hold nothing that needs a destructor.
struct PngReader {
  std::string_view rest;
  std::array<char, 200> message{};
  png_structp png = nullptr;
  png_infop info = nullptr;

  PngReader(std::string_view bytes, const std::string& place) : rest(bytes) {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, [](png_structp, png_const_charp) {});
    if (png == nullptr) throw Error("libpng does not start", place);
    info = png_create_info_struct(png);
    if (info == nullptr) throw Error("libpng does not start", place);
    png_set_read_fn(png, this, on_read);
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  static void on_error(png_structp png, png_const_charp text) {
    auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(reader->message.data(), reader->message.size(), "%s", text);
    png_longjmp(png, 1);
  }
  static void on_read(png_structp png, png_bytep to, std::size_t count) {
    auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
    if (count > reader->rest.size()) png_error(png, "the file ends too early");
    std::memcpy(to, reader->rest.data(), count);
    reader->rest.remove_prefix(count);
  }
};

template <class Work>
bool protect(PngReader& reader, const Work& work) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  work(reader.png, reader.info);
  return true;
}

void read_header(png_structp png, png_infop info) {
  constexpr png_uint_32 most_side = 1 << 15;
  png_set_user_limits(png, most_side, most_side);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // texts, profiles, times: not even looked at
  png_read_info(png, info);
}

void ask_for_bytes(png_structp png, png_infop info) {
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

}  // namespace

bool is_png(std::string_view bytes) { return bytes.starts_with("\x89PNG\r\n\x1a\n"); }

Array decode_png(std::string_view bytes, const std::string& place) {
  if (!is_png(bytes)) throw Error("this is not a PNG picture", place, "convert it to PNG");
  PngReader reader(bytes, place);
  const auto step = [&](const auto& work) {
    if (!protect(reader, work)) throw Error(fmt::format("the PNG cannot be read: {}", reader.message.data()), place, damaged_png);
  };
  const auto check_size = [&] {
    const std::int64_t height = png_get_image_height(reader.png, reader.info), width = png_get_image_width(reader.png, reader.info);
    check_image_size(height, width, png_get_channels(reader.png, reader.info), bytes.size(), place);
    return Sizes{height, width, png_get_channels(reader.png, reader.info)};
  };
  step(read_header);
  check_size();
  step(ask_for_bytes);
  Array pixels(DType::u8, check_size());
  const std::size_t row = png_get_rowbytes(reader.png, reader.info);
  NEAP_ASSERT(static_cast<std::int64_t>(row) == pixels.size(1) * pixels.size(2), "a row of {} bytes", row);
  std::vector<png_bytep> rows;
  for (std::int64_t y = 0; y < pixels.size(0); ++y)
    rows.push_back(reinterpret_cast<png_bytep>(pixels.raw()) + static_cast<std::size_t>(y) * row);
  step([to = rows.data()](png_structp png, png_infop info) {
    png_read_image(png, to);
    png_read_end(png, info);
  });
  return pixels;
}

std::string encode_png(const Array& pixels) {
  constexpr std::array<png_uint_32, 4> formats = {PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
  const std::int64_t channels = pixels.rank() == 3 ? pixels.size(2) : 1;
  if (pixels.dtype() != DType::u8 || pixels.rank() < 2 || pixels.rank() > 3 || channels < 1 || channels > 4) {
    throw Error(fmt::format("a picture of {} {}", name(pixels.dtype()), to_string(pixels.sizes())), "PNG", "give u8 [H,W] or [H,W,1 to 4]");
  }
  check_image_size(pixels.size(0), pixels.size(1), channels, static_cast<std::size_t>(pixels.count()), "PNG");
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(pixels.size(0));
  image.width = static_cast<png_uint_32>(pixels.size(1));
  image.format = formats[static_cast<std::size_t>(channels - 1)];
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.raw(), 0, nullptr) == 0) {
    throw Error(fmt::format("libpng cannot write: {}", image.message), "PNG");
  }
  bytes.resize(size);
  return bytes;
}

void write_png(const std::filesystem::path& path, const Array& pixels) { write_file(path, encode_png(pixels)); }

}  // namespace neap
