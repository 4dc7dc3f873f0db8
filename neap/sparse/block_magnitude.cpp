// The blocks with the largest sums of scores, for layouts of small dense blocks.
#include <algorithm>

#include "neap/sparse/sparsifier.h"

namespace neap::sparse {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const std::int64_t rows = given.weights.size(0), columns = given.weights.size(1);
  const auto r = static_cast<std::int64_t>(numbers.at("r")), c = static_cast<std::int64_t>(numbers.at("c"));
  const std::int64_t block_rows = (rows + r - 1) / r, block_columns = (columns + c - 1) / c;
  std::vector<float> sums(static_cast<std::size_t>(block_rows * block_columns));
  const auto block_of = [&](std::int64_t i) { return static_cast<std::size_t>(i / columns / r * block_columns + i % columns / c); };
  for (std::int64_t i = 0; i < rows * columns; ++i) sums[block_of(i)] += scores[static_cast<std::size_t>(i)];
  const std::int64_t blocks = block_rows * block_columns;
  const Array best = largest(sums, kept_count(blocks, numbers.at("sparsity")), {blocks});
  Array mask(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  const auto chosen = best.values<bool>();
  for (std::int64_t i = 0; i < rows * columns; ++i) kept[static_cast<std::size_t>(i)] = chosen[block_of(i)];
  return mask;
}

const RegisterSparsifier blocks{{.name = "blocks",
                                 .about = "the blocks of r rows and c columns with the largest sums of scores",
                                 .numbers = {{"sparsity", "share of zeros", 0.5, 0, 1},
                                             {"r", "rows of a block", 4, 1, 64, true},
                                             {"c", "columns of a block", 1, 1, 64, true}},
                                 .keep = keep}};

}  // namespace
}  // namespace neap::sparse
