// The patterns of n:m sparsity: which n of m rows a column of a row group keeps.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace neap {

using KeptRows = std::vector<int>;  // n positions below m, rising

// Error, at `place`, unless 1 <= n <= m.
void check_kept_rows(std::int64_t n, std::int64_t m, std::string_view place);

// All C(m, n), in revolving-door order (base/revolving_door.h), so that a kernel which goes from one to the next keeps n - 1 of its n sums.
// Error for n > m or more than 1,024 patterns.
const std::vector<KeptRows>& kept_row_patterns(std::int64_t n, std::int64_t m);

}  // namespace neap
