// The n largest scores of every m rows of a column.
#include <algorithm>
#include <numeric>

#include "neap/base/error.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const std::int64_t rows = given.weights.size(0), columns = given.weights.size(1);
  const auto n = static_cast<std::int64_t>(numbers.at("n")), m = static_cast<std::int64_t>(numbers.at("m"));
  if (n > m) throw Error(fmt::format("{} of {} rows cannot be kept", n, m), given.place, "n is from 1 to m");
  Array mask = Array::zeros(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  std::vector<std::size_t> order;
  for (std::int64_t first = 0; first < rows; first += m) {
    for (std::int64_t c = 0; c < columns; ++c) {
      order.clear();
      for (std::int64_t r = first; r < std::min(first + m, rows); ++r) order.push_back(static_cast<std::size_t>(r * columns + c));
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
      order.resize(std::min(order.size(), static_cast<std::size_t>(n)));
      for (const std::size_t one : order) kept[one] = true;
    }
  }
  return mask;
}

const RegisterSparsifier nm{{.name = "nm",
                             .about = "the n largest scores of every m rows of a column",
                             .reach = Reach::block,
                             .numbers = {{"n", "rows kept", 2, 1, 64, true}, {"m", "of so many", 4, 1, 64, true}},
                             .keep = keep}};

}  // namespace
}  // namespace neap::sparse
