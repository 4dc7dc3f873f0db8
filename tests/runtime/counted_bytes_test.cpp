#include "neap/runtime/counted_bytes.h"

#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "neap/runtime/cache_simulation.h"
#include "tests/support/expect_error.h"

namespace neap::counted_bytes_test {
namespace {

const char* at(std::int64_t place) { return reinterpret_cast<const char*>(place); }

TEST(CacheSimulation, ReadsALineOnceWhileItStays) {
  CacheSimulation cache(1024, 4);  // 4 sets of 4 lines
  for (int turn = 0; turn < 3; ++turn) {
    for (std::int64_t i = 0; i < 1024; i += 4) cache.load(at(i), 4);
  }
  EXPECT_EQ(cache.bytes_read(), 1024);
  cache.flush();
  EXPECT_EQ(cache.bytes_written(), 0);
}

TEST(CacheSimulation, TheLineUsedLongestAgoLeaves) {
  CacheSimulation cache(256, 4);  // one set
  for (const std::int64_t line : {0, 1, 2, 3, 0, 4, 0, 1}) cache.load(at(64 * line), 1);
  EXPECT_EQ(cache.bytes_read(), 6 * 64);  // 0 to 4, and 1 again, which 4 had driven out
}

TEST(CacheSimulation, WhatIsStoredWholeIsNotRead) {
  CacheSimulation cache(256, 4);
  cache.store(at(0), 64);
  cache.store(at(64), 32);
  cache.store(at(96), 32);
  cache.load(at(70), 4);
  cache.store(at(130), 4);  // a part of a line
  cache.load(at(131), 1);
  cache.flush();
  EXPECT_EQ(cache.bytes_written(), 3 * 64);
  EXPECT_EQ(cache.bytes_read(), 64);  // the rest of the third
}

TEST(CacheSimulation, AnAccessMayMeetSeveralLines) {
  CacheSimulation cache(256, 4);
  cache.load(at(60), 70);
  EXPECT_EQ(cache.bytes_read(), 3 * 64);
  cache.load(at(60), 0);
  EXPECT_EQ(cache.bytes_read(), 3 * 64);
}

// Rows of exp(x - max x) / sum exp(x - max x).
const char* const softmax_text =
    "graph rows {\n"
    "  input x : f32[N,1000]\n"
    "  %0 = map(x) i0:N { local $0: f32[1]; local $1: f32[1]; for i1:1 $0[i1] = max(r1:1000, x[i0,r1]); "
    "for i3:1 $1[i3] = sum(i4:1000, exp(x[i0,i4] - $0[0])); for i5:1000 %0[i0,i5] = exp(x[i0,i5] - $0[0]) / $1[0] } : f32[N,1000]\n"
    "  output y = %0\n"
    "}\n";

TEST(CountedBytes, CountWhatAKernelMoves) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the checker of data races takes the accesses that the compiler reports";
#endif
#endif
  constexpr std::int64_t rows = 60, width = 1000, bytes = rows * width * 4;
  const Graph graph = parse_graph(softmax_text);
  const Array x = Array::full(DType::f32, {rows, width}, 0.5);
  const auto total = [&](std::int64_t cache) {
    CountedBytes sum;
    for (const CountedBytes& node : count_bytes(graph, {x}, cache)) {
      sum.read += node.read;
      sum.written += node.written;
    }
    return sum;
  };
  // Rows fit: each element comes and goes once, but for lines that arrays share with their surroundings.
  const CountedBytes roomy = total(64 << 10);
  EXPECT_NEAR(roomy.read, bytes, 0.01 * bytes);
  EXPECT_NEAR(roomy.written, bytes, 0.01 * bytes);
  // They do not: a row is read for its maximum and again for its sum.
  EXPECT_GT(total(1024).read, 1.9 * bytes);
}

TEST(CountedBytes, RefuseWhatIsNoKernel) {
  Graph graph;
  Builder build(graph);
  graph.add_output(unary("exp", build.input("x", Type::parse("f32[4]"))).id(), "y");
  expect_error([&] { count_bytes(graph, {Array::zeros(DType::f32, {4})}, 1 << 20); }, "only generated kernels are counted");
}

}  // namespace
}  // namespace neap::counted_bytes_test
