// Operators with indices in the data against plain loops: gather, scatter, segments, sorting, and values made of positions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/ops/calls.h"
#include "tests/support/cases.h"
#include "tests/support/expect_error.h"

namespace neap::index_test {
namespace {

using testing::counting;
using testing::numbers;
using testing::run;
using Numbers = std::vector<double>;

Attributes along(std::int64_t axis) { return {{"axis", axis}}; }

TEST(Gather, AlongAnAxis) {
  const Array x = counting({2, 5, 3}), indices = Array::of<std::int64_t>({4, -5, 0, 2}, {2, 2});
  const Array y = run("gather", {x, indices}, along(1))[0];
  ASSERT_EQ(y.sizes(), (Sizes{2, 2, 2, 3}));
  for (int a = 0; a < 2; ++a) {
    for (int i = 0; i < 4; ++i) {
      const std::int64_t row = (indices.get_int(i) + 5) % 5;
      for (int b = 0; b < 3; ++b) EXPECT_EQ(y.get((a * 4 + i) * 3 + b), x.get((a * 5 + row) * 3 + b));
    }
  }
  EXPECT_EQ(numbers(run("embedding", {counting({3, 2}), Array::of<std::int32_t>({2, 0})})[0]), (Numbers{4, 5, 0, 1}));
}

TEST(Gather, Elements) {
  const Array x = counting({3, 4}), indices = Array::of<std::int64_t>({2, 0, -1, 1, 0, 1, 2, -3}, {2, 4});
  const Array y = run("gather_elements", {x, indices})[0];
  for (int i = 0; i < 8; ++i) EXPECT_EQ(y.get(i), x.get((indices.get_int(i) + 3) % 3 * 4 + i % 4));
}

TEST(Gather, ByTuples) {
  const Array x = counting({3, 4, 2});
  EXPECT_EQ(numbers(run("gather_nd", {x, Array::of<std::int64_t>({2, 1, 0, -1}, {2, 2})})[0]), (Numbers{18, 19, 6, 7}));
  EXPECT_EQ(numbers(run("gather_nd", {x, Array::of<std::int64_t>({3, 0, 1}, {3, 1})}, {{"batch_axes", std::int64_t{1}}})[0]),
            (Numbers{6, 7, 8, 9, 18, 19}));
}

TEST(Scatter, AddsRows) {
  const Array updates = counting({4, 2}), indices = Array::of<std::int64_t>({1, 0, 1, -1});
  EXPECT_EQ(numbers(run("scatter_add", {updates, indices}, {{"size", Shape{3}}})[0]), (Numbers{2, 3, 4, 6, 6, 7}));
}

TEST(Scatter, ReplacesByTheLastUpdate) {
  const Array x = Array::of<double>({10, 11, 12, 13, 14}), updates = Array::of<double>({1, 2, 3, 4});
  const Array indices = Array::of<std::int64_t>({3, 0, 3, -2});
  const auto scattered = [&](const char* reduction) {
    return numbers(run("scatter_elements", {x, indices, updates}, {{"reduction", std::string(reduction)}})[0]);
  };
  EXPECT_EQ(scattered("none"), (Numbers{2, 11, 12, 4, 14}));
  EXPECT_EQ(scattered("add"), (Numbers{12, 11, 12, 21, 14}));
  EXPECT_EQ(scattered("max"), (Numbers{10, 11, 12, 13, 14}));
  EXPECT_EQ(scattered("min"), (Numbers{2, 11, 12, 1, 14}));
  expect_error([&] { scattered("mul"); }, "reduction is none of add, max, min");
}

TEST(Scatter, ByTuples) {
  const Array x = Array::zeros(DType::f64, {2, 3}), indices = Array::of<std::int64_t>({1, 0, 1, -1, 1, 0}, {3, 2});
  const Array updates = Array::of<double>({5, 6, 7});
  EXPECT_EQ(numbers(run("scatter_nd", {x, indices, updates})[0]), (Numbers{0, 0, 0, 7, 0, 6}));
  EXPECT_EQ(numbers(run("scatter_nd", {x, indices, updates}, {{"reduction", std::string("add")}})[0]), (Numbers{0, 0, 0, 12, 0, 6}));
  const Array rows = Array::of<std::int64_t>({1}, {1, 1});
  EXPECT_EQ(numbers(run("scatter_nd", {x, rows, Array::of<double>({1, 2, 3}, {1, 3})})[0]), (Numbers{0, 0, 0, 1, 2, 3}));
}

TEST(Segment, ReducesRaggedRows) {
  const Array values = Array::of<double>({1, 2, 3, 4, -5, 6, 7, 8, 9, 10}, {5, 2});
  const Array offsets = Array::of<std::int64_t>({0, 2, 2, 5});
  EXPECT_EQ(numbers(run("segment_sum", {values, offsets})[0]), (Numbers{4, 6, 0, 0, 11, 24}));
  EXPECT_EQ(numbers(run("segment_mean", {values, offsets})[0]), (Numbers{2, 3, 0, 0, 11.0 / 3, 8}));
  EXPECT_EQ(numbers(run("segment_max", {values, offsets})[0]), (Numbers{3, 4, -HUGE_VAL, -HUGE_VAL, 9, 10}));
  EXPECT_EQ(numbers(run("segment_min", {values, offsets})[0]), (Numbers{1, 2, HUGE_VAL, HUGE_VAL, -5, 6}));
  EXPECT_EQ(numbers(run("segment_broadcast", {Array::of<double>({7, 8, 9}), offsets}, {{"entries", Shape{5}}})[0]),
            (Numbers{7, 7, 9, 9, 9}));
}

TEST(Indices, OutOfRangeAreRefused) {
  const Array x = counting({3}), far = Array::of<std::int64_t>({0, 3});
  expect_error([&] { run("gather", {x, far}); }, "read at 3 on axis 0 of [3]", "gather");
  expect_error([&] { run("embedding", {x, Array::of<std::int64_t>({-1})}); }, "read at -1 on axis 0 of [3]");
  expect_error([&] { run("scatter_add", {counting({2}), far}, {{"size", Shape{3}}}); }, "write at 3 on axis 0 of [3]");
  expect_error([&] { run("segment_sum", {x, Array::of<std::int64_t>({0, 4})}); }, "read at 3 on axis 0 of [3]");
  expect_error([&] { run("gather", {x, x}); }, "indices are f64");
  expect_error([&] { run("gather_elements", {x, Array::zeros(DType::i64, {1, 1})}); }, "x and indices differ in rank");
  expect_error([&] { run("gather_elements", {counting({2, 2}), Array::zeros(DType::i64, {1, 3})}); }, "indices have 3 elements on axis 1");
  expect_error([&] { run("gather_nd", {x, Array::zeros(DType::i64, {1, 2})}); }, "the last axis of indices has 2 elements");
  expect_error([&] { run("scatter_nd", {x, Array::zeros(DType::i64, {1, 1}), counting({2})}); }, "updates are [2], not [1]");
  expect_error([&] { run("segment_sum", {x, Array::zeros(DType::i64, {1, 1})}); }, "offsets have one axis");
}

// The order that a stable sort of the standard library gives, NaN last.
std::vector<std::size_t> sorted_order(const Numbers& x, bool descending) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](std::size_t i) { return std::pair(std::isnan(x[i]), std::isnan(x[i]) ? 0 : x[i]); };
    return descending ? key(b) < key(a) : key(a) < key(b);
  });
  return order;
}

TEST(Sort, IsStableAndPutsNanLast) {
  const Numbers x{3, std::nan(""), -1, 3, HUGE_VAL, -0.0, 0.0, -HUGE_VAL, std::nan(""), -1};
  for (const bool descending : {false, true}) {
    const std::vector<std::size_t> order = sorted_order(x, descending);
    const Array places = run("argsort", {Array::of(x)}, {{"descending", descending}})[0];
    const Array sorted = run("sort", {Array::of(x)}, {{"descending", descending}})[0];
    const std::vector<Array> top = run("top_k", {Array::of(x)}, {{"k", Shape{4}}, {"largest", descending}});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      EXPECT_EQ(places.get_int(at), static_cast<std::int64_t>(order[i])) << i;
      EXPECT_TRUE(sorted.get(at) == x[order[i]] || (std::isnan(sorted.get(at)) && std::isnan(x[order[i]])));
      if (i >= 4) continue;
      EXPECT_EQ(top[1].get_int(at), static_cast<std::int64_t>(order[i]));
      EXPECT_TRUE(top[0].get(at) == x[order[i]] || (std::isnan(top[0].get(at)) && std::isnan(x[order[i]])));
    }
  }
  EXPECT_EQ(numbers(run("sort", {Array::of<double>({3, 1, 2, 9, 8, 7}, {3, 2})}, along(0))[0]), (Numbers{2, 1, 3, 7, 8, 9}));
  expect_error([&] { run("top_k", {counting({3})}, {{"k", Shape{4}}}); }, "k is 4 of 3 elements");
}

TEST(Fill, ValuesOfPositions) {
  EXPECT_EQ(numbers(run("arange", {}, {{"size", Shape{3}}, {"start", 2.0}, {"step", -1.5}, {"dtype", DType::f64}})[0]),
            (Numbers{2, 0.5, -1}));
  EXPECT_EQ(run("arange", {}, {{"size", Shape{70000}}, {"dtype", DType::f16}})[0].get(60000), 60000);
  EXPECT_EQ(numbers(run("eye", {}, {{"rows", Shape{2}}, {"columns", Shape{3}}, {"diagonal", std::int64_t{1}}})[0]),
            (Numbers{0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(numbers(run("one_hot", {Array::of<std::int64_t>({2, 0, 7})}, {{"depth", Shape{3}}})[0]), (Numbers{0, 0, 1, 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(run("one_hot", {Array::zeros(DType::i64, {2, 5})}, {{"depth", Shape{3}}, {"axis", std::int64_t{1}}})[0].sizes(),
            (Sizes{2, 3, 5}));
  EXPECT_EQ(numbers(run("triu", {counting({2, 3})}, {{"diagonal", std::int64_t{1}}})[0]), (Numbers{0, 1, 2, 0, 0, 5}));
  EXPECT_EQ(numbers(run("tril", {counting({2, 3})})[0]), (Numbers{0, 0, 0, 3, 4, 0}));
  expect_error([&] { run("arange", {}, {{"size", Shape{-1}}}); }, "size -1 is negative");
  expect_error([&] { run("triu", {counting({3})}); }, "x is no matrix");
}

TEST(Repeat, CopiesWholesAndElements) {
  EXPECT_EQ(numbers(run("tile", {counting({2, 2})}, {{"repeats", Shape{2, 2}}})[0]),
            (Numbers{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3}));
  EXPECT_EQ(numbers(run("repeat", {counting({2, 2})}, {{"repeats", Shape{2}}, {"axis", std::int64_t{1}}})[0]),
            (Numbers{0, 0, 1, 1, 2, 2, 3, 3}));
  expect_error([&] { run("tile", {counting({2})}, {{"repeats", Shape{-2}}}); }, "-2 repeats");
}

TEST(DepthToSpace, MovesBlocks) {
  const Array x = counting({1, 8, 2, 3});
  for (const char* mode : {"DCR", "CRD"}) {
    const Array y = run("depth_to_space", {x}, {{"block", std::int64_t{2}}, {"mode", std::string(mode)}})[0];
    ASSERT_EQ(y.sizes(), (Sizes{1, 2, 4, 6}));
    for (int c = 0; c < 2; ++c) {
      for (int h = 0; h < 4; ++h) {
        for (int w = 0; w < 6; ++w) {
          const int block = h % 2 * 2 + w % 2, channel = mode[0] == 'D' ? block * 2 + c : c * 4 + block;
          EXPECT_EQ(y.get((c * 4 + h) * 6 + w), x.get((channel * 2 + h / 2) * 3 + w / 2));
        }
      }
    }
    if (mode[0] == 'D') {
      EXPECT_EQ(numbers(run("space_to_depth", {y}, {{"block", std::int64_t{2}}})[0]), numbers(x));
    }
  }
  expect_error([&] { run("depth_to_space", {counting({1, 6, 2, 3})}, {{"block", std::int64_t{2}}}); }, "a size of 6 does not divide by 4");
  expect_error([&] { run("space_to_depth", {counting({6, 2, 3})}, {{"block", std::int64_t{2}}}); }, "takes [N, C, H, W]");
}

// ONNX's Resize, in floating point, of one row.
Numbers resized(const Numbers& x, std::int64_t size, double scale, const std::string& mode, const std::string& coordinates,
                const std::string& rounding) {
  const auto n = static_cast<std::int64_t>(x.size());
  const auto at = [&](double i) { return x[static_cast<std::size_t>(std::clamp<std::int64_t>(static_cast<std::int64_t>(i), 0, n - 1))]; };
  Numbers y;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto place = static_cast<double>(i);
    double position = place / scale;
    if (coordinates == "align_corners") position = size == 1 ? 0 : place * static_cast<double>(n - 1) / static_cast<double>(size - 1);
    if (coordinates == "half_pixel" || (coordinates == "pytorch_half_pixel" && size > 1)) position = (place + 0.5) / scale - 0.5;
    if (coordinates == "pytorch_half_pixel" && size == 1) position = 0;
    if (mode == "linear") {
      const double low = std::floor(position), weight = position - low;
      y.push_back(at(low) * (1 - weight) + at(low + 1) * weight);
    } else if (rounding == "floor") {
      y.push_back(at(std::floor(position)));
    } else if (rounding == "ceil") {
      y.push_back(at(std::ceil(position)));
    } else if (rounding == "round_prefer_floor") {
      y.push_back(at(std::ceil(position - 0.5)));
    } else {
      y.push_back(at(std::floor(position + 0.5)));
    }
  }
  return y;
}

TEST(Resize, IsOnnxs) {
  for (const std::int64_t from : {1, 2, 3, 4, 7}) {
    Numbers x;
    for (std::int64_t i = 0; i < from; ++i) x.push_back(std::sin(static_cast<double>(i)));
    for (const std::int64_t to : {1, 2, 4, 5, 8, 14}) {
      for (const char* coordinates : {"half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"}) {
        for (const char* rounding : {"linear", "floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}) {
          const bool linear = std::string(rounding) == "linear";
          // Positions that fall between in exact arithmetic may not do so in floating point.
          if (!linear && (from * to) % 7 == 0 && from != to * 2 && to != from * 2) continue;
          const std::string mode = linear ? "linear" : "nearest";
          const Array y = run("resize", {Array::of(x)},
                              {{"sizes", Shape{to}},
                               {"mode", mode},
                               {"coordinates", std::string(coordinates)},
                               {"rounding", linear ? std::string("floor") : std::string(rounding)}})[0];
          const double scale = static_cast<double>(to) / static_cast<double>(from);
          EXPECT_TRUE(testing::close(y, Array::of(resized(x, to, scale, mode, coordinates, rounding)), 1e-12))
              << from << " to " << to << " " << coordinates << " " << rounding;
        }
      }
    }
  }
}

TEST(Resize, ByScales) {
  const Numbers x{1, 2, 3, 4, 5};
  for (const double scale : {2.0, 0.5, 1.5, 1.25, 0.75, 3.0}) {
    const Array y = run("resize", {Array::of(x)}, {{"scales", std::vector<double>{scale}}, {"mode", std::string("linear")}})[0];
    const auto size = static_cast<std::int64_t>(std::floor(5 * scale));
    EXPECT_TRUE(testing::close(y, Array::of(resized(x, size, scale, "linear", "half_pixel", "")), 1e-12)) << scale;
  }
  const Array image = counting({1, 1, 2, 2});
  EXPECT_EQ(
      numbers(
          run("resize", {image},
              {{"scales", std::vector<double>{2, 1}}, {"coordinates", std::string("asymmetric")}, {"rounding", std::string("floor")}})[0]),
      (Numbers{0, 1, 0, 1, 2, 3, 2, 3}));
  expect_error([&] { run("resize", {image}); }, "takes scales or sizes");
  expect_error([&] { run("resize", {image}, {{"scales", std::vector<double>{-1.0}}}); }, "a scale of -1");
  expect_error(
      [&] {
        run("resize", {image}, {{"sizes", Shape{3}}, {"mode", std::string("cubic")}});
      },
      "mode is neither nearest nor linear");
  expect_error([&] { run("resize", {image}, {{"sizes", Shape{3}}, {"coordinates", std::string("x")}}); }, "coordinates are none of");
}

}  // namespace
}  // namespace neap::index_test
