// The text of a choice: a name and its numbers, "nmg n=2 m=4 g=16".
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace neap {

struct ChoiceText {
  std::string name;
  std::map<std::string, double, std::less<>> numbers;
};

// A number that a choice may have.
struct ChoiceNumber {
  std::string name, about;
  double default_value = 0, least = 0, most = 0;
  bool whole = false;
};

// `what`: "layout", for errors. Error for a text that is no choice.
ChoiceText parse_choice(std::string_view text, std::string_view what);
// The numbers given, and the defaults of the others. Error for one that there is not, that is out of its range, or not whole.
std::map<std::string, double, std::less<>> complete(const ChoiceText& choice, const std::vector<ChoiceNumber>& numbers,
                                                    std::string_view what);

}  // namespace neap
