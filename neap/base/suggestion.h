// What to try in place of a name that is not known.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace neap {

// The known word that a mistyped one may have been meant to be: by the fewest letters put in, left out or changed; "" where none is near.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

// For an Error's remedy: "did you mean 'relu'?", otherwise the known words, the first of them where they are many.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

// The same, where what is known stands by its name in a map.
template <class ByName>
std::string suggestion_among(std::string_view word, const ByName& by_name) {
  std::vector<std::string> known;
  for (const auto& entry : by_name) known.push_back(entry.first);
  return suggestion(word, known);
}

}  // namespace neap
