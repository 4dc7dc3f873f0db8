// The largest scores of the tensor, or of each of its rows: magnitude pruning (Han et al. 2015, arXiv:1506.02626) where scores are
// magnitudes; movement pruning (Sanh et al. 2020, arXiv:2005.07683), SNIP, Wanda and their like where they are what those methods say.
#include <algorithm>

#include "neap/base/parallel.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::magnitude_sparsifier {
namespace {

// kept_count of a size that is known only when the graph runs: all positions along the last axis are counted.
Var running_count(Builder& build, const Var& scores, double sparsity) {
  const Var ones = build.call("fill", {}, {{"shape", Shape{scores.size(-1)}}, {"value", 1.0}, {"dtype", DType::i64}});
  const Var share = cast(sum(ones, {}), DType::f64) * (1 - sparsity);
  return cast(unary("floor", share + 0.5), DType::i64);  // as llround rounds what is not negative
}

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

Var keep_running(Builder& build, const Running& given, const Numbers& numbers) {
  const double sparsity = numbers.at("sparsity");
  const bool per_row = numbers.at("per_row") != 0;
  const Var scores = per_row ? given.x : reshape(given.x, {element_count(given.x.shape())});
  const Dim& all = scores.size(-1);
  const Var count = all.is_constant() ? build.constant(DType::i64, static_cast<double>(kept_count(all.constant(), sparsity)))
                                      : running_count(build, scores, sparsity);
  const Var kept = build.call("largest", {unary("abs", scores), count});
  return per_row ? kept : reshape(kept, given.x.shape());
}

std::int64_t count(std::int64_t rows, std::int64_t columns, const Numbers& numbers) {
  const double sparsity = numbers.at("sparsity");
  return numbers.at("per_row") == 0 ? kept_count(rows * columns, sparsity) : rows * kept_count(columns, sparsity);
}

const RegisterSparsifier magnitude{
    {.name = "magnitude",
     .about = "the largest scores",
     .numbers = {{"sparsity", "share of zeros", 0.5, 0, 1}, {"per_row", "1: in each row alone", 0, 0, 1, true}},
     .keep = keep,
     .keep_running = keep_running,
     .count = count,
     .even_rows = [](const Numbers& numbers) { return numbers.at("per_row") != 0; }}};

}  // namespace
}  // namespace neap::sparse::magnitude_sparsifier
