#include "neap/ir/cursor.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "neap/base/error.h"
#include "neap/ir/words.h"

namespace neap {
namespace {
bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
}  // namespace

std::string Cursor::position() const {
  const std::size_t at = std::min(token_, text_.size());
  const auto line = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  const std::size_t begin = at == 0 ? 0 : text_.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  return fmt::format("line {}, column {}", line, at - begin + 1);
}

void Cursor::fail_with(const std::string& problem) const { throw Error(problem, position()); }

void Cursor::skip() {
  for (;;) {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    if (text_.substr(at_, 2) != "//") break;
    at_ = std::min(text_.find('\n', at_), text_.size());
  }
  token_ = at_;
}

bool Cursor::at_end() {
  skip();
  return at_ == text_.size();
}

bool Cursor::peek(std::string_view token) {
  skip();
  return text_.substr(at_, token.size()) == token;
}

bool Cursor::take(std::string_view token) {
  if (!peek(token)) return false;
  at_ += token.size();
  return true;
}

void Cursor::expect(std::string_view token) {
  if (!take(token)) fail("'{}' is expected here", token);
}

bool Cursor::next_is_letter() {
  skip();
  return at_ < text_.size() && is_letter(text_[at_]);
}

std::string_view Cursor::peek_word() {
  if (!next_is_letter()) return {};
  std::size_t end = at_;
  while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]) || text_[end] == '.')) ++end;
  return text_.substr(at_, end - at_);
}

char Cursor::peek_behind_word() {
  std::size_t behind = at_ + peek_word().size();
  while (behind < text_.size() && is_space(text_[behind])) ++behind;
  return behind < text_.size() ? text_[behind] : '\0';
}

bool Cursor::take_word(std::string_view word) {
  if (peek_word() != word) return false;
  at_ += word.size();
  return true;
}

std::string_view Cursor::plain_word(const char* what) {
  const std::string_view found = peek_word();
  if (found.empty()) fail("{} is expected here", what);
  at_ += found.size();
  return found;
}

std::string Cursor::name(const char* what) { return peek("\"") ? quoted() : std::string(plain_word(what)); }

std::string Cursor::quoted() {
  expect("\"");
  std::string text;
  for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
    if (text_[at_] == '\n') fail("a quoted text has no end on its line");
    if (text_[at_] != '\\') {
      text += text_[at_];
      continue;
    }
    const std::string_view escape = text_.substr(at_ + 1, 3);
    if (!escape.empty() && (escape[0] == '"' || escape[0] == '\\')) {
      text += escape[0];
      ++at_;
      continue;
    }
    unsigned code = 0;
    if (escape.size() < 3 || escape[0] != 'x' || std::from_chars(escape.data() + 1, escape.data() + 3, code, 16).ptr != escape.data() + 3)
      fail("a backslash stands before a quote, a backslash, or x and two hexadecimal digits");
    text += static_cast<char>(code);
    at_ += 3;
  }
  if (at_ == text_.size()) fail("a quoted text has no end");
  ++at_;
  return text;
}

std::string value_key(const std::string& name) { return is_plain_word(name) ? name : "\"" + name; }

std::string Cursor::value_name() {
  if (take("%")) return fmt::format("%{}", small_integer("a value's number"));
  return value_key(name("a value"));
}

std::string_view Cursor::hex() {
  skip();
  std::size_t end = at_;
  while (end < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[end])) != 0) ++end;
  const std::string_view found = text_.substr(at_, end - at_);
  at_ = end;
  return found;
}

bool Cursor::number_follows() {
  skip();
  const std::string_view rest = text_.substr(at_ + (peek("-") ? 1 : 0), 4);
  if (rest.empty()) return false;
  if (is_digit(rest[0])) return true;
  const bool whole = rest.size() < 4 || !(is_letter(rest[3]) || is_digit(rest[3]) || rest[3] == '.' || rest[3] == '[' || rest[3] == '(');
  return whole && (rest.substr(0, 3) == "inf" || rest.substr(0, 3) == "nan");
}

bool Cursor::on_this_line() {
  std::size_t at = at_;
  while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
  return at < text_.size() && text_[at] != '\n' && text_[at] != '\r' && text_.substr(at, 2) != "//";
}

std::int64_t Cursor::integer(const char* what) {
  skip();
  std::int64_t value = 0;
  const char* begin = text_.data() + at_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error == std::errc::result_out_of_range) fail("this number does not fit 63 bits");
  if (error != std::errc()) fail("{} is expected here", what);
  at_ += static_cast<std::size_t>(end - begin);
  return value;
}

int Cursor::small_integer(const char* what) {
  const std::int64_t value = integer(what);
  if (value < 0 || value > 1'000'000) fail("{} is between 0 and 1000000", what);
  return static_cast<int>(value);
}

std::string_view Cursor::number() {
  skip();
  std::size_t end = at_;
  if (end < text_.size() && text_[end] == '-') ++end;
  for (const std::string_view word : {"inf", "nan"}) {
    if (text_.substr(end, 3) != word) continue;
    const std::string_view found = text_.substr(at_, end + 3 - at_);
    at_ = end + 3;
    return found;
  }
  if (end >= text_.size() || !is_digit(text_[end])) fail("a number is expected here");
  while (end < text_.size() && (is_digit(text_[end]) || is_letter(text_[end]) || text_[end] == '.' ||
                                ((text_[end] == '+' || text_[end] == '-') && (text_[end - 1] == 'e' || text_[end - 1] == 'E')))) {
    ++end;
  }
  const std::string_view found = text_.substr(at_, end - at_);
  at_ = end;
  return found;
}

Dim Cursor::size() {
  skip();
  std::size_t end = at_;
  Dim found = Dim::parse_prefix(text_, end);
  at_ = end;
  return found;
}

}  // namespace neap
