// JPEG through libjpeg.
#pragma once
#include <string>
#include <string_view>

#include "neap/base/array.h"

namespace neap {

bool is_jpeg(std::string_view bytes);

// u8 [height, width, 1 or 3]. Error on damage of any kind (libjpeg would fill what is missing with grey), and on pictures for print (CMYK).
Array decode_jpeg(std::string_view bytes, const std::string& place);

}  // namespace neap
