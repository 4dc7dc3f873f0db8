// The bound by which random graphs are compared: wide where rounding is carried far, narrow elsewhere.
#include "tests/support/rounding.h"

#include <gtest/gtest.h>

namespace neap::rounding_test {
namespace {

using Make = std::function<Var(Builder&, const Var& x, const Var& z)>;

struct Example {
  Graph graph;
  std::vector<Array> inputs;

  Example(DType dtype, const Make& make) {
    Builder build(graph);
    const Type type{dtype, {97}, {}};
    const Var x = build.input("x", type), z = build.input("z", type);
    graph.add_output(make(build, x, z).id(), "y");
    std::mt19937_64 random(3);
    for (int i = 0; i < 2; ++i) {
      Array& array = inputs.emplace_back(dtype, Sizes{97});
      // On the grid of f32, whatever the dtype.
      for (std::int64_t k = 0; k < array.count(); ++k) array.set(k, static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-51 - 2));
    }
  }
  Array wanted() const { return interpret(graph, inputs)[0]; }
  Array spread() const { return testing::rounding_spread(graph, inputs, interpret(graph, inputs), 1)[0]; }
};

double largest(const Array& array) {
  double found = 0;
  for (std::int64_t i = 0; i < array.count(); ++i) found = std::max(found, array.get(i));
  return found;
}

// Random graph 1000231: three ways gave numbers that differ from the interpreter's by 3e-5.
Var squares_of_an_angle(Builder& build, const Var& x, const Var& z) {
  const Var angle = build.call("atan2", {x, z}), square = angle * angle;
  return build.call("cos", {square * square});
}

TEST(RoundingSpread, CoversWhatAChainOfSquaresMakesOfRounding) {
  const Example narrow(DType::f32, squares_of_an_angle), wide(DType::f64, squares_of_an_angle);
  const Array got = narrow.wanted(), exact = wide.wanted(), spread = narrow.spread();
  double furthest = 0;
  for (std::int64_t i = 0; i < got.count(); ++i) {
    const double apart = std::abs(got.get(i) - exact.get(i));
    EXPECT_LE(apart, 4 * spread.get(i)) << i;
    furthest = std::max(furthest, apart);
  }
  EXPECT_GT(furthest, 2e-6);  // more than the functions' own errors
  EXPECT_LT(largest(spread), 1e-3);
}

TEST(RoundingSpread, IsAFewUnitsOfWhatIsWellConditioned) {
  const Example sum(DType::f32, [](Builder&, const Var& x, const Var& z) { return x + z * 0.5; });
  EXPECT_GT(largest(sum.spread()), 1e-7);
  EXPECT_LT(largest(sum.spread()), 4e-6);
}

TEST(RoundingSpread, WhatOnlyMovesIsExact) {
  const Example same(DType::f64, [](Builder& build, const Var& x, const Var&) {
    const Var back =
        build.call("flip", {build.call("flip", {x}, {{"axes", std::vector<std::int64_t>{0}}})}, {{"axes", std::vector<std::int64_t>{0}}});
    return build.call("equal", {x, back});
  });
  EXPECT_EQ(largest(same.spread()), 0);
}

TEST(RoundingSpread, OfWhatRoundingDecidesEverything) {
  const Example zero(DType::f32, [](Builder& build, const Var& x, const Var& z) {
    return build.call("greater", {(x * z) * 3.0, x * (z * 3.0)});
  });
  const Array spread = zero.spread();
  for (std::int64_t i = 0; i < spread.count(); ++i) EXPECT_EQ(spread.get(i), 1) << i;
  const Example infinite(DType::f32, [](Builder&, const Var& x, const Var& z) { return x / (x * z - z * x); });
  EXPECT_EQ(largest(infinite.spread()), HUGE_VAL);
}

}  // namespace
}  // namespace neap::rounding_test
