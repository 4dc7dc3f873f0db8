// Which pattern each column of a chunk takes in grouped n:m sparsity.
#pragma once
#include <cstdint>
#include <vector>

namespace neap::sparse {

// `worth`: [columns, patterns], what a column keeps under a pattern; columns = patterns * quota. The pattern of each column, every pattern
// taken `quota` times, with the largest sum there is: the best pairs first, then swaps between two patterns, then
// exchanges along cycles of them, while any gains (a transportation problem by negative-cycle cancelling: Klein 1967).
std::vector<int> assign_patterns(const std::vector<float>& worth, int patterns, int quota);

}  // namespace neap::sparse
