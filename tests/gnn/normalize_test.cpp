#include "neap/gnn/normalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::normalize_test {
namespace {

TEST(Normalize, AgainstTheDenseDefinition) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    const Graph graph = build(edges(vertices, pairs));
    const Dense matrix = dense(vertices, pairs);
    const auto row_sum = [&](std::int64_t v) {  // edges into v
      int sum = 0;
      for (const auto& row : matrix) sum += row[static_cast<std::size_t>(v)];
      return static_cast<double>(sum);
    };
    const auto column_sum = [&](std::int64_t v) {
      int sum = 0;
      for (const int count : matrix[static_cast<std::size_t>(v)]) sum += count;
      return static_cast<double>(sum);
    };
    const auto inverse = [](double degree) { return degree == 0 ? 0 : 1 / degree; };
    const Array symmetric = normalized_weights(graph, Normalization::symmetric, DType::f64),
                row = normalized_weights(graph, Normalization::row), both = normalized_weights(graph, Normalization::both_ends, DType::f64);
    const Pairs forward = listed(graph);
    for (std::size_t e = 0; e < forward.size(); ++e) {
      const auto [source, target] = forward[e];
      const auto edge = static_cast<std::int64_t>(e);
      EXPECT_DOUBLE_EQ(symmetric.get(edge), std::sqrt(inverse(row_sum(source)) * inverse(row_sum(target))));
      EXPECT_DOUBLE_EQ(both.get(edge), std::sqrt(inverse(column_sum(source)) * inverse(row_sum(target))));
      EXPECT_FLOAT_EQ(static_cast<float>(row.get(edge)), static_cast<float>(inverse(row_sum(target))));
    }
    for (std::int64_t v = 0; v < vertices; ++v) {
      EXPECT_EQ(in_degrees(graph).get(v), row_sum(v));
      EXPECT_EQ(out_degrees(graph).get(v), column_sum(v));
    }
  }
}

TEST(Normalize, GivenWeights) {
  const Graph graph = build(edges(2, {{0, 0}, {1, 0}, {0, 1}}));
  const Array weights = Array::of(std::vector<double>{1, 3, 4});
  EXPECT_EQ(numbers(normalized_weights(graph, Normalization::row, DType::f64, weights)), (std::vector<double>{.25, .75, 1}));
  EXPECT_EQ(numbers(normalized_weights(graph, Normalization::symmetric, DType::f64, weights)), (std::vector<double>{.25, .75, 1}));
}

TEST(Normalize, DegreesOfNoneOrLessGiveZero) {
  const Graph graph = build(edges(2, {{1, 0}, {1, 0}}));
  EXPECT_EQ(numbers(normalized_weights(graph, Normalization::symmetric)), (std::vector<double>{0, 0}));
  EXPECT_EQ(numbers(normalized_weights(graph, Normalization::row, DType::f32, Array::of(std::vector<float>{1, -1}))),
            (std::vector<double>{0, 0}));
}

TEST(Normalize, BadInput) {
  const Graph graph = build(edges(2, {{1, 0}, {0, 1}}));
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  expect_error([&] { normalized_weights(graph, Normalization::row, DType::i32); }, "weights of i32");
  expect_error([&] { normalized_weights(graph, Normalization::row, DType::f32, Array::zeros(DType::f32, {3})); },
               "weights of sizes [3] for 2 edges");
  expect_error(
      [&] {
        normalized_weights(graph, Normalization::row, DType::f32, Array::of(std::vector<float>{1, nan}));
      },
      "the weight of edge 1 is nan");
}

}  // namespace
}  // namespace neap::gnn::normalize_test
