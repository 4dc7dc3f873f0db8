// The n largest scores of every m rows of a column.
#include <algorithm>

#include "neap/base/parallel.h"
#include "neap/layouts/patterns.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::nm_sparsifier {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const std::int64_t rows = given.weights.size(0), columns = given.weights.size(1);
  const std::int64_t n = whole(numbers, "n"), m = whole(numbers, "m");
  check_kept_rows(n, m, given.place);
  Array mask = Array::zeros(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  for_each_index(static_cast<std::size_t>((rows + m - 1) / m), [&](std::size_t group) {
    const std::int64_t first = static_cast<std::int64_t>(group) * m, count = std::min(m, rows - first);
    std::vector<std::size_t> order(static_cast<std::size_t>(count));
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t i = 0; i < count; ++i) order[static_cast<std::size_t>(i)] = static_cast<std::size_t>((first + i) * columns + c);
      std::sort(order.begin(), order.end(),
                [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
      for (std::int64_t i = 0; i < std::min(n, count); ++i) kept[order[static_cast<std::size_t>(i)]] = true;
    }
  });
  return mask;
}

// The rank of each among the m rows of its group; rows behind the end count as 0 and come last.
Var keep_running(Builder& build, const Running& given, const Numbers& numbers) {
  const std::int64_t n = whole(numbers, "n"), m = whole(numbers, "m");
  check_kept_rows(n, m, "sparsifier 'nm'");
  const Dim &rows = given.x.size(0), &columns = given.x.size(1), groups = ceil_div(rows, m);
  const Var whole = build.call("pad", {unary("abs", given.x)}, {{"before", Shape{0, 0}}, {"after", Shape{groups * Dim(m) - rows, 0}}});
  const Var ranks = build.call("rank", {reshape(whole, {groups, m, columns})}, {{"axis", std::int64_t{1}}, {"descending", true}});
  const Var kept = reshape(build.call("less", {ranks, build.constant(DType::i64, static_cast<double>(n))}), {groups * Dim(m), columns});
  return build.call("slice", {kept}, {{"starts", Shape{0}}, {"stops", Shape{rows}}, {"axes", std::vector<std::int64_t>{0}}});
}

std::int64_t count(std::int64_t rows, std::int64_t columns, const Numbers& numbers) {
  const std::int64_t n = whole(numbers, "n"), m = whole(numbers, "m");
  return columns * (rows / m * n + std::min(rows % m, n));
}

const RegisterSparsifier nm{{.name = "nm",
                             .about = "the n largest scores of every m rows of a column",
                             .reach = Reach::block,
                             .numbers = {{"n", "rows kept", 2, 1, 64, true}, {"m", "of so many", 4, 1, 64, true}},
                             .keep = keep,
                             .keep_running = keep_running,
                             .count = count,
                             .layout = "nm"}};

}  // namespace
}  // namespace neap::sparse::nm_sparsifier
