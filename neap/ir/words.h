// Words of the text form: names are written plainly where they can be, quoted and escaped elsewhere.
#pragma once
#include <fmt/core.h>

#include <string>
#include <string_view>

namespace neap {

bool is_plain_word(std::string_view text);  // letters, digits, '_' and '.', not a digit first, not "_" alone
std::string quoted(std::string_view text);  // "..." with \" \\ \x0a
std::string word(std::string_view text);    // plain or quoted

}  // namespace neap
