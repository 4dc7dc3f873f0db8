// Positions that leave their operand at some sizes.
#include "neap/ir/ranges.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace neap::ranges_test {
namespace {

std::string problem(const char* body, const Symbols& symbols) {
  const Graph graph = parse_graph(std::string("graph main {\n  input x : f32[N]\n  input l : f32[M]\n  %0 = map(x, l) ") + body +
                                  " : f32[M]\n  output y = %0\n}");
  verify(graph);
  return problem_of([&] { check_ranges(graph, *graph.nodes()[0], symbols); });
}

TEST(Ranges, ASliceFitsOrDoesNotBySizes) {
  const char* const slice = "i:M { %0[i] = x[i + 3] + l[i] }";
  EXPECT_EQ(problem(slice, {{"N", 8}, {"M", 5}}), "");
  EXPECT_EQ(problem(slice, {{"N", 7}, {"M", 5}}), "a read would touch positions 3 to 7 of axis 0 of f32[N], which has 7 elements");
  EXPECT_EQ(problem(slice, {{"N", 1}, {"M", 0}}), "");  // nothing runs
}

TEST(Ranges, BackwardsAndWithinReductions) {
  EXPECT_EQ(problem("i:M { %0[i] = x[{N} - 1 - 2 * i] + l[i] }", {{"N", 9}, {"M", 5}}), "");
  EXPECT_EQ(problem("i:M { %0[i] = x[{N} - 1 - 2 * i] + l[i] }", {{"N", 8}, {"M", 5}}),
            "a read would touch positions -1 to 7 of axis 0 of f32[N], which has 8 elements");
  EXPECT_EQ(problem("i:M { %0[i] = l[i] + sum(k:4, x[i + k]) }", {{"N", 8}, {"M", 5}}), "");
  EXPECT_EQ(problem("i:M { %0[i] = l[i] + sum(k:4, x[i + k]) }", {{"N", 7}, {"M", 5}}),
            "a read would touch positions 0 to 7 of axis 0 of f32[N], which has 7 elements");
}

TEST(Ranges, GuardedReadsAndBranchesMayLeave) {
  EXPECT_EQ(problem("i:M { %0[i] = x[i + 3 else 0.0] + l[i] }", {{"N", 4}, {"M", 5}}), "");
  EXPECT_EQ(problem("i:M { %0[i] = select(i < 1, x[i + 3], l[i]) }", {{"N", 4}, {"M", 5}}), "");
}

}  // namespace
}  // namespace neap::ranges_test
