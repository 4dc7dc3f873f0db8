#include "neap/library/sparse_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/library/sparse_matrices.h"

namespace neap::sparse {
namespace {

std::vector<Isa> isas() {
  std::vector<Isa> found;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (supports(isa)) found.push_back(isa);
  }
  return found;
}

std::vector<float> random_floats(Count count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> made(static_cast<std::size_t>(count));
  for (float& each : made) each = std::normal_distribution<float>()(random);
  return made;
}

double finished(double x, Finish how) {
  if (how == Finish::relu) return std::max(x, 0.0);
  if (how == Finish::gelu) return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
  if (how == Finish::swish) return x / (1 + std::exp(-x));
  return x;
}

bool is_close(float ours, double wanted) {
  if (std::isnan(wanted)) return std::isnan(ours);
  return ours == wanted || std::abs(ours - wanted) <= 1e-4 * std::max(1.0, std::abs(wanted));
}

constexpr float untouched = 77;

struct Case {
  Count width = 1;
  bool bias = false;
  Finish finish = Finish::none;
  std::vector<float> x = {};  // empty: random
};

// On each instruction set, on 1 and 2 threads, with rows that lie apart, against a plain loop.
template <class Matrix>
void check(const RandomMatrix& plain, const Matrix& w, const Case& c) {
  const Count stride = c.width + 3;
  const std::vector<float> x = c.x.empty() ? random_floats(plain.columns * stride, 5) : c.x;
  const std::vector<float> bias = random_floats(plain.rows, 6);
  std::vector<double> wanted(static_cast<std::size_t>(plain.rows * c.width));
  for (const Stored& each : plain.stored) {
    for (Count f = 0; f < c.width; ++f) {
      wanted[static_cast<std::size_t>(each.row * c.width + f)] +=
          static_cast<double>(plain.values[static_cast<std::size_t>(each.place)]) * x[static_cast<std::size_t>(each.column * stride + f)];
    }
  }
  for (const Isa isa : isas()) {
    std::vector<float> first;
    for (const int threads : {1, 2}) {
      std::vector<float> y(static_cast<std::size_t>(plain.rows * stride), untouched);
      multiply(w, {.x = x.data(),
                   .x_stride = stride,
                   .bias = c.bias ? bias.data() : nullptr,
                   .finish = c.finish,
                   .y = y.data(),
                   .y_stride = stride,
                   .width = c.width,
                   .threads = threads,
                   .isa = isa});
      const std::string what = std::string(name(isa)) + " on " + std::to_string(threads) + " threads, width " + std::to_string(c.width);
      for (Count row = 0; row < plain.rows; ++row) {
        for (Count f = 0; f < stride; ++f) {
          const auto at = static_cast<std::size_t>(row * stride + f);
          if (f >= c.width) {
            ASSERT_EQ(y[at], untouched) << what << " wrote beyond a row";
            continue;
          }
          const double sum = wanted[static_cast<std::size_t>(row * c.width + f)] + (c.bias ? bias[static_cast<std::size_t>(row)] : 0.0F);
          const double result = finished(sum, c.finish);
          ASSERT_TRUE(is_close(y[at], result)) << what << " at " << row << ", " << f << ": " << y[at] << " in place of " << result;
        }
      }
      if (threads == 1) first = y;
      EXPECT_EQ(std::memcmp(first.data(), y.data(), y.size() * sizeof(float)), 0) << what << ": other bits than on 1";
    }
  }
}

TEST(SparseKernels, Nmg) {
  for (const auto& [n, m, g] : {std::array<int, 3>{2, 4, 16},
                                {2, 4, 1},
                                {1, 4, 5},
                                {1, 2, 3},
                                {1, 10, 2},
                                {2, 8, 3},
                                {4, 8, 1},
                                {3, 5, 2},
                                {1, 1, 7},
                                {4, 4, 2},
                                {2, 3, 2},
                                {5, 6, 3}}) {
    SCOPED_TRACE(std::to_string(n) + ":" + std::to_string(m) + ":" + std::to_string(g));
    for (const Count width : {1, 7, 33, 130}) {
      const RandomNmg odd(61, 101, n, m, g), small(1, 1, n, m, g), even(Count{m} * 20, binomial(m, n) * g * 2, n, m, g);
      check(odd, odd.matrix(), {.width = width});
      check(small, small.matrix(), {.width = width});
      check(even, even.matrix(), {.width = width});
    }
    const RandomNmg odd(61, 101, n, m, g);
    check(odd, odd.matrix(Value::bf16), {.width = 65, .bias = true, .finish = Finish::relu});
    check(odd, odd.matrix(Value::f32, true), {.width = 65, .bias = true});
    check(odd, odd.matrix(Value::bf16, true), {.width = 5});
  }
}

TEST(SparseKernels, Blocks) {
  for (const auto& [height, width] :
       {std::array<int, 2>{1, 1}, {2, 1}, {4, 1}, {8, 1}, {16, 1}, {1, 4}, {4, 4}, {2, 3}, {3, 2}, {16, 2}, {5, 1}}) {
    SCOPED_TRACE(std::to_string(height) + "x" + std::to_string(width));
    for (const double density : {0.0, 0.1, 0.5, 1.0}) {
      const RandomBlocks odd(61, 401, height, width, density);
      for (const Count features : {1, 7, 33, 130}) check(odd, odd.matrix(), {.width = features});
      check(odd, odd.matrix(Value::bf16), {.width = 65, .bias = true, .finish = Finish::relu});
    }
  }
}

TEST(SparseKernels, ManyRowsAndKTiles) {
  const RandomNmg nmg(2053, 1000, 2, 4, 16);
  check(nmg, nmg.matrix(), {.width = 70, .bias = true});
  const RandomBlocks csr(2053, 3001, 1, 1, 0.01), tall(2053, 3001, 4, 1, 0.02);
  check(csr, csr.matrix(), {.width = 70});
  check(tall, tall.matrix(), {.width = 70});
}

TEST(SparseKernels, WideOffsets) {
  const RandomBlocks blocks(17, 23, 2, 1, 0.4);
  const std::vector<std::int64_t> offsets(blocks.offsets.begin(), blocks.offsets.end());
  BlockMatrix w = blocks.matrix();
  w.offsets = {offsets.data(), true};
  check(blocks, w, {.width = 9});
}

TEST(SparseKernels, Finishes) {
  const RandomNmg nmg(10, 30, 2, 4, 2);
  const RandomBlocks blocks(10, 30, 4, 1, 0.5);
  for (const Finish finish : {Finish::none, Finish::relu, Finish::gelu, Finish::swish}) {
    for (const bool bias : {false, true}) {
      check(nmg, nmg.matrix(), {.width = 21, .bias = bias, .finish = finish});
      check(blocks, blocks.matrix(), {.width = 21, .bias = bias, .finish = finish});
    }
  }
}

TEST(SparseKernels, Empty) {
  for (const auto& [rows, columns] : {std::array<Count, 2>{0, 5}, {5, 0}, {0, 0}}) {
    const RandomNmg nmg(rows, columns, 2, 4, 2);
    const RandomBlocks blocks(rows, columns, 4, 1, 0.5);
    for (const Count width : {0, 1, 9}) {
      check(nmg, nmg.matrix(), {.width = width, .bias = true});
      check(blocks, blocks.matrix(), {.width = width, .bias = true});
    }
  }
}

// What is not stored is not multiplied: NaN and infinity are seen where a value is stored in their column, and nowhere else.
TEST(SparseKernels, NotFinite) {
  const Count rows = 37, columns = 53, width = 20, stride = width + 3;
  std::vector<float> x = random_floats(columns * stride, 9);
  x[static_cast<std::size_t>(7 * stride + 3)] = std::numeric_limits<float>::quiet_NaN();
  x[static_cast<std::size_t>(52 * stride + 19)] = std::numeric_limits<float>::infinity();
  for (Count column = 0; column < columns; ++column) x[static_cast<std::size_t>(column * stride + width)] = NAN;  // between the rows
  const Case c{.width = width, .x = x};
  for (const auto& [n, m, g] : {std::array<int, 3>{2, 4, 2}, {1, 4, 3}, {2, 8, 1}, {3, 5, 1}}) {
    const RandomNmg nmg(rows, columns, n, m, g);
    check(nmg, nmg.matrix(), c);
  }
  for (const auto& [height, block_width] : {std::array<int, 2>{1, 1}, {4, 1}, {2, 4}, {16, 1}, {3, 1}}) {
    const RandomBlocks blocks(rows, columns, height, block_width, 0.2);
    check(blocks, blocks.matrix(), c);
  }
}

}  // namespace
}  // namespace neap::sparse
