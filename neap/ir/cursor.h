// Reads text from left to right: spaces and comments skipped, errors with line and column.
#pragma once
#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "neap/base/dtype.h"
#include "neap/ir/dim.h"

namespace neap {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> problem, Args&&... args) const {
    fail_with(fmt::format(problem, std::forward<Args>(args)...));
  }
  [[noreturn]] void fail_with(const std::string& problem) const;  // at where the last token began
  std::string position() const;                                   // "line 3, column 7"

  bool at_end();
  bool take(std::string_view token);  // punctuation; moves behind it if it is next
  void expect(std::string_view token);
  bool peek(std::string_view token);
  bool take_word(std::string_view word);  // a whole word, unquoted
  bool next_is_letter();                  // a word is next
  std::string_view plain_word(const char* what);
  std::string_view peek_word();        // the next unquoted word, "" if there is none
  char peek_behind_word();             // what follows the next word
  std::string name(const char* what);  // a word or a quoted string
  std::string quoted();
  std::string value_name();                // "%3", a plain word, or (see value_key) a quoted text
  std::string_view hex();                  // digits of a hash
  bool number_follows();                   // a digit, with or without a sign, or -inf or -nan
  bool on_this_line();                     // whether something follows before the end of the line
  std::int64_t integer(const char* what);  // with sign
  int small_integer(const char* what);     // 0 to 10^6
  std::string_view number();               // the characters of a number (inf, nan and 0x bits too), sign included
  Dim size();

 private:
  void skip();
  std::string_view text_;
  std::size_t at_ = 0, token_ = 0;
};

// Names of values as keys: a text that needs quotes keeps the first, so that it cannot be taken for a number like %3.
std::string value_key(const std::string& name);

}  // namespace neap
