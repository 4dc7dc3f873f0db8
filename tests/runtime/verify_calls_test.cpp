#include "neap/runtime/verify_calls.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace neap::verify_calls_test {
namespace {

void check(const std::string& call) {
  const Graph graph = parse_graph("graph g {\n  input x : f32[N,3]\n  input w : f32[3,5]\n  %1 = " + call + "\n  output y = %1\n}\n");
  verify(graph);
  verify_calls(graph);
}

TEST(VerifyCalls, TakesWhatHolds) {
  check("relu(x) : f32[N,3]");
  check("matmul(x, w) : f32[N,5]");
  check("cast(x) dtype=i64 : i64[N,3]");
}

TEST(VerifyCalls, RefusesResultsOfOtherTypes) {
  expect_error([] { check("relu(x) : f32[N,7]"); }, "result 0 of relu is f32[N,3], not f32[N,7]", "relu(f32[N,3])");
  expect_error([] { check("relu(x) : i64[N,3]"); }, "result 0 of relu is f32[N,3], not i64[N,3]");
  expect_error([] { check("matmul(x, w) : f32[N,50]"); }, "result 0 of matmul is f32[N,5], not f32[N,50]");
  expect_error([] { check("split(x) axis=1 parts=3 : f32[N,1]"); }, "split makes 3 results, not 1");
}

TEST(VerifyCalls, RefusesCallsThatNobodyTakes) {
  expect_error([] { check("soft_max(x) : f32[N,3]"); }, "there is no operator 'soft_max'");
  expect_error([] { check("matmul(w, w) : f32[3,5]"); }, "matmul: ");
  expect_error([] { check("matmul(x, w) : f32[N,5] library nobody"); }, "has no implementation 'nobody'");
}

}  // namespace
}  // namespace neap::verify_calls_test
