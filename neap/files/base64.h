// Bytes as text (RFC 4648), for pictures inside a page.
#pragma once
#include <string>
#include <string_view>

namespace neap {

std::string base64(std::string_view bytes);

}  // namespace neap
