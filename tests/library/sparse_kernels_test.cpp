#include "neap/library/sparse_kernels.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "neap/library/sparse_sides.h"
#include "tests/library/sparse_matrices.h"

namespace neap::sparse::sparse_kernels_test {
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
  std::vector<float> x = {};  // of the plain product; empty: random
};

// Calls run(isa, threads, y) on each instruction set, on 1 and on 2 threads, and holds y, untouched before and between its rows, against
// wanted [rows, width].
template <class Run>
void compare(const std::vector<double>& wanted, Count rows, Count width, Run run) {
  const Count stride = width + 3;
  for (const Isa isa : isas()) {
    std::vector<float> on_one;
    for (const int threads : {1, 2}) {
      std::vector<float> y(static_cast<std::size_t>(rows * stride), untouched);
      run(isa, threads, y.data(), stride);
      if (threads == 1) {
        for (std::size_t i = 0; i < y.size(); ++i) {
          const Count row = static_cast<Count>(i) / stride, f = static_cast<Count>(i) % stride;
          const double is = f < width ? wanted[static_cast<std::size_t>(row * width + f)] : untouched;
          if (!is_close(y[i], is))
            FAIL() << name(isa) << ", width " << width << " at " << row << ", " << f << ": " << y[i] << ", not " << is;
        }
        on_one = y;
      }
      ASSERT_TRUE(y.empty() || std::memcmp(on_one.data(), y.data(), y.size() * sizeof(float)) == 0)
          << name(isa) << ": other bits on 2 threads";
    }
  }
}

// A matrix by rows as its columns' lists.
struct ByColumns {
  std::vector<std::int32_t> offsets, rows_of, order;
  BlockMatrix w;

  ByColumns(const RandomMatrix& plain, Value value) : offsets(static_cast<std::size_t>(plain.columns) + 1) {
    std::vector<Stored> stored = plain.stored;
    std::stable_sort(stored.begin(), stored.end(), [](const Stored& a, const Stored& b) { return a.column < b.column; });
    for (const Stored& each : stored) {
      ++offsets[static_cast<std::size_t>(each.column) + 1];
      rows_of.push_back(static_cast<std::int32_t>(each.row));
      order.push_back(static_cast<std::int32_t>(each.place));
    }
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    w = {.rows = plain.columns,
         .columns = plain.rows,
         .value = value,
         .values = plain.of(value),
         .offsets = {offsets.data(), false},
         .columns_of = rows_of.data(),
         .order = {order.data(), false}};
  }
};

// The product with the matrix or its transpose.
template <class Matrix>
void check_product(const RandomMatrix& plain, const Matrix& w, const Case& c, bool transposed) {
  const Count stride = c.width + 3, from = transposed ? plain.rows : plain.columns, rows = transposed ? plain.columns : plain.rows;
  const std::vector<float> x = c.x.empty() ? random_floats(from * stride, 5) : c.x, bias = random_floats(rows, 6);
  std::vector<double> wanted(static_cast<std::size_t>(rows * c.width));
  for (const Stored& each : plain.stored) {
    const Count row = transposed ? each.column : each.row, column = transposed ? each.row : each.column;
    for (Count f = 0; f < c.width; ++f) {
      wanted[static_cast<std::size_t>(row * c.width + f)] +=
          static_cast<double>(plain.values[static_cast<std::size_t>(each.place)]) * x[static_cast<std::size_t>(column * stride + f)];
    }
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    wanted[i] = finished(wanted[i] + (c.bias ? bias[i / static_cast<std::size_t>(c.width)] : 0.0F), c.finish);
  }
  compare(wanted, rows, c.width, [&](Isa isa, int threads, float* y, Count y_stride) {
    const Product product{.x = x.data(),
                          .x_stride = stride,
                          .bias = c.bias ? bias.data() : nullptr,
                          .finish = c.finish,
                          .y = y,
                          .y_stride = y_stride,
                          .width = c.width,
                          .threads = threads,
                          .isa = isa};
    if constexpr (std::is_same_v<Matrix, ByColumns>) {
      multiply(w.w, product);
    } else if constexpr (std::is_same_v<Matrix, DenseMatrix>) {
      multiply(w, product);
    } else {
      transposed ? multiply_transposed(w, product) : multiply(w, product);
    }
  });
}

// The product at stored places, which as a row of values has no stride. NaN and infinity are put in where `special`.
template <class Matrix>
void check_sampled(const RandomMatrix& plain, const Matrix& w, Count width, bool special) {
  const Count stride = width + 2, count = static_cast<Count>(plain.values.size());
  std::vector<float> x = random_floats(plain.columns * stride, 7), dy = random_floats(plain.rows * stride, 8);
  if (special && !x.empty() && !dy.empty()) {
    x[0] = dy[static_cast<std::size_t>((plain.rows - 1) * stride)] = std::numeric_limits<float>::infinity();
    x[static_cast<std::size_t>((plain.columns - 1) * stride)] = std::numeric_limits<float>::quiet_NaN();
  }
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<Count>(i) % stride < width ? x[i] : NAN;  // between the rows
  for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = static_cast<Count>(i) % stride < width ? dy[i] : NAN;
  std::vector<double> wanted(plain.values.size());
  for (const Stored& each : plain.stored) {
    for (Count f = 0; f < width; ++f) {
      wanted[static_cast<std::size_t>(each.place)] +=
          static_cast<double>(dy[static_cast<std::size_t>(each.row * stride + f)]) * x[static_cast<std::size_t>(each.column * stride + f)];
    }
  }
  compare(wanted, 1, count, [&](Isa isa, int threads, float* values, Count) {
    multiply_sampled(w, {.dy = dy.data(),
                         .dy_stride = stride,
                         .x = x.data(),
                         .x_stride = stride,
                         .values = values,
                         .width = width,
                         .threads = threads,
                         .isa = isa});
  });
}

template <class Matrix>
void check(const RandomMatrix& plain, const Matrix& w, const Case& c) {
  check_product(plain, w, c, false);
  check_product(plain, w, c, true);
  check_sampled(plain, w, c.width, false);
}

// The files are compiled for what they are named after.
TEST(SparseKernels, Lanes) {
#if defined(__x86_64__)
  EXPECT_EQ(tiles(Isa::portable).lanes, 4);
  EXPECT_EQ(tiles(Isa::avx2).lanes, 8);
  EXPECT_EQ(tiles(Isa::avx512).lanes, 16);
#endif
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
    for (const Count width : {1, 33, 130}) {
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
    for (const double density : {0.0, 0.2, 1.0}) {
      const RandomBlocks odd(61, 211, height, width, density);
      for (const Count features : {1, 7, 130}) check(odd, odd.matrix(), {.width = features});
      check(odd, odd.matrix(Value::bf16), {.width = 65, .bias = true, .finish = Finish::relu});
    }
  }
}

TEST(SparseKernels, ManyRowsAndKTiles) {
  const RandomNmg nmg(1033, 500, 2, 4, 16);
  check(nmg, nmg.matrix(), {.width = 70, .bias = true});
  check_sampled(nmg, nmg.matrix(), 1100, false);
  const RandomBlocks csr(1033, 1501, 1, 1, 0.02), tall(1033, 3001, 4, 1, 0.02);
  check(csr, csr.matrix(), {.width = 70});
  check(tall, tall.matrix(), {.width = 70});
  const RandomBlocks full(167, 2501, 8, 1, 0.9);  // parts of whose rows meet several panels one after the other, in K tiles
  check(full, full.matrix(), {.width = 170, .bias = true});
  check_sampled(tall, tall.matrix(), 1100, false);
}

// Tokens by tokens: x and y the other way round.
TEST(SparseKernels, TransposedOperands) {
  const RandomNmg nmg(61, 101, 2, 4, 3);
  const RandomBlocks blocks(61, 101, 4, 1, 0.3);
  for (const Count width : {1, 7, 33, 130}) {
    for (const bool transposed : {false, true}) {
      const Count from = transposed ? 61 : 101, to = transposed ? 101 : 61, stride = std::max(from, to) + 3;
      const std::vector<float> x = random_floats(from * width, 3), bias = random_floats(to, 4);
      std::vector<float> other_x(static_cast<std::size_t>(width * stride), NAN);
      for (Count i = 0; i < from * width; ++i)
        other_x[static_cast<std::size_t>(i % width * stride + i / width)] = x[static_cast<std::size_t>(i)];
      for (const Isa isa : isas()) {
        const auto check_of = [&](const auto& w) {
          std::vector<float> y(static_cast<std::size_t>(to * width)), other_y(static_cast<std::size_t>(width * stride), untouched);
          Product product{.x = x.data(),
                          .x_stride = width,
                          .bias = bias.data(),
                          .finish = Finish::relu,
                          .y = y.data(),
                          .y_stride = width,
                          .width = width,
                          .threads = 2,
                          .isa = isa};
          transposed ? multiply_transposed(w, product) : multiply(w, product);
          product.x = other_x.data();
          product.y = other_y.data();
          product.x_stride = product.y_stride = stride;
          product.x_transposed = product.y_transposed = true;
          transposed ? multiply_transposed(w, product) : multiply(w, product);
          for (Count i = 0; i < width * stride; ++i) {
            const Count f = i / stride, row = i % stride;
            ASSERT_EQ(other_y[static_cast<std::size_t>(i)], row < to ? y[static_cast<std::size_t>(row * width + f)] : untouched)
                << name(isa) << " width " << width << " at " << row << ", " << f;
          }
        };
        check_of(nmg.matrix());
        check_of(blocks.matrix());
      }
    }
  }
}

TEST(SparseKernels, Dense) {
  for (const auto& [rows, columns] : {std::array<Count, 2>{61, 101}, {1, 1}, {16, 33}, {0, 3}, {3, 0}}) {
    RandomMatrix plain(rows, columns, 1);
    for (Count i = 0; i < rows * columns; ++i) plain.push(i / columns, i % columns);
    const DenseMatrix w{rows, columns, plain.values.data(), columns};
    for (const Count width : {1, 33}) check_product(plain, w, {.width = width, .bias = true}, false);
  }
}

// The values of a product that sums over images, however many of them stand side by side: one or all that there are, with one left over.
template <class Matrix>
void check_images(const RandomMatrix& plain, const Matrix& w, Count width, Count images) {
  const Count x_image = plain.columns * width, dy_image = plain.rows * width;
  const std::vector<float> x = random_floats(images * x_image, 7), dy = random_floats(images * dy_image, 8);
  std::vector<double> wanted(plain.values.size());
  for (const Stored& each : plain.stored) {
    for (Count i = 0; i < images * width; ++i) {
      const Count image = i / width, f = i % width;
      wanted[static_cast<std::size_t>(each.place)] +=
          static_cast<double>(dy[static_cast<std::size_t>(image * dy_image + each.row * width + f)]) *
          x[static_cast<std::size_t>(image * x_image + each.column * width + f)];
    }
  }
  compare(wanted, 1, static_cast<Count>(plain.values.size()), [&](Isa isa, int threads, float* values, Count) {
    multiply_sampled(w, {.dy = dy.data(),
                         .dy_stride = width,
                         .x = x.data(),
                         .x_stride = width,
                         .values = values,
                         .width = width,
                         .images = images,
                         .dy_image = dy_image,
                         .x_image = x_image,
                         .threads = threads,
                         .isa = isa});
  });
}
TEST(SparseKernels, SampledImages) {
  const RandomNmg nmg(9, 50, 2, 4, 2), ones(10, 41, 1, 5, 3);
  const RandomBlocks csr(9, 50, 1, 1, 0.4), blocks(9, 50, 4, 1, 0.5), wide(7, 50, 2, 3, 0.5);
  struct Size {
    Count width, images;
  };
  for (const Size& size : {Size{1, 3}, {49, 2}, {49, 11}, {64, 8}, {200, 5}, {300, 3}, {513, 2}}) {
    SCOPED_TRACE(fmt::format("{} images of {}", size.images, size.width));
    check_images(nmg, nmg.matrix(), size.width, size.images);
    check_images(ones, ones.matrix(), size.width, size.images);
    check_images(csr, csr.matrix(), size.width, size.images);
    check_images(blocks, blocks.matrix(), size.width, size.images);
    check_images(wide, wide.matrix(), size.width, size.images);
  }
}

// Pictures by windows against the same windows as rows, on every instruction set.
TEST(SparseKernels, Windows) {
  const Count channels = 5, height = 11, width = 13, images = 3;
  const std::vector<float> x = random_floats(images * channels * height * width, 3);
  for (const Count step : {1, 2}) {
    const Windows windows{.height = height,
                          .width = width,
                          .kernel_height = 3,
                          .kernel_width = 2,
                          .out_width = (width + 2 - 2) / step + 1,
                          .row_stride = 1,
                          .column_stride = step,
                          .row_dilation = 2,
                          .column_dilation = 1,
                          .top = 1,
                          .left = 1};
    const Count out_height = height + 1 - 4, places = out_height * windows.out_width, taps = channels * 6;
    std::vector<float> rows(static_cast<std::size_t>(images * taps * places));
    for (Count i = 0; i < images * taps * places; ++i) {
      const Count image = i / (taps * places), tap = i / places % taps, place = i % places;
      const Count h = place / windows.out_width + tap / 2 % 3 * 2 - 1, w = place % windows.out_width * step + tap % 2 - 1;
      const bool inside = h >= 0 && h < height && w >= 0 && w < width;
      rows[static_cast<std::size_t>(i)] = inside ? x[static_cast<std::size_t>(((image * channels + tap / 6) * height + h) * width + w)] : 0;
    }
    const RandomNmg nmg(9, taps, 2, 4, 2);
    const RandomBlocks csr(9, taps, 1, 1, 0.4), blocks(9, taps, 4, 1, 0.4);
    const auto count_of = [&]<class Matrix>(const Matrix& w) {
      if constexpr (std::is_same_v<Matrix, NmgMatrix>)
        return nmg.values.size();
      else
        return (w.height == 1 ? csr : blocks).values.size();
    };
    for (const Isa isa : isas()) {
      const auto check_of = [&](const auto& w) {
        std::vector<float> wanted(static_cast<std::size_t>(images * 9 * places)), y(wanted.size(), untouched);
        Product product{.x = rows.data(),
                        .x_stride = places,
                        .y = wanted.data(),
                        .y_stride = places,
                        .width = places,
                        .images = images,
                        .x_image = taps * places,
                        .y_image = 9 * places,
                        .threads = 2,
                        .isa = isa};
        multiply(w, product);
        product.x = x.data();
        product.y = y.data();
        product.x_image = channels * height * width;
        product.windows = &windows;
        multiply(w, product);
        EXPECT_EQ(y, wanted) << name(isa) << ", step " << step;
        const std::vector<float> dy = random_floats(images * 9 * places, 4);
        std::vector<float> of_rows(count_of(w), untouched), of_windows(of_rows);
        SampledProduct sampled{.dy = dy.data(),
                               .dy_stride = places,
                               .x = rows.data(),
                               .x_stride = places,
                               .values = of_rows.data(),
                               .width = places,
                               .images = images,
                               .dy_image = 9 * places,
                               .x_image = taps * places,
                               .threads = 2,
                               .isa = isa};
        multiply_sampled(w, sampled);
        sampled.x = x.data();
        sampled.values = of_windows.data();
        sampled.x_image = channels * height * width;
        sampled.windows = &windows;
        multiply_sampled(w, sampled);
        EXPECT_EQ(of_windows, of_rows) << name(isa) << ", step " << step;
      };
      check_of(nmg.matrix());
      check_of(csr.matrix());
      check_of(blocks.matrix(Value::bf16));
    }
  }
}

TEST(SparseKernels, ListsByColumns) {
  for (const double density : {0.0, 0.3}) {
    const RandomBlocks csr(61, 211, 1, 1, density);
    for (const Count width : {1, 33, 130}) check_product(csr, ByColumns(csr, Value::f32), {.width = width, .bias = true}, true);
    check_product(csr, ByColumns(csr, Value::bf16), {.width = 130}, true);
  }
}

TEST(SparseKernels, WideOffsets) {
  const RandomBlocks blocks(17, 23, 2, 1, 0.4);
  const std::vector<std::int64_t> offsets(blocks.offsets.begin(), blocks.offsets.end());
  BlockMatrix w = blocks.matrix();
  w.offsets = {offsets.data(), true};
  check(blocks, w, {.width = 9});
}

// As of a graph: a few rows have most of the elements. No thread's share of the rows weighs more than an even one and a row, whatever the
// number of threads; an even number of rows each would.
TEST(SparseKernels, RowsAreSharedByWhatTheyStore) {
  const Count rows = 400, columns = 900;
  const RandomBlocks skewed(rows, columns, 1, 1, [](Count row) { return 1.0 / static_cast<double>(1 + row); });
  const BlockMatrix w = skewed.matrix();
  const Count all = w.offsets[rows], heaviest = w.offsets[1], of_row = 8;
  const BlockSide blocks(w, 256, tiles(Isa::portable));
  const RowSide packed(w, 256, tiles(Isa::portable), 2);
  for (const Count shares : {1, 2, 3, 7, 64, 1000}) {
    Count last = 0;
    for (Count share = 0; share < shares; ++share) {
      const Count begin = group_begin(blocks, share, shares), end = group_begin(blocks, share + 1, shares);
      EXPECT_EQ(begin, last);
      EXPECT_EQ(group_begin(packed, share, shares), begin);
      EXPECT_LE(w.offsets[end] - w.offsets[begin], (all + of_row * rows) / shares + heaviest + of_row) << share << " of " << shares;
      last = end;
    }
    EXPECT_EQ(last, rows);
  }
  EXPECT_GT(w.offsets[rows / 4], all / 2) << "the matrix is not skewed";
  EXPECT_LT(group_begin(blocks, 1, 2), rows / 4);
  for (const Count width : {1, 40, 130}) {
    check(skewed, w, {.width = width, .bias = true});
    check_product(skewed, ByColumns(skewed, Value::f32), {.width = width}, true);
  }
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
    check_product(nmg, nmg.matrix(), c, false);
    check_sampled(nmg, nmg.matrix(), width, true);
  }
  for (const auto& [height, block_width] : {std::array<int, 2>{1, 1}, {4, 1}, {2, 4}, {16, 1}, {3, 1}}) {
    const RandomBlocks blocks(rows, columns, height, block_width, 0.2);
    check_product(blocks, blocks.matrix(), c, false);
    check_sampled(blocks, blocks.matrix(), width, true);
  }
}

}  // namespace
}  // namespace neap::sparse::sparse_kernels_test
