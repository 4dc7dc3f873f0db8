// A product with a pattern, as an example for passes over its rows.
#pragma once
#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "tests/support/results.h"

namespace neap::pattern_product {

constexpr std::int64_t rows = 37, columns = 23, edges = 400;  // of the pattern

struct Product {
  Graph graph;
  std::vector<Array> inputs;  // x, weights, offsets, columns
};

// Rows of every length, the first and the last without any; columns in no order.
inline Product product(std::int64_t width, DType dtype, Role lists) {
  Product made;
  Array offsets = Array::zeros(DType::i64, {rows + 1}), targets(DType::i32, {edges});
  for (std::int64_t r = 1; r <= rows; ++r)
    offsets.set(r, r == 1 ? 0 : r + 1 >= rows ? edges : static_cast<double>(std::min(edges, r * r * 2 / 5)));
  for (std::int64_t e = 0; e < edges; ++e) targets.set(e, static_cast<double>(e * e * 7 % columns));
  Builder build(made.graph);
  const Var x = build.input("x", {dtype, {columns, width}, {}}), w = build.input("w", {dtype, {edges}, {}}, lists);
  const Var o = build.input("offsets", {DType::i64, {rows + 1}, {}}, lists);
  const Var c = build.input("columns", {DType::i32, {edges}, {}}, lists);
  made.graph.add_output(unary("tanh", build.call("spmm", {x, w, o, c})).id(), "y");
  made.inputs = {filled({columns, width}, 0.3, dtype), filled({edges}, 0.7, dtype), offsets, targets};
  return made;
}

inline void expect_near(const Array& got, const Array& wanted, double bound) {
  ASSERT_EQ(got.sizes(), wanted.sizes());
  for (std::int64_t i = 0; i < got.count(); ++i) ASSERT_NEAR(got.get(i), wanted.get(i), bound) << "element " << i;
}

}  // namespace neap::pattern_product
