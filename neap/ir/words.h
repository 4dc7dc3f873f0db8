// Words of the text form: names are written plainly where they can be, quoted and escaped elsewhere.
#pragma once
#include <fmt/core.h>

#include <string>
#include <string_view>

#include "neap/base/dtype.h"

namespace neap {

bool is_plain_word(std::string_view text);     // letters, digits, '_' and '.', not a digit first, not "_" alone
std::string escaped(std::string_view text);    // what in_quotes() puts between the quotes
std::string in_quotes(std::string_view text);  // "..." with \" \\ \x0a
std::string word(std::string_view text);       // plain or quoted

// The shortest text that reads back as this number of a floating-point dtype; always with a point, an exponent, inf or nan.
std::string number_text(DType dtype, double value);

}  // namespace neap
