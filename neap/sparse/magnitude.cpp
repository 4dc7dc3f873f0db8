// The largest scores of the tensor, or of each of its rows: magnitude pruning (Han et al. 2015, arXiv:1506.02626) where scores are
// magnitudes; movement pruning (Sanh et al. 2020, arXiv:2005.07683), SNIP, Wanda and their like where they are what those methods say.
#include <algorithm>

#include "neap/base/parallel.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const double sparsity = numbers.at("sparsity");
  const Sizes& sizes = given.weights.sizes();
  if (numbers.at("per_row") == 0) return largest(scores, kept_count(given.weights.count(), sparsity), sizes);
  Array mask(DType::boolean, sizes);
  const auto columns = static_cast<std::size_t>(sizes[1]);
  for_each_index(static_cast<std::size_t>(sizes[0]), [&](std::size_t row) {
    const auto first = scores.begin() + static_cast<std::ptrdiff_t>(row * columns);
    const Array mine = largest({first, first + static_cast<std::ptrdiff_t>(columns)}, kept_count(sizes[1], sparsity), {sizes[1]});
    std::copy_n(mine.values<bool>().begin(), columns, mask.values<bool>().begin() + static_cast<std::ptrdiff_t>(row * columns));
  });
  return mask;
}

const RegisterSparsifier magnitude{
    {.name = "magnitude",
     .about = "the largest scores",
     .numbers = {{"sparsity", "share of zeros", 0.5, 0, 1}, {"per_row", "1: in each row alone", 0, 0, 1, true}},
     .keep = keep}};

}  // namespace
}  // namespace neap::sparse
