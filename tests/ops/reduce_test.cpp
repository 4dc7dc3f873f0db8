// Reductions and sums so far against plain loops, on the calls of tests/shapes.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/ops/calls.h"
#include "tests/support/cases.h"
#include "tests/support/expect_error.h"

namespace neap::reduce_test {
namespace {

using Elements = std::vector<double>;
using Oracle = double (*)(const Elements&);

double largest(const Elements& all) {
  double best = -HUGE_VAL;
  for (const double x : all) best = std::isnan(x) || std::isnan(best) ? std::nan("") : std::max(best, x);
  return best;
}
double smallest(const Elements& all) {
  double best = HUGE_VAL;
  for (const double x : all) best = std::isnan(x) || std::isnan(best) ? std::nan("") : std::min(best, x);
  return best;
}
double total(const Elements& all) {
  double sum = 0;
  for (const double x : all) sum += x;
  return sum;
}
double first_extreme(const Elements& all, double sign) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (!std::isnan(all[best]) && (std::isnan(all[i]) || sign * all[i] > sign * all[best])) best = i;
  }
  return all.empty() ? -1 : static_cast<double>(best);
}

const std::map<std::string, Oracle>& oracles() {
  static const std::map<std::string, Oracle> all = {
      {"sum", total},
      {"mean", [](const Elements& x) { return total(x) / static_cast<double>(x.size()); }},
      {"max", largest},
      {"min", smallest},
      {"prod",
       [](const Elements& x) {
         double product = 1;
         for (const double each : x) product *= each;
         return product;
       }},
      {"any", [](const Elements& x) { return double(std::any_of(x.begin(), x.end(), [](double each) { return each != 0; })); }},
      {"all", [](const Elements& x) { return double(std::all_of(x.begin(), x.end(), [](double each) { return each != 0; })); }},
      {"argmax", [](const Elements& x) { return first_extreme(x, 1); }},
      {"argmin", [](const Elements& x) { return first_extreme(x, -1); }},
      {"logsumexp", [](const Elements& x) {
         const double top = largest(x);
         if (std::isinf(top) || std::isnan(top)) return top;
         double sum = 0;
         for (const double each : x) sum += std::exp(each - top);
         return top + std::log(sum);
       }}};
  return all;
}

// The elements of x that fall onto each element of a result that has size 1 on the reduced axes.
std::vector<Elements> groups(const Array& x, const std::set<int>& reduced) {
  std::int64_t count = 1;
  for (int axis = 0; axis < x.rank(); ++axis) count *= reduced.count(axis) != 0 ? 1 : x.size(axis);
  std::vector<Elements> all(static_cast<std::size_t>(count));
  for (std::int64_t flat = 0; flat < x.count(); ++flat) {
    std::int64_t rest = flat, at = 0, stride = 1;
    for (int axis = x.rank(); axis-- > 0;) {
      const std::int64_t here = rest % x.size(axis);
      rest /= x.size(axis);
      if (reduced.count(axis) != 0) continue;
      at += here * stride;
      stride *= x.size(axis);
    }
    all[static_cast<std::size_t>(at)].push_back(x.get(flat));
  }
  return all;
}

TEST(Reduce, IsThePlainLoop) {
  std::set<std::string> seen;
  for (const testing::Case& line : testing::read_cases()) {
    const auto oracle = oracles().find(line.op);
    if (oracle == oracles().end()) continue;
    const testing::Case one = testing::with_dtype(line, DType::f64);
    const Graph graph = testing::graph_of(one);
    const Call call = make_call(graph, *graph.nodes().back());
    const std::vector<Array> inputs = testing::inputs_of(one);
    const int rank = inputs[0].rank();
    std::set<int> reduced;
    if (call.attributes().count("axis") != 0) {
      reduced.insert(call.axis("axis", rank));
    } else {
      for (const int axis : call.axes("axes", rank)) reduced.insert(axis);
    }
    const Array got = interpret(graph, inputs)[0];
    Array wanted(got.dtype(), got.sizes());
    const std::vector<Elements> each = groups(inputs[0], reduced);
    ASSERT_EQ(static_cast<std::int64_t>(each.size()), got.count()) << one.text;
    for (std::size_t i = 0; i < each.size(); ++i) wanted.set(static_cast<std::int64_t>(i), oracle->second(each[i]));
    EXPECT_TRUE(testing::close(got, wanted, 1e-12)) << one.text;
    seen.insert(one.op);
  }
  EXPECT_EQ(seen.size(), oracles().size());
}

TEST(Cumulative, IsThePlainLoop) {
  for (const bool exclusive : {false, true}) {
    for (const bool reverse : {false, true}) {
      const Array x = Array::of<double>({1, 2, 4, 8, 16, 32}, {2, 3});
      Elements wanted(6);
      for (std::size_t row = 0; row < 2; ++row) {
        double so_far = 0;
        for (std::size_t k = 0; k < 3; ++k) {
          const std::size_t i = row * 3 + (reverse ? 2 - k : k);
          wanted[i] = so_far + (exclusive ? 0 : x.get(static_cast<std::int64_t>(i)));
          so_far += x.get(static_cast<std::int64_t>(i));
        }
      }
      EXPECT_EQ(testing::numbers(testing::run("cumulative_sum", {x}, {{"exclusive", exclusive}, {"reverse", reverse}})[0]), wanted);
    }
  }
  EXPECT_EQ(
      testing::numbers(testing::run("cumulative_product", {Array::of<double>({2, 3, 0, 5, 2, 2}, {3, 2})}, {{"axis", std::int64_t{0}}})[0]),
      (Elements{2, 3, 0, 15, 0, 30}));
}

TEST(Reduce, SixteenBitMeansDoNotOverflow) {
  const Array x = Array::full(DType::f16, {100000}, 3);
  EXPECT_EQ(testing::run("mean", {x})[0].get(0), 3);
}

TEST(Reduce, WhatDoesNotFitIsRefused) {
  const Array x = Array::zeros(DType::f32, {2, 3});
  using Axes = std::vector<std::int64_t>;
  expect_error([&] { testing::run("sum", {x}, {{"axes", Axes{2}}}); }, "sum: axes 2 is not an axis of rank 2", "sum(f32[2,3])");
  expect_error([&] { testing::run("sum", {x}, {{"axes", Axes{1, -1}}}); }, "axes names an axis twice");
  expect_error([&] { testing::run("argmax", {x}, {{"axis", std::int64_t{-3}}}); }, "axis -3 is not an axis of rank 2");
  expect_error([&] { testing::run("size_value", {}, {{"size", Shape{1, 2}}}); }, "takes one size");
}

}  // namespace
}  // namespace neap::reduce_test
