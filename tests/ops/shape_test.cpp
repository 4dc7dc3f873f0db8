// Operators that move elements, against plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/ops/calls.h"

namespace neap::shape_test {
namespace {

using testing::counting;
using testing::numbers;
using testing::run;

TEST(Reshape, KeepsRowMajorOrder) {
  const std::vector<std::pair<Sizes, Sizes>> pairs = {
      {{2, 3, 4}, {6, 4}}, {{6, 4}, {2, 3, 4}}, {{6, 4}, {4, 6}},    {{2, 6, 4, 5}, {2, 4, 6, 5}},   {{1, 7, 1}, {7}},
      {{}, {1, 1}},        {{1}, {}},           {{0, 3}, {5, 0, 2}}, {{4, 9}, {2, 2, 3, 3}},         {{2, 2, 3, 3}, {4, 9}},
      {{12, 5}, {3, 20}},  {{3, 20}, {12, 5}},  {{10, 6}, {4, 15}},  {{2, 10, 6, 7}, {2, 4, 15, 7}}, {{1, 1, 6}, {3, 1, 2, 1}}};
  for (const auto& [from, to] : pairs) {
    for (const DType dtype : {DType::f32, DType::i64}) {
      const Array x = counting(from, dtype);
      const Array y = run("reshape", {x}, {{"shape", Shape(to.begin(), to.end())}})[0];
      EXPECT_EQ(y.sizes(), to);
      EXPECT_EQ(numbers(y), numbers(x)) << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(Reshape, InfersOneSize) {
  EXPECT_EQ(run("reshape", {counting({4, 6})}, {{"shape", Shape{-1, 3}}})[0].sizes(), (Sizes{8, 3}));
  Graph graph;
  Builder build(graph);
  const Dim n = Dim::symbol("N");
  const Var x = build.input("x", {DType::f32, {n, 3, 28, 28}, {}});
  EXPECT_EQ(build.call("reshape", {x}, {{"shape", Shape{-1, 784}}}).shape(), (Shape{Dim(3) * n, 784}));
  EXPECT_EQ(build.call("reshape", {x}, {{"shape", Shape{n, -1}}}).shape(), (Shape{n, 2352}));
  EXPECT_THROW(build.call("reshape", {x}, {{"shape", Shape{-1, 5}}}), Error);
  EXPECT_THROW(build.call("reshape", {x}, {{"shape", Shape{-1, -1}}}), Error);
  EXPECT_THROW(build.call("reshape", {x}, {{"shape", Shape{n, 2351}}}), Error);
}

TEST(Reshape, SplitsAndMergesWithoutDivision) {
  Graph graph;
  Builder build(graph);
  const Dim n = Dim::symbol("N");
  const Var x = build.input("x", {DType::f32, {n, 6, 28, 28}, {}});
  for (const Shape& shape : {Shape{n, 4704}, Shape{n, 2, 3, 784}, Shape{Dim(6) * n, 28, 28}, Shape{n, 3, 2, 4, 7, 28}}) {
    reshape(x, shape);
    const Primitive primitive = define(make_call(graph, *graph.nodes().back()));
    for (const Stage& stage : primitive.map.stages) {
      visit(stage.value, [](const Expr& e) { EXPECT_TRUE(e->op != Scalar::mod && e->op != Scalar::floor_div); });
    }
  }
}

TEST(Transpose, MovesAxes) {
  const Array x = counting({2, 3, 5});
  const Array y = run("transpose", {x}, {{"permutation", std::vector<std::int64_t>{2, 0, 1}}})[0];
  ASSERT_EQ(y.sizes(), (Sizes{5, 2, 3}));
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 2; ++j) {
      for (int k = 0; k < 3; ++k) EXPECT_EQ(y.get((i * 2 + j) * 3 + k), x.get((j * 3 + k) * 5 + i));
    }
  }
  EXPECT_EQ(run("transpose", {x})[0].sizes(), (Sizes{5, 3, 2}));
  EXPECT_THROW(run("transpose", {x}, {{"permutation", std::vector<std::int64_t>{0, 0, 1}}}), Error);
  EXPECT_THROW(run("transpose", {x}, {{"permutation", std::vector<std::int64_t>{0, 1}}}), Error);
}

TEST(Expand, Broadcasts) {
  const Array y = run("expand", {counting({3, 1})}, {{"shape", Shape{2, -1, 4}}})[0];
  ASSERT_EQ(y.sizes(), (Sizes{2, 3, 4}));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(y.get(i), (i / 4) % 3);
  EXPECT_THROW(run("expand", {counting({3})}, {{"shape", Shape{4}}}), Error);
}

// Every slice of an axis of 7 that Python would give.
TEST(Slice, IsPythons) {
  const std::int64_t n = 7;
  const Array x = counting({2, n});
  for (const std::int64_t step : {1, 2, 3, -1, -2, -8}) {
    for (std::int64_t start = -9; start <= 9; ++start) {
      for (std::int64_t stop = -9; stop <= 9; ++stop) {
        const auto settle = [&](std::int64_t at) {
          if (at < 0) at += n;
          return step > 0 ? std::clamp<std::int64_t>(at, 0, n) : std::clamp<std::int64_t>(at, -1, n - 1);
        };
        std::vector<double> expected;
        for (int row = 0; row < 2; ++row) {
          for (std::int64_t i = settle(start); step > 0 ? i < settle(stop) : i > settle(stop); i += step)
            expected.push_back(static_cast<double>(row * n + i));
        }
        const Array y = run("slice", {x},
                            {{"starts", Shape{start}},
                             {"stops", Shape{stop}},
                             {"axes", std::vector<std::int64_t>{-1}},
                             {"steps", std::vector<std::int64_t>{step}}})[0];
        EXPECT_EQ(numbers(y), expected) << start << ":" << stop << ":" << step;
      }
    }
  }
}

TEST(Slice, TakesTheEndForFarPositions) {
  const auto whole = [](std::int64_t start, std::int64_t stop, std::int64_t step) {
    return numbers(
        run("slice", {counting({3})}, {{"starts", Shape{start}}, {"stops", Shape{stop}}, {"steps", std::vector<std::int64_t>{step}}})[0]);
  };
  constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(whole(0, far, 1), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(whole(far, -far, -1), (std::vector<double>{2, 1, 0}));
  EXPECT_THROW(whole(0, 1, 0), Error);
}

TEST(Pad, FillsAround) {
  const Array x = counting({3});
  const auto padded = [&](const char* mode, Dim before, Dim after) {
    return numbers(run("pad", {x}, {{"before", Shape{before}}, {"after", Shape{after}}, {"mode", std::string(mode)}, {"value", 9.0}})[0]);
  };
  EXPECT_EQ(padded("constant", 2, 1), (std::vector<double>{9, 9, 0, 1, 2, 9}));
  EXPECT_EQ(padded("constant", -1, 1), (std::vector<double>{1, 2, 9}));
  EXPECT_EQ(padded("edge", 2, 1), (std::vector<double>{0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(padded("reflect", 2, 2), (std::vector<double>{2, 1, 0, 1, 2, 1, 0}));
  EXPECT_EQ(padded("wrap", 2, 1), (std::vector<double>{1, 2, 0, 1, 2, 0}));
  EXPECT_THROW(padded("mirror", 1, 1), Error);
  EXPECT_THROW(padded("constant", -2, -2), Error);
  EXPECT_EQ(numbers(run("pad", {x}, {{"before", Shape{1}}, {"after", Shape{0}}, {"gaps", std::vector<std::int64_t>{1}}})[0]),
            (std::vector<double>{0, 0, 0, 1, 0, 2}));
}

TEST(Concat, JoinsAndSplits) {
  const Array a = counting({2, 3, 2}), b = counting({2, 0, 2}), c = counting({2, 1, 2});
  const Array y = run("concat", {a, b, c}, {{"axis", std::int64_t{1}}})[0];
  EXPECT_EQ(numbers(y), (std::vector<double>{0, 1, 2, 3, 4, 5, 0, 1, 6, 7, 8, 9, 10, 11, 2, 3}));
  const std::vector<Array> parts = run("split", {y}, {{"axis", std::int64_t{1}}, {"sizes", Shape{3, 0, 1}}});
  EXPECT_EQ(numbers(parts[0]), numbers(a));
  EXPECT_EQ(parts[1].sizes(), (Sizes{2, 0, 2}));
  EXPECT_EQ(numbers(parts[2]), numbers(c));
  EXPECT_EQ(run("split", {y}, {{"axis", std::int64_t{1}}, {"parts", std::int64_t{4}}}).size(), 4u);
  EXPECT_EQ(run("stack", {a, a}, {{"axis", std::int64_t{-1}}})[0].sizes(), (Sizes{2, 3, 2, 2}));
  EXPECT_THROW(run("concat", {a, counting({2, 3, 3})}, {{"axis", std::int64_t{1}}}), Error);
  EXPECT_THROW(run("split", {y}, {{"axis", std::int64_t{1}}, {"sizes", Shape{3, 2}}}), Error);
  EXPECT_THROW(run("split", {y}, {{"axis", std::int64_t{1}}, {"parts", std::int64_t{3}}}), Error);
}

TEST(Flip, TurnsAndRolls) {
  EXPECT_EQ(numbers(run("flip", {counting({2, 3})}, {{"axes", std::vector<std::int64_t>{1}}})[0]), (std::vector<double>{2, 1, 0, 5, 4, 3}));
  EXPECT_EQ(numbers(run("roll", {counting({2, 3})},
                        {{"axes", std::vector<std::int64_t>{1, 0}}, {"shifts", std::vector<std::int64_t>{-1, 3}}})[0]),
            (std::vector<double>{4, 5, 3, 1, 2, 0}));
}

}  // namespace
}  // namespace neap::shape_test
