// Factors of rows, taken out of sums over the rows' entries.
#pragma once
#include <vector>

#include "neap/ops/builder.h"

namespace neap {

// rows[r, ...] times what is given for each row r: factors [r], or of the rank of `rows`.
Var times_rows(Var rows, const std::vector<Var>& factors);

// The sums of rows times their factors, over their divisors. A row without entries has no sum, whatever its factors are (0 / 0): it is 0.
// `offsets` [rows + 1]: where the entries of each begin.
Var with_row_factors(Builder& build, Var sums, const std::vector<Var>& factors, const std::vector<Var>& divisors, const Var& offsets);

}  // namespace neap
