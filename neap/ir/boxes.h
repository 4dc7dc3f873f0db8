// Boxes of positions: an arithmetic progression along each dimension. A box has an exact count, and so has the union of a few; sizes may be
// symbols.
#pragma once
#include <vector>

#include "neap/ir/dim.h"

namespace neap {

// Positions first, first + step, ...: `count` of them.
struct Steps {
  Dim first = 0;
  std::int64_t step = 1;
  Dim count = 0;
  bool operator==(const Steps&) const = default;
  Dim last() const { return first + Dim(step) * (count - Dim(1)); }
};
using Box = std::vector<Steps>;  // one a dimension

inline bool is_zero(const Dim& dim) { return dim.is_constant() && dim.constant() == 0; }
inline bool is_one(const Dim& dim) { return dim.is_constant() && dim.constant() == 1; }
// At the size of a symbol for which one of two ways is chosen where the symbols decide.
std::int64_t typical(const Dim& dim);
// a <= b whatever the symbols are; false where that is not known.
bool surely_at_most(const Dim& a, const Dim& b);
// The smaller of two upper bounds of one count; where the symbols decide, the one that is smaller at typical sizes.
Dim smaller(const Dim& a, const Dim& b);

// What of the positions lies in [0, size); its count is an upper bound where the symbols decide.
Steps clip(Steps steps, const Dim& size);
// How many positions lie in one box at least; an upper bound where the boxes are many or symbols decide how they overlap.
Dim count_union(std::vector<Box> boxes);

}  // namespace neap
