// Graphs that random graphs found to be wrong at some level, as they were shrunk.
#include <gtest/gtest.h>

#include "neap/ir/graph.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/support/results.h"

namespace neap::found_test {
namespace {

void expect_same_at_each_level(const char* text, const std::vector<Array>& inputs) {
  const Graph graph = parse_graph(text);
  const Array wanted = interpret(graph, inputs)[0];
  for (int level = 0; level <= 4; ++level) {
    Optimizer optimizer(graph);
    optimizer.optimize(level);
    for (const int count : {1, 2}) {
      const Threads threads(count);
      expect_close(Executable(optimizer.graph()).run(inputs)[0], wanted, 1e-5, to_string(optimizer.graph()));
    }
  }
}

// The entries of the rows are a part of the result only.
TEST(Found, WhatIsJoinedToEntriesIsNoPassOverThem) {
  expect_same_at_each_level(R"(graph found {
  input x : f32[3,5]
  parameter offsets : i32[3]
  input y : f32[4,5]
  %0 = segment_softmax(x, offsets) : f32[3,5]
  %1 = concat(%0, y) : f32[7,5]
  output z = %1
})",
                            {waves({3, 5}), Array::of(std::vector<std::int32_t>{0, 1, 3}), waves({4, 5})});
}

// Two dimensions are one axis, and the lanes'.
TEST(Found, PartialSumsOverAxesThatRunOverSeveralDimensions) {
  expect_same_at_each_level(R"(graph found {
  input x : f32[3,4,1,33]
  %0 = cos(x) : f32[3,4,1,33]
  %1 = cumulative_sum(%0) : f32[3,4,1,33]
  output y = %1
})",
                            {waves({3, 4, 1, 33})});
}

}  // namespace
}  // namespace neap::found_test
