// Pictures: u8 arrays [height, width, channels], with 1 channel (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "neap/base/array.h"

namespace neap {

// PNG or JPEG, known by the first bytes. Error naming the file if it is neither, cut short or damaged, or larger than the limits below.
Array read_image(const std::filesystem::path& path);
Array decode_image(std::string_view bytes, const std::string& place);

// Error, before anything is allocated, on pictures of more than 32,768 pixels a side or 2^28 bytes, and of more bytes than `stored`
// compressed ones can hold (2,048 times as many).
void check_image_size(std::int64_t height, std::int64_t width, std::int64_t channels, std::size_t stored, const std::string& place);

}  // namespace neap
