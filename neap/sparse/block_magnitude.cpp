// The blocks with the largest sums of scores, for layouts of small dense blocks.
#include <algorithm>

#include "neap/base/error.h"
#include "neap/layouts/geometry.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::block_magnitude_sparsifier {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  const std::int64_t rows = given.weights.size(0), columns = given.weights.size(1);
  const std::int64_t r = whole(numbers, "r"), c = whole(numbers, "c");
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

Var keep_running(Builder& build, const Running& given, const Numbers& numbers) {
  const std::int64_t r = whole(numbers, "r"), c = whole(numbers, "c");
  const Dim &rows = given.x.size(0), &columns = given.x.size(1), block_rows = ceil_div(rows, r), block_columns = ceil_div(columns, c);
  const Dim all = block_rows * block_columns;
  if (!all.is_constant())
    throw Error(fmt::format("the value is {}, whose sizes are open", given.x.type().to_string()), "sparsifier 'blocks'", "give the sizes");
  const Shape more{block_rows * Dim(r) - rows, block_columns * Dim(c) - columns}, split{block_rows, r, block_columns, c};
  const Var whole = build.call("pad", {cast(unary("abs", given.x), DType::f32)}, {{"before", Shape{0, 0}}, {"after", more}});
  const Var sums = reshape(sum(reshape(whole, split), {1, 3}), {all});
  const Var most = build.constant(DType::i64, static_cast<double>(kept_count(all.constant(), numbers.at("sparsity"))));
  const Var kept = reshape(build.call("largest", {sums, most}), {block_rows, 1, block_columns, 1});
  return build.call("slice", {reshape(expand(kept, split), {block_rows * Dim(r), block_columns * Dim(c)})},
                    {{"starts", Shape{0, 0}}, {"stops", Shape{rows, columns}}});
}

// Of others than whole blocks it depends on the elements.
std::int64_t count(std::int64_t rows, std::int64_t columns, const Numbers& numbers) {
  const BlockGeometry of{whole(numbers, "r"), whole(numbers, "c")};
  of.check_whole(rows, columns, "sparsifier 'blocks'");
  return kept_count(rows / of.r * (columns / of.c), numbers.at("sparsity")) * of.r * of.c;
}

// The layout's, and how much is left out.
std::vector<ChoiceNumber> all_numbers() {
  std::vector<ChoiceNumber> all = BlockGeometry::numbers();
  all.insert(all.begin(), {"sparsity", "share of zeros", 0.5, 0, 1});
  return all;
}

const RegisterSparsifier blocks{{.name = "blocks",
                                 .about = "the blocks of r rows and c columns with the largest sums of scores",
                                 .numbers = all_numbers(),
                                 .keep = keep,
                                 .keep_running = keep_running,
                                 .count = count,
                                 .layout = "blocks"}};

}  // namespace
}  // namespace neap::sparse::block_magnitude_sparsifier
