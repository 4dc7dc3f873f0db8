#include "neap/files/image.h"

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/files/jpeg.h"
#include "neap/files/png.h"

namespace neap {

Array decode_image(std::string_view bytes, const std::string& place) {
  if (is_png(bytes)) return decode_png(bytes, place);
  if (is_jpeg(bytes)) return decode_jpeg(bytes, place);
  throw Error("this is neither a PNG nor a JPEG picture", place, "convert it to PNG");
}

Array read_image(const std::filesystem::path& path) {
  constexpr std::int64_t longest = std::int64_t{1} << 29;  // more than a picture within the limits can need
  return decode_image(read_file(path, longest), path.string());
}

void check_image_size(std::int64_t height, std::int64_t width, std::int64_t channels, std::size_t stored, const std::string& place) {
  constexpr std::int64_t most_side = 1 << 15, most_bytes = 1 << 28, most_expansion = 2048;
  const std::string sizes = fmt::format("a picture of {} x {} pixels with {} channels", width, height, channels);
  if (height < 1 || width < 1 || height > most_side || width > most_side || height * width * channels > most_bytes) {
    throw Error(sizes, place, "make it smaller: up to 32768 pixels a side and 2^28 bytes are read");
  }
  if (height * width * channels / most_expansion > static_cast<std::int64_t>(stored)) {
    throw Error(fmt::format("{} cannot be in a file of {} bytes", sizes, stored), place, "the file is cut short or was made to deceive");
  }
}

}  // namespace neap
