#include "neap/ir/words.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace neap {

bool is_plain_word(std::string_view text) {
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  if (text.empty() || !letter(text[0]) || text == "_") return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; });
}

std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      made += '\\';
      made += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      made += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      made += c;
    }
  }
  return made;
}

std::string in_quotes(std::string_view text) { return "\"" + escaped(text) + "\""; }

std::string word(std::string_view text) { return is_plain_word(text) ? std::string(text) : in_quotes(text); }

std::string number_text(DType dtype, double value) {
  if (std::isnan(value)) return "nan";
  const auto narrow = static_cast<float>(value);
  std::string text = dtype != DType::f64 && static_cast<double>(narrow) == value ? fmt::format("{}", narrow) : fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

}  // namespace neap
