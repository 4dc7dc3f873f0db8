// Runs one operator on arrays by the interpreter, and makes arrays to run it on.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"

namespace neap::testing {

inline std::vector<Array> run(std::string_view op, const std::vector<Array>& inputs, const Attributes& attributes = {}) {
  Graph graph;
  Builder build(graph);
  std::vector<Var> vars;
  std::vector<Array> given;
  for (const Array& input : inputs) {
    vars.push_back(input.empty() ? Var()
                                 : build.input(fmt::format("x{}", vars.size()),
                                               {input.dtype(), Shape(input.sizes().begin(), input.sizes().end()), {}}));
    if (!input.empty()) given.push_back(input);
  }
  for (const Var& output : build.calls(op, vars, attributes)) graph.add_output(output.id(), fmt::format("y{}", graph.outputs.size()));
  return interpret(graph, given);
}

inline std::vector<double> numbers(const Array& array) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < array.count(); ++i) all.push_back(array.get(i));
  return all;
}

// 0, 1, 2, ...
inline Array counting(const Sizes& sizes, DType dtype = DType::f64) {
  Array array(dtype, sizes);
  for (std::int64_t i = 0; i < array.count(); ++i) array.set(i, static_cast<double>(i));
  return array;
}

// Normally distributed.
inline Array random(Sizes sizes, unsigned seed = 1, DType dtype = DType::f64) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  Array made(dtype, std::move(sizes));
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, normal(engine));
  return made;
}

inline Array uniform(Sizes sizes, double low, double high, unsigned seed = 1, DType dtype = DType::f64) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> distribution(low, high);
  Array made(dtype, std::move(sizes));
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, distribution(engine));
  return made;
}

inline void expect_near(const Array& got, const std::vector<double>& wanted, double tolerance = 1e-10) {
  ASSERT_EQ(got.count(), static_cast<std::int64_t>(wanted.size()));
  for (std::int64_t i = 0; i < got.count(); ++i) {
    const double w = wanted[static_cast<std::size_t>(i)], y = got.get(i);
    if (std::isnan(w) || std::isinf(w)) {
      EXPECT_TRUE((std::isnan(w) && std::isnan(y)) || w == y) << "element " << i << ": " << y << ", not " << w;
    } else {
      EXPECT_NEAR(y, w, tolerance * (1 + std::abs(w))) << "element " << i;
    }
  }
}

// The problem that a call is refused with.
inline std::string refusal(std::string_view op, const std::vector<Array>& inputs, const Attributes& attributes = {}) {
  try {
    run(op, inputs, attributes);
  } catch (const Error& error) {
    return error.problem();
  }
  return "nothing was wrong";
}

using Integers = std::vector<std::int64_t>;

}  // namespace neap::testing
