// Products of matrices against plain loops.
#include "tests/ops/calls.h"

namespace neap::matmul_test {
namespace {

using testing::expect_near;
using testing::random;
using testing::refusal;
using testing::run;

// Row-major product of one matrix pair.
void product(const double* a, const double* b, double* y, std::int64_t rows, std::int64_t inner, std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t k = 0; k < columns; ++k) {
      y[i * columns + k] = 0;
      for (std::int64_t j = 0; j < inner; ++j) y[i * columns + k] += a[i * inner + j] * b[j * columns + k];
    }
}

TEST(Matmul, Matrices) {
  for (const auto& [m, n, k] : {std::tuple{3, 5, 2}, {1, 1, 1}, {7, 1, 3}, {0, 2, 3}, {2, 0, 3}, {4, 3, 0}}) {
    const Array a = random({m, n}), b = random({n, k}, 2), y = run("matmul", {a, b})[0];
    EXPECT_EQ(y.sizes(), (Sizes{m, k}));
    std::vector<double> wanted(static_cast<std::size_t>(m * k));
    product(a.values<double>().data(), b.values<double>().data(), wanted.data(), m, n, k);
    expect_near(y, wanted);
  }
}

TEST(Matmul, VectorsAndBatches) {
  const Array v = random({3}), m = random({3, 2}, 2), batch = random({4, 1, 5, 3}, 3), other = random({2, 3, 2}, 4);
  EXPECT_EQ(run("matmul", {v, v})[0].sizes(), Sizes{});
  EXPECT_EQ(run("matmul", {v, m})[0].sizes(), Sizes{2});
  EXPECT_EQ(run("matmul", {batch, v})[0].sizes(), (Sizes{4, 1, 5}));
  EXPECT_EQ(run("matmul", {v, other})[0].sizes(), (Sizes{2, 2}));
  const Array y = run("matmul", {batch, other})[0];
  EXPECT_EQ(y.sizes(), (Sizes{4, 2, 5, 2}));
  std::vector<double> wanted(80);
  for (std::int64_t i = 0; i < 4; ++i)
    for (std::int64_t j = 0; j < 2; ++j)
      product(batch.values<double>().data() + i * 15, other.values<double>().data() + j * 6, wanted.data() + (i * 2 + j) * 10, 5, 3, 2);
  expect_near(y, wanted);
}

TEST(Matmul, TransposedOperands) {
  const Array a = random({2, 3, 5}), b = random({2, 4, 3}, 2);
  const Array y = run("matmul", {a, b}, {{"transpose_a", true}, {"transpose_b", true}})[0];
  ASSERT_EQ(y.sizes(), (Sizes{2, 5, 4}));
  std::vector<double> wanted(40);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t i = 0; i < 5; ++i)
      for (std::int64_t k = 0; k < 4; ++k)
        for (std::int64_t j = 0; j < 3; ++j)
          wanted[static_cast<std::size_t>((n * 5 + i) * 4 + k)] += a.get((n * 3 + j) * 5 + i) * b.get((n * 4 + k) * 3 + j);
  expect_near(y, wanted);
}

TEST(Matmul, ErrorsAreNamed) {
  const Array a = Array::zeros(DType::f32, {2, 3});
  EXPECT_EQ(refusal("matmul", {a, a}), "matmul: sums over 3 elements of the first and 2 of the second");
  EXPECT_EQ(refusal("matmul", {a, Array::scalar(1.0F)}), "matmul: a number is no matrix");
  EXPECT_EQ(refusal("matmul", {a, Array::zeros(DType::f64, {3, 2})}), "matmul: operands are f32 and f64");
  EXPECT_EQ(refusal("matmul", {Array::zeros(DType::f32, {2, 1, 3}), Array::zeros(DType::f32, {3, 3, 3})}),
            "matmul: batch sizes 2 and 3 do not broadcast");
  EXPECT_EQ(refusal("matmul", {Array::zeros(DType::f32, {3}), Array::zeros(DType::f32, {3})}, {{"transpose_a", true}}),
            "matmul: a vector cannot be transposed");
}

}  // namespace
}  // namespace neap::matmul_test
