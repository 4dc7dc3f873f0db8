#include "neap/onnx/size_terms.h"

#include <cctype>

#include "neap/base/error.h"

namespace neap {
namespace {

// Sums are written "2*N*C - floor((H + 1)/2) + 3" (Dim::to_string): terms apart by " + " and " - ", factors by '*', outside of brackets.
std::size_t end_of_factor(const std::string& text, std::size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
    if (depth == 0 && (text[at] == '*' || text[at] == ' ')) break;
  }
  return at;
}

SizeFactor floor_factor(const std::string& text) {  // "floor((P)/c)"
  const std::size_t slash = text.rfind(")/");
  return {"", Dim::parse(std::string_view(text).substr(7, slash - 7)), std::stoll(text.substr(slash + 2))};
}

}  // namespace

std::vector<SizeTerm> size_terms(const Dim& size) {
  const std::string text = size.to_string();
  std::vector<SizeTerm> terms;
  std::size_t at = 0;
  while (at < text.size()) {
    SizeTerm term;
    for (; at < text.size() && (text[at] == ' ' || text[at] == '+' || text[at] == '-'); ++at) {
      if (text[at] == '-') term.coefficient = -1;
    }
    for (;;) {
      const std::size_t end = end_of_factor(text, at);
      const std::string factor = text.substr(at, end - at);
      NEAP_ASSERT(!factor.empty(), " size {}", text);
      if (std::isdigit(static_cast<unsigned char>(factor[0])) != 0) {
        term.coefficient *= std::stoll(factor);
      } else {
        term.factors.push_back(factor.rfind("floor(", 0) == 0 ? floor_factor(factor) : SizeFactor{factor, 0, 0});
      }
      at = end;
      if (at >= text.size() || text[at] != '*') break;
      ++at;
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

}  // namespace neap
