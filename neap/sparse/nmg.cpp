// Grouped n:m (Ivanov et al. 2023, arXiv:2304.07613): in every chunk of columns each pattern of kept rows is used equally often, with the
// largest sum of scores that this allows.
#include <algorithm>

#include "neap/base/parallel.h"
#include "neap/layouts/geometry.h"
#include "neap/sparse/pattern_assignment.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::nmg_sparsifier {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const std::int64_t rows = given.weights.size(0), columns = given.weights.size(1);
  const NmgGeometry geometry(whole(numbers, "n"), whole(numbers, "m"), whole(numbers, "g"));
  const std::vector<KeptRows>& patterns = geometry.patterns;
  const std::int64_t m = geometry.m, count = geometry.pattern_count(), chunk = geometry.chunk();
  Array mask = Array::zeros(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  for_each_index(static_cast<std::size_t>((rows + m - 1) / m), [&](std::size_t group) {
    const std::int64_t top = static_cast<std::int64_t>(group) * m;
    std::vector<float> worth(static_cast<std::size_t>(chunk * count)), column(static_cast<std::size_t>(m), 0);
    for (std::int64_t first = 0; first < columns; first += chunk) {
      std::fill(worth.begin(), worth.end(), 0.0F);
      float* sum = worth.data();
      for (std::int64_t c = first; c < std::min(first + chunk, columns); ++c) {
        for (std::int64_t i = 0; i < std::min(m, rows - top); ++i)
          column[static_cast<std::size_t>(i)] = scores[static_cast<std::size_t>((top + i) * columns + c)];
        for (const KeptRows& pattern : patterns) {
          for (const int row : pattern) *sum += column[static_cast<std::size_t>(row)];
          ++sum;
        }
      }
      const std::vector<int> assigned = assign_patterns(worth, static_cast<int>(count), static_cast<int>(geometry.g));
      for (std::int64_t c = first; c < std::min(first + chunk, columns); ++c) {
        for (const int row : patterns[static_cast<std::size_t>(assigned[static_cast<std::size_t>(c - first)])]) {
          if (top + row < rows) kept[static_cast<std::size_t>((top + row) * columns + c)] = true;
        }
      }
    }
  });
  return mask;
}

const RegisterSparsifier nmg{{.name = "nmg",
                              .about = "n of every m rows, columns in groups of g of one pattern",
                              .reach = Reach::block,
                              .numbers = NmgGeometry::numbers(),
                              .keep = keep,
                              .layout = "nmg"}};

}  // namespace
}  // namespace neap::sparse::nmg_sparsifier
