// What a schedule says about a map changes how it runs, never what it gives: every instruction set, one and two threads, sizes that do not
// divide, against the interpreter.
#include <gtest/gtest.h>

#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "tests/support/cases.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::schedule_test {
namespace {

Graph scheduled() {
  return parse_graph(R"(graph main {
  input x : f32[N,37]
  input w : f32[37,50]
  input v : f32[1,6,9,11]
  %0 = map(x, w) i:N j:50 { %0[i,j] = sum(k:37, x[i,k] * w[k,j]) } : f32[N,50]  schedule tile=[i:3]
  %1 = map(x, w) i:N j:50 { %1[i,j] = sum(k:37, x[i,k] * w[k,j]) } : f32[N,50]  schedule vector=j width=64 parallel=j
  %2 = map(x) i:N j:37 { %2[i,j] = exp(x[i,j]) } : f32[N,37]  schedule parallel=j tile=[i:5]
  %3 = map(x) i:N j:37 { %3[i,j] = x[i,j] * 2.0 } : f32[N,37]  schedule order=[j,i] vector=j width=8
  %4 = map(x) i:N j:37 { %4[j] += x[i,j] } : f32[37]  schedule parallel=i
  %5 = map(x) i:N j:37 { %5[j] += x[i,j] } : f32[37]  schedule parallel=j
  %6 = map(v) c:6 h:9 w:11 { %6[0,c,h,w] = sum(r:3 s:3, v[0,c,h + r - 1,w + s - 1 else 0.0]) } : f32[1,6,9,11] acdb  schedule tile=[w:4]
  %7 = map(x) i:N { local $0: f32[37]; for j:37 $0[j] = exp(x[i,j]); for b:37 %7[i,b] = $0[36 - b] } : f32[N,37]  schedule parallel=i
  output a = %0
  output b = %1
  output c = %2
  output d = %3
  output e = %4
  output f = %5
  output g = %6
  output h = %7
})");
}

Array numbers(const Sizes& sizes) {
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>((i * 37 + 11) % 101) / 50 - 1);
  return made;
}

TEST(Schedules, ChangeNoResult) {
  const Graph graph = scheduled();
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    ExecutableOptions options;
    options.isa = isa;
    Executable executable(graph, options);
    for (const NodeProfile& node : executable.profile()) ASSERT_EQ(node.how, "generated") << node.name;
    for (const std::int64_t rows : {0, 1, 7, 130}) {
      const std::vector<Array> inputs{numbers({rows, 37}), numbers({37, 50}), numbers({1, 6, 9, 11})};
      const std::vector<Array> wanted = interpret(graph, inputs);
      for (const int count : {1, 2}) {
        const Threads threads(count);
        const std::vector<Array> got = executable.run(inputs);
        for (std::size_t i = 0; i < got.size(); ++i) {
          if (i == 6) continue;  // stored channels-last
          EXPECT_TRUE(testing::close(got[i], wanted[i], 1e-5)) << name(isa) << ", " << rows << " rows, output " << i;
        }
        for (std::int64_t c = 0; c < 6; ++c) {
          for (std::int64_t p = 0; p < 99; ++p) EXPECT_NEAR(got[6].get(p * 6 + c), wanted[6].get(c * 99 + p), 1e-5) << name(isa);
        }
      }
    }
  }
}

// Their stores go past the caches, also where rows begin anywhere in a line.
TEST(LargeResults, AreWhole) {
  const Graph graph = parse_graph(R"(graph main {
  input x : f32[2051]
  %0 = map(x) i:4101 j:2051 { %0[i,j] = x[j] * 2.0 } : f32[4101,2051]
  output y = %0
})");
  const Array x = numbers({2051});
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    ExecutableOptions options;
    options.isa = isa;
    Executable executable(graph, options);
    ASSERT_EQ(executable.profile()[0].how, "generated");
    const Array y = executable.run({x})[0];
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < y.count(); ++i) wrong += y.values<float>()[static_cast<std::size_t>(i)] != 2 * x.get(i % 2051) ? 1 : 0;
    EXPECT_EQ(wrong, 0) << name(isa);
  }
}

TEST(Schedules, AreRefusedWhereTheyCannotBe) {
  const auto generate = [](const char* text) {
    const Graph graph = parse_graph(text);
    generate_kernel(graph, *graph.nodes()[0], graph.symbols(), Isa::portable);
  };
  expect_error(
      [&] {
        generate(R"(graph main {
  input x : f32[N,8]
  %0 = map(x) i:N j:8 { %0[j] += x[i,j] } : f32[8]  schedule tile=[i:4]
  output y = %0
})");
      },
      "accumulates");
  expect_error(
      [&] {
        generate(R"(graph main {
  input x : f32[N,8]
  %0 = map(x) i:N j:8 { %0[i,j] = x[i,j] + 1.0 } : f32[N,8]  schedule tile=[i:4,j:2]
  output y = %0
})");
      },
      "several axes");
}

}  // namespace
}  // namespace neap::schedule_test
