// Places of values between nodes: which share one.
#include "neap/runtime/memory_plan.h"

#include <gtest/gtest.h>

#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"

namespace neap::memory_plan_test {
namespace {

std::int64_t offset_of(const MemoryPlan& plan, const Graph& graph, const char* name) {
  const std::vector<std::string> names = value_names(graph);
  for (const Buffer& buffer : plan.buffers) {
    if (names[static_cast<std::size_t>(buffer.value)] == name) return buffer.offset;
  }
  return -1;
}

Graph chain(const std::string& second) {
  return parse_graph(R"(graph main {
  input x : f32[64]
  %0 = map(x) i:64 { %0[i] = x[i] * 2.0 } : f32[64]
  )" + second + R"(
  %2 = map(%1) i:64 { %2[i] = sum(j:64, %1[j]) } : f32[64]
  output y = %2
})");
}

bool shared(const std::string& second) {
  const Graph graph = chain(second);
  const MemoryPlan plan = plan_memory(graph, {});
  EXPECT_EQ(plan.sum_bytes, 512);
  EXPECT_EQ(plan_memory(graph, {}, false).arena_bytes, 512);
  const bool together = offset_of(plan, graph, "%0") == offset_of(plan, graph, "%1");
  EXPECT_EQ(plan.arena_bytes, together ? 256 : 512);
  Array x(DType::f32, {64});
  for (std::int64_t i = 0; i < 64; ++i) x.set(i, static_cast<double>(i % 7));
  const Array wanted = interpret(graph, {x})[0], got = Executable(graph).run({x})[0];
  for (std::int64_t i = 0; i < 64; ++i) EXPECT_NEAR(got.get(i), wanted.get(i), 1e-3);
  return together;
}

TEST(MemoryPlan, AResultTakesThePlaceOfWhatIsReadForTheLastTimeElementByElement) {
  EXPECT_TRUE(shared("%1 = map(%0) i:64 { %1[i] = %0[i] * %0[i] + 1.0 } : f32[64]"));
  EXPECT_FALSE(shared("%1 = map(%0) i:64 { %1[i] = %0[63 - i] } : f32[64]"));                // elements of other points
  EXPECT_FALSE(shared("%1 = map(%0) i:64 { %1[i] = %0[i] + sum(j:64, %0[j]) } : f32[64]"));  // all of them
  EXPECT_FALSE(shared("%1 = map(%0) i:64 j:3 { %1[i] = %0[i] * 0.5 } : f32[64]"));           // three points write one element
}

TEST(MemoryPlan, WhatIsReadLaterKeepsItsPlace) {
  const Graph graph = parse_graph(R"(graph main {
  input x : f32[64]
  %0 = map(x) i:64 { %0[i] = x[i] * 2.0 } : f32[64]
  %1 = map(%0) i:64 { %1[i] = exp(%0[i]) } : f32[64]
  %2 = map(%1, %0) i:64 { %2[i] = %1[i] + %0[i] } : f32[64]
  %3 = map(%2) i:64 { %3[i] = sum(j:64, %2[j]) } : f32[64]
  output y = %3
})");
  EXPECT_EQ(plan_memory(graph, {}).arena_bytes, 512);
}

TEST(MemoryPlan, OneOfTwoResultsTakesThePlace) {
  const Graph graph = parse_graph(R"(graph main {
  input x : f32[64]
  %0 = map(x) i:64 { %0[i] = x[i] * 2.0 } : f32[64]
  %1, %2 = map(%0) i:64 { %1[i] = %0[i] + 1.0; %2[i] = 3.0 } : f32[64], f32[64]
  %3 = map(%1, %2) i:64 { %3[i] = sum(j:64, %1[j] * %2[i]) } : f32[64]
  output y = %3
})");
  const MemoryPlan plan = plan_memory(graph, {});
  EXPECT_EQ(plan.arena_bytes, 512);
  EXPECT_NE(offset_of(plan, graph, "%1"), offset_of(plan, graph, "%2"));
}

bool in_place(const char* stages) {
  const Graph graph = parse_graph(std::string(R"(graph main {
  parameter p : f32[8]
  state m : f32[8]
  input g : f32[8]
  %0, %1 = map(m, g, p) i:8 { )") +
                                  stages + R"( } : f32[8], f32[8]
  output m2 = %0 updates m
  output p2 = %1 updates p
})");
  return plan_memory(graph, {}).in_place_of.size() == 2;
}

TEST(MemoryPlan, AnUpdateThatComesLastIsMadeInPlace) {
  EXPECT_TRUE(in_place("%1[i] = p[i] - m[i]; %0[i] = m[i] + g[i]"));
  EXPECT_FALSE(in_place("%0[i] = m[i] + g[i]; %1[i] = p[i] - m[i]"));
}

}  // namespace
}  // namespace neap::memory_plan_test
