// A size taken apart: a sum of products of symbols and floors.
#pragma once
#include <string>
#include <vector>

#include "neap/ir/dim.h"

namespace neap {

struct SizeFactor {
  std::string symbol;        // or
  Dim inner;                 // floor(inner / divisor),
  std::int64_t divisor = 0;  // where this is not 0
};
struct SizeTerm {
  std::int64_t coefficient = 1;
  std::vector<SizeFactor> factors;
};
std::vector<SizeTerm> size_terms(const Dim& size);

}  // namespace neap
