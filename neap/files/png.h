// PNG through libpng.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "neap/base/array.h"

namespace neap {

bool is_png(std::string_view bytes);

// u8 [height, width, channels] as in image.h: palettes are looked up, 1 to 4 bits become 8, 16 bits are rounded to 8. Samples are taken as
// they stand, without correction of gamma.
Array decode_png(std::string_view bytes, const std::string& place);

// Of u8 [height, width] or [height, width, 1 to 4].
std::string encode_png(const Array& pixels);
void write_png(const std::filesystem::path& path, const Array& pixels);

}  // namespace neap
