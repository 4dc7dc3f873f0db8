// Operators on lines along one axis of row-major values, whose definitions look at all of a line for each of its elements.
#pragma once
#include <string>
#include <vector>

#include "neap/ops/operator.h"

namespace neap {

// Line l begins at l / inner * size * inner + l % inner; its elements are `inner` apart.
struct Lines {
  std::int64_t outer = 1, size = 1, inner = 1;

  Lines(const Type& type, int axis, const Symbols& symbols);
};

// For Implementation::refuses: row-major values are taken.
std::string refuses_lines(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs);

double typical_line(const Call& call, const Type& x);  // elements of a line along the attribute `axis`, 2 at least
// For Implementation::efficiency, where an element of the result takes so many cycles.
double line_efficiency(const Call& call, const Type& x, double cycles);

}  // namespace neap
