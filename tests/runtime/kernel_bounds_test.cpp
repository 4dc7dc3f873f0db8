// What kernels refuse while they run: places in the data that lie out of bounds.
#include <gtest/gtest.h>

#include "neap/runtime/executable.h"
#include "tests/runtime/kernel_text.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::kernel_bounds_test {
namespace {

// Each entry by the sum of its row.
const char* const shares_of_rows = R"(
  input x : f32[E]
  input o : i64[N+1]
  %0 = map(x, o) n:N { local $0: f32[1]; $0[0] = sum(e:E in o[n] to o[n + 1], x[e]); for d:E in o[n] to o[n + 1] %0[d] = x[d] / $0[0] } : f32[E]
  output y = %0)";

void expect_refused(const std::string& body, const std::vector<Array>& inputs, const std::string& problem) {
  Executable executable(graph_of(body));
  EXPECT_EQ(executable.profile()[0].how, "generated");
  for (const int count : {1, 2}) {
    const Threads threads(count);
    expect_error([&] { executable.run(inputs); }, problem, "map");
  }
}

TEST(Kernels, RefuseIndicesThatAreOutOfBounds) {
  const std::string gathers = R"(
  input x : f32[4,3]
  input i : i64[N]
  %0 = map(x, i) n:N j:3 { %0[n,j] = x[i[n],j] } : f32[N,3]
  output y = %0)";
  const Array x = Array::zeros(DType::f32, {4, 3});
  for (const std::int64_t bad : {std::int64_t{4}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    expect_refused(gathers, {x, integers({0, 3, bad, 1})}, "an index in the data is out of bounds of operand 0, f32[4,3]");
  }
  const std::string scatters = R"(
  input x : f32[N]
  input i : i64[N]
  %0 = map(x, i) n:N { %0[i[n]] += x[n] } : f32[4]
  output y = %0)";
  for (const std::int64_t bad : {std::int64_t{4}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    expect_refused(scatters, {Array::zeros(DType::f32, {2}), integers({0, bad})},
                   "an index in the data is out of bounds of result 0, f32[4]");
  }
}

TEST(Kernels, RefuseOffsetsBeyondTheEntries) {
  const std::string bodies[] = {R"(
  input x : f32[E]
  input o : i64[N+1]
  %0 = map(x, o) n:N { %0[n] = sum(e:E in o[n] to o[n + 1], x[e]) } : f32[N]
  output y = %0)",
                                R"(
  input x : f32[E]
  input o : i64[N+1]
  %0 = map(x, o) n:N e:E in o[n] to o[n + 1] { %0[n] += x[e] } : f32[N]
  output y = %0)",
                                shares_of_rows};
  for (const std::string& body : bodies) {
    const Array x = Array::zeros(DType::f32, {5});
    for (const std::int64_t bad : {std::int64_t{6}, std::int64_t{1} << 60}) {
      expect_refused(body, {x, integers({0, 2, bad})}, "offsets in operand 1 run past the entries");
    }
    expect_refused(body, {x, integers({-1000000, 2, 5})}, "offsets in operand 1 run past the entries");
    Executable executable(graph_of(body));
    EXPECT_NO_THROW(executable.run({x, integers({0, 3, 2, 5})}));  // a row that runs backwards is empty
  }
}

TEST(Kernels, RefuseOffsetsThatLeaveEntriesUnwritten) {
  const std::string bodies[] = {R"(
  input x : f32[E]
  input o : i64[N+1]
  %0 = map(x, o) n:N e:E in o[n] to o[n + 1] { %0[e] = x[e] * 2.0 } : f32[E]
  output y = %0)",
                                shares_of_rows};
  for (const std::string& body : bodies) {
    const Array x = Array::full(DType::f32, {5}, 1);
    for (const std::vector<std::int64_t>& bad : std::vector<std::vector<std::int64_t>>{{1, 2, 5}, {0, 2, 4}, {0}, {3, 0}}) {
      expect_refused(body, {x, integers(bad)}, "offsets in operand 1 leave entries of the result without a row");
      expect_error([&] { interpret(graph_of(body), {x, integers(bad)}); }, "others of the result are without a row");
    }
    const Array none = Array::zeros(DType::f32, {0});
    EXPECT_NO_THROW(Executable(graph_of(body)).run({none, integers({0, 0})}));
    EXPECT_NO_THROW(Executable(graph_of(body)).run({none, integers({0})}));
  }
}

TEST(Kernels, WhatIsNotAskedForIsNotRefused) {
  Executable executable(graph_of(R"(
  input x : f32[3]
  input i : i64[N]
  %0 = map(x, i) n:N { %0[n] = select(i[n] >= 0, x[i[n]], -1.0) } : f32[N]
  output y = %0)"));
  Array x(DType::f32, {3});
  for (int i = 0; i < 3; ++i) x.set(i, i + 0.5);
  const Array y = executable.run({x, integers({2, -1, 0, -7})})[0];
  EXPECT_EQ(y.get(0), 2.5);
  EXPECT_EQ(y.get(1), -1);
  EXPECT_EQ(y.get(2), 0.5);
  EXPECT_EQ(y.get(3), -1);
  expect_error([&] { executable.run({x, integers({3})}); }, "out of bounds of operand 0");
}

}  // namespace
}  // namespace neap::kernel_bounds_test
