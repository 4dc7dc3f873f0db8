// One sparsity over several matrices together: the largest scores of all that a rule names are kept, so that layers whose weights are small
// lose more ("global" pruning: Blalock et al. 2020, arXiv:2003.03033). Of one matrix alone it is magnitude.
#include "neap/base/error.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::global_magnitude_sparsifier {
namespace {

std::vector<Array> keep_together(const std::vector<Sparsified>& given, const Numbers& numbers) {
  std::vector<float> all;
  for (const Sparsified& one : given) {
    const std::vector<float> scores = scores_of(one);
    all.insert(all.end(), scores.begin(), scores.end());
  }
  const auto count = static_cast<std::int64_t>(all.size());
  const Array together = largest(all, kept_count(count, numbers.at("sparsity")), {count});
  std::vector<Array> masks;
  std::int64_t at = 0;
  for (const Sparsified& one : given) {
    masks.push_back(together.slice_rows(at, at + one.weights.count()).reshape(one.weights.sizes()).clone());
    at += one.weights.count();
  }
  return masks;
}

const RegisterSparsifier global_magnitude{
    {.name = "global_magnitude",
     .about = "the largest scores of all matrices that a rule names together",
     .numbers = {{"sparsity", "share of zeros", 0.5, 0, 1}},
     .keep = [](const Sparsified& given, const Numbers& numbers) { return keep_together({given}, numbers).front(); },
     .keep_together = keep_together}};

}  // namespace
}  // namespace neap::sparse::global_magnitude_sparsifier
