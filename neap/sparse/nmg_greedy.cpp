// Grouped n:m without a search, so that a graph can choose it while it runs: the patterns take their g columns of a chunk one after the
// other, those first that would lose most by any later pattern.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "neap/base/parallel.h"
#include "neap/layouts/geometry.h"
#include "neap/layouts/packing.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::nmg_greedy_sparsifier {
namespace {

NmgGeometry geometry_of(const Numbers& numbers) { return {whole(numbers, "n"), whole(numbers, "m"), whole(numbers, "g")}; }

// The pattern of each column of a chunk. worth[p * columns + c]: what column c keeps by pattern p.
std::vector<std::size_t> choose(const std::vector<float>& worth, std::size_t patterns, std::size_t columns, std::size_t g) {
  std::vector<float> later(columns, 0), advantage(patterns * columns, 0);  // later: the best of the patterns behind
  for (std::size_t p = patterns; p-- > 0;) {
    for (std::size_t c = 0; c < columns; ++c) {
      const float mine = worth[p * columns + c];
      const float gain = p + 1 < patterns ? mine - later[c] : 0;
      advantage[p * columns + c] = std::isnan(gain) ? std::numeric_limits<float>::infinity() : gain;  // of two infinite ones
      later[c] = p + 1 < patterns ? std::max(mine, later[c]) : mine;
    }
  }
  std::vector<std::size_t> chosen(columns), free(columns);
  std::iota(free.begin(), free.end(), std::size_t{0});
  for (std::size_t p = 0; p < patterns; ++p) {
    const float* const by = advantage.data() + p * columns;
    std::stable_sort(free.begin(), free.end(), [&](std::size_t a, std::size_t b) { return by[a] != by[b] ? by[a] > by[b] : a < b; });
    for (std::size_t i = 0; i < g; ++i) chosen[free[i]] = p;
    free.erase(free.begin(), free.begin() + static_cast<std::ptrdiff_t>(g));
  }
  return chosen;
}

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const std::int64_t rows = given.weights.size(0), columns = given.weights.size(1);
  const NmgGeometry of = geometry_of(numbers);
  const auto chunk = static_cast<std::size_t>(of.chunk());
  Array mask = Array::zeros(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  for_each_index(static_cast<std::size_t>((rows + of.m - 1) / of.m), [&](std::size_t group) {
    const std::int64_t top = static_cast<std::int64_t>(group) * of.m;
    std::vector<float> worth(of.patterns.size() * chunk);
    for (std::int64_t first = 0; first < columns; first += of.chunk()) {
      std::fill(worth.begin(), worth.end(), 0.0F);
      const auto for_each_kept = [&](std::size_t p, std::int64_t c, const auto& visit) {
        for (const int row : of.patterns[p]) {
          if (top + row < rows) visit(static_cast<std::size_t>((top + row) * columns + c));
        }
      };
      for (std::size_t p = 0; p < of.patterns.size(); ++p) {
        for (std::int64_t c = first; c < std::min(first + of.chunk(), columns); ++c)
          for_each_kept(p, c, [&](std::size_t at) { worth[p * chunk + static_cast<std::size_t>(c - first)] += scores[at]; });
      }
      const std::vector<std::size_t> chosen = choose(worth, of.patterns.size(), chunk, static_cast<std::size_t>(of.g));
      for (std::int64_t c = first; c < std::min(first + of.chunk(), columns); ++c)
        for_each_kept(chosen[static_cast<std::size_t>(c - first)], c, [&](std::size_t at) { kept[at] = true; });
    }
  });
  return mask;
}

// The same in a graph: a column that is taken counts for nothing from then on. All values are [row groups, chunks, columns].
Var keep_running(Builder& build, const Running& given, const Numbers& numbers) {
  const NmgGeometry of = geometry_of(numbers);
  const Dim &rows = given.x.size(0), &columns = given.x.size(1);
  const Dim groups = ceil_div(rows, of.m), chunks = ceil_div(columns, of.chunk());
  const Shape more{groups * Dim(of.m) - rows, chunks * Dim(of.chunk()) - columns};
  const Var whole = build.call("pad", {cast(unary("abs", given.x), DType::f32)}, {{"before", Shape{0, 0}}, {"after", more}});
  const std::vector<Var> scores = rows_of_groups(build, reshape(whole, {groups, of.m, chunks, of.chunk()}));
  std::vector<Var> worth, later;  // by pattern
  for (const KeptRows& pattern : of.patterns) {
    Var sum = scores[static_cast<std::size_t>(pattern[0])];
    for (std::size_t j = 1; j < pattern.size(); ++j) sum = sum + scores[static_cast<std::size_t>(pattern[j])];
    worth.push_back(sum);
  }
  later.assign(worth.size(), worth.back());
  for (std::size_t p = worth.size() - 1; p-- > 1;) later[p] = build.call("maximum", {worth[p], later[p + 1]});
  const Var none = build.full(DType::boolean, worth[0].shape(), 0);
  const Var lowest = build.constant(DType::f32, std::numeric_limits<float>::lowest()),
            behind_all = build.constant(DType::f32, -std::numeric_limits<double>::infinity());
  std::vector<Var> kept(static_cast<std::size_t>(of.m), none);
  Var taken = none;
  for (std::size_t p = 0; p < worth.size(); ++p) {
    Var mine = build.call("logical_not", {taken});
    if (p + 1 < worth.size()) {
      const Var advantage = where(taken, behind_all, build.call("maximum", {worth[p] - later[p + 1], lowest}));
      mine = build.call("largest", {advantage, build.constant(DType::i64, static_cast<double>(of.g))}, {{"axis", std::int64_t{2}}});
      taken = build.call("logical_or", {taken, mine});
    }
    for (const int row : of.patterns[p]) {
      Var& all = kept[static_cast<std::size_t>(row)];
      all = build.call("logical_or", {all, mine});
    }
  }
  for (Var& row : kept) row = reshape(row, {groups, 1, chunks * Dim(of.chunk())});
  const Var mask = reshape(build.call("concat", kept, {{"axis", std::int64_t{1}}}), {groups * Dim(of.m), chunks * Dim(of.chunk())});
  return build.call("slice", {mask}, {{"starts", Shape{0, 0}}, {"stops", Shape{rows, columns}}});
}

// Of others than whole groups and chunks it depends on the elements.
std::int64_t count(std::int64_t rows, std::int64_t columns, const Numbers& numbers) {
  const NmgGeometry of = geometry_of(numbers);
  of.check_whole(rows, columns, "sparsifier 'nmg_greedy'");
  return rows / of.m * of.n * columns;
}

const RegisterSparsifier nmg_greedy{{.name = "nmg_greedy",
                                     .about = "n of every m rows, columns in groups of g of one pattern, chosen quickly",
                                     .reach = Reach::block,
                                     .numbers = NmgGeometry::numbers(),
                                     .keep = keep,
                                     .keep_running = keep_running,
                                     .count = count,
                                     .layout = "nmg"}};

}  // namespace
}  // namespace neap::sparse::nmg_greedy_sparsifier
