#include "neap/base/error.h"

#include <utility>

namespace neap {
namespace {
std::string compose(const std::string& problem, const std::string& place, const std::string& remedy) {
  std::string text = problem;
  if (!place.empty()) text += "\n  at: " + place;
  if (!remedy.empty()) text += "\n  try: " + remedy;
  return text;
}
}  // namespace

Error::Error(std::string problem, std::string place, std::string remedy)
    : std::runtime_error(compose(problem, place, remedy)),
      problem_(std::move(problem)),
      place_(std::move(place)),
      remedy_(std::move(remedy)) {}

void internal_error(const char* file, int line, const std::string& message) {
  throw Error("Neap broke a promise of its own: " + message, fmt::format("{}:{}", file, line), "please report this, with what you ran");
}

}  // namespace neap
