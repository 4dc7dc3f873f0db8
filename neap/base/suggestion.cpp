#include "neap/base/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace neap {
namespace {

// Levenshtein's distance (1966).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t longest = 80;  // a name from a stranger's file
  std::string nearest;
  if (word.size() > longest) return nearest;
  std::size_t least = std::min<std::size_t>(3, (word.size() + 1) / 3) + 1;  // a third may differ
  for (const std::string& name : known) {
    if (const std::size_t distance = edit_distance(name, word); distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  if (const std::string nearest = nearest_word(word, known); !nearest.empty()) return fmt::format("did you mean '{}'?", nearest);
  if (known.empty()) return "there are none";
  constexpr std::size_t most = 30;
  const auto end = known.begin() + static_cast<std::ptrdiff_t>(std::min(most, known.size()));
  const std::string rest = known.size() > most ? fmt::format(" and {} more", known.size() - most) : "";
  return fmt::format("one of {}{}", fmt::join(known.begin(), end, ", "), rest);
}

}  // namespace neap
