#include "neap/files/jpeg.h"

#include <array>
#include <csetjmp>
#include <cstdio>

// In this order: jpeglib.h uses FILE and size_t without including them, jerror.h what is in jpeglib.h.
#include <jpeglib.h>
//
#include <jerror.h>

#include "neap/base/error.h"
#include "neap/files/image.h"

namespace neap {
namespace {

constexpr const char* damaged_jpeg = "the picture is damaged or cut short: fetch it again";
constexpr int most_scans = 500;         // a progressive picture has about ten; each costs a pass over all of it
constexpr long most_memory = 1L << 30;  // of libjpeg's own buffers

// libjpeg reports errors by a jump over its own frames: those between the jump and `protect` hold nothing that needs a destructor.
struct JpegReader {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf back{};
  std::array<char, JMSG_LENGTH_MAX> message{};

  JpegReader() {
    jpeg.err = jpeg_std_error(&errors);
    jpeg.client_data = this;
    errors.error_exit = on_error;
    errors.emit_message = on_message;
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = on_progress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  static JpegReader* of(j_common_ptr jpeg) { return static_cast<JpegReader*>(jpeg->client_data); }
  static void on_error(j_common_ptr jpeg) {
    jpeg->err->format_message(jpeg, of(jpeg)->message.data());
    std::longjmp(of(jpeg)->back, 1);
  }
  // What libjpeg calls a warning is damage that it would hide; bytes between two parts of the file are none.
  static void on_message(j_common_ptr jpeg, int level) {
    if (level < 0 && jpeg->err->msg_code != JWRN_EXTRANEOUS_DATA) on_error(jpeg);
  }
  static void on_progress(j_common_ptr jpeg) {
    if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= most_scans) return;
    std::snprintf(of(jpeg)->message.data(), JMSG_LENGTH_MAX, "more than %d scans", most_scans);
    std::longjmp(of(jpeg)->back, 1);
  }
};

template <class Work>
bool protect(JpegReader& reader, const Work& work) {
  if (setjmp(reader.back) != 0) return false;
  work(&reader.jpeg);
  return true;
}

}  // namespace

bool is_jpeg(std::string_view bytes) { return bytes.starts_with("\xFF\xD8\xFF"); }

Array decode_jpeg(std::string_view bytes, const std::string& place) {
  if (!is_jpeg(bytes)) throw Error("this is not a JPEG picture", place, "convert it to PNG");
  JpegReader reader;
  const auto step = [&](const auto& work) {
    if (!protect(reader, work)) throw Error(fmt::format("the JPEG cannot be read: {}", reader.message.data()), place, damaged_jpeg);
  };
  step([&](j_decompress_ptr jpeg) {
    jpeg_create_decompress(jpeg);
    jpeg->client_data = &reader;
    jpeg->progress = &reader.progress;
    jpeg->mem->max_memory_to_use = most_memory;
    jpeg_mem_src(jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(jpeg, TRUE);
  });
  const bool grey = reader.jpeg.num_components == 1;
  if (!grey && reader.jpeg.num_components != 3) {
    throw Error(fmt::format("a JPEG of {} colours", reader.jpeg.num_components), place, "convert it to grey or RGB");
  }
  Sizes sizes{reader.jpeg.image_height, reader.jpeg.image_width, grey ? 1 : 3};
  check_image_size(sizes[0], sizes[1], sizes[2], bytes.size(), place);
  Array pixels(DType::u8, std::move(sizes));
  auto* to = reinterpret_cast<JSAMPLE*>(pixels.raw());
  step([&](j_decompress_ptr jpeg) {
    jpeg->out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    const std::size_t row = std::size_t{jpeg->output_width} * static_cast<std::size_t>(jpeg->output_components);
    while (jpeg->output_scanline < jpeg->output_height) {
      JSAMPROW at = to + jpeg->output_scanline * row;
      jpeg_read_scanlines(jpeg, &at, 1);
    }
    jpeg_finish_decompress(jpeg);
  });
  return pixels;
}

}  // namespace neap
