#include "neap/layouts/choice_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::size_t shown = 80;  // characters of a stranger's text that an error repeats

std::string place_of(std::string_view text, std::string_view what) {
  return std::string(what) + " '" + std::string(text.substr(0, shown)) + "'";
}

double parse_number(std::string_view digits, const std::string& place) {
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(value))
    throw Error(fmt::format("'{}' is not a number", digits.substr(0, shown)), place, "write name=number");
  return value;
}

}  // namespace

ChoiceText parse_choice(std::string_view text, std::string_view what) {
  ChoiceText choice;
  for (std::size_t begin = text.find_first_not_of(' '); begin != std::string_view::npos; begin = text.find_first_not_of(' ', begin)) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    begin = end;
    if (choice.name.empty()) {
      choice.name = word;
      continue;
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    choice.numbers[std::string(word.substr(0, equals))] =
        parse_number(word.substr(std::min(equals + 1, word.size())), place_of(text, what));
  }
  if (choice.name.empty()) throw Error(fmt::format("no {} is named", what));
  return choice;
}

std::map<std::string, double, std::less<>> complete(const ChoiceText& choice, const std::vector<ChoiceNumber>& numbers,
                                                    std::string_view what) {
  const std::string place = place_of(choice.name, what);
  std::map<std::string, double, std::less<>> all;
  for (const ChoiceNumber& number : numbers) all[number.name] = number.default_value;
  for (const auto& [name, value] : choice.numbers) {
    const auto number =
        std::find_if(numbers.begin(), numbers.end(), [&, n = std::string_view(name)](const ChoiceNumber& one) { return one.name == n; });
    if (number == numbers.end())
      throw Error(fmt::format("{} has no number '{}'", choice.name.substr(0, shown), name.substr(0, shown)), place);
    if (!(value >= number->least && value <= number->most))
      throw Error(fmt::format("{} = {} is outside {} to {}", name, value, number->least, number->most), place);
    if (number->whole && value != std::floor(value)) throw Error(fmt::format("{} = {} is not whole", name, value), place);
    all[name] = value;
  }
  return all;
}

}  // namespace neap
