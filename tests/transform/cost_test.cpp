// What the cost model says of sums of products, against what their generated loops take (measured on a machine of these rates within a
// factor of two).
#include "neap/transform/cost.h"

#include <gtest/gtest.h>

#include "neap/transform/optimizer.h"

namespace neap::cost_test {
namespace {

const CostModel model({},
                      {.copy_bytes_per_second = 20e9, .cache_bytes_per_second = 100e9, .flops_per_second = 230e9, .call_seconds = 2e-6});

double milliseconds(const std::string& text) {
  const Graph graph = parse_graph(text);
  return 1e3 * model.graph(graph).seconds;
}

std::string product(const std::string& b_type, const std::string& b_index) {
  return "graph main { input a : f32[20000,41] input b : f32" + b_type + " %0 = map(a, b) i:20000 k:64 { %0[i,k] = sum(j:41, a[i,j] * b[" +
         b_index + "]) } : f32[20000,64] output y = %0 }";
}

TEST(Cost, OfAProductWhoseSumsLieAlongRows) {
  const double across = milliseconds(product("[41,64]", "j,k")), along = milliseconds(product("[64,41]", "k,j"));
  EXPECT_LT(across, 1.2);  // 0.46 ms
  EXPECT_GT(along, 1.5);   // 3.0 ms: each element folds a vector
  EXPECT_LT(along, 6);
}

TEST(Cost, OfAProductThatNoVectorsMake) {
  const double loops = milliseconds(
      "graph main { input a : f32[20000,41] input b : f32[41,64] input m : bool[20000,64] %0 = map(a, b, m) i:20000 k:64 { %0[i,k] = "
      "select(m[i,k], sum(j:41, a[i,j] * b[j,k]), 0.0) } : f32[20000,64] output y = %0 }");
  EXPECT_GT(loops, 5);  // 10.7 ms
}

TEST(Cost, OfAProductMadeRowByRow) {
  const double rows = milliseconds(
      "graph main { input a : f32[20000,64] input b : f32[64,41] %0, %1 = map(a, b) i:20000 { local $0: f32[64]; for j:64 $0[j] = "
      "max(a[i,j], 0.0); for j:64 %0[i,j] = $0[j]; for k:41 %1[i,k] = sum(j:64, $0[j] * b[j,k]) } : f32[20000,64], f32[20000,41] "
      "output x = %0 output y = %1 }");
  EXPECT_GT(rows, 0.8);  // 1.2 ms
  EXPECT_LT(rows, 2.4);
}

std::string edges(const std::string& value) {
  return "graph main { input x : f32[200000,64] input m : f32[200000,64] input offsets : i64[200001] input columns : i32[3000000] %0 = "
         "map(x, m, offsets, columns) i:200000 k:64 { %0[i,k] = " +
         value + " } : f32[200000,64] output y = %0 }";
}

TEST(Cost, OfASumOverEdgesUnderACondition) {
  const std::string sum = "sum(e:3000000 in offsets[i] to offsets[i + 1], x[i64(columns[e]),k])";
  const double plain = milliseconds(edges(sum + " + m[i,k]")), masked = milliseconds(edges("select(m[i,k] > 0.0, " + sum + ", 0.0)"));
  EXPECT_GT(masked, 3 * plain);  // 7 times
}

// Each row has entries of its own, so that no vectors run along rows, however an operand lies.
TEST(Cost, OfSumsAtEntriesWhoseOperandLiesAcross) {
  const auto entries = [](const std::string& layout) {
    return milliseconds(
        "graph main { input dy : f32[1024,256]" + layout +
        " input x : f32[1024,256] input offsets : i64[1025] input columns : i32[104858] %0 = map(dy, x, offsets, columns) "
        "r:1024 e:104858 in offsets[r] to offsets[r + 1] { %0[e] = sum(s:256, dy[r,s] * x[i64(columns[e]),s]) } : f32[104858] "
        "output y = %0 }");
  };
  const double along = entries(""), across = entries(" ba");
  EXPECT_LT(along, 1.7);     // 0.84 ms
  EXPECT_GT(across, along);  // 39 ms
}

// A mean in the loop of a depthwise convolution takes its tiles: 0.38 ms apart, 1.0 together.
TEST(Cost, AMeanStaysOutOfADepthwiseConvolution) {
  Optimizer optimizer(parse_graph("graph main { input x : f32[128,32,14,14] acdb input w : f32[32,1,3,3] "
                                  "%0 = map(x, w) n:128 c:32 h:14 v:14 { %0[n,c,h,v] = sum(r:3 s:3, x[n,c,h + r - 1,v + s - 1 else 0.0] * "
                                  "w[c,0,r,s]) } : f32[128,32,14,14] acdb "
                                  "%1 = map(%0) n:128 c:32 { %1[n,c] = sum(h:14 v:14, %0[n,c,h,v]) / 196.0 } : f32[128,32] "
                                  "output y = %0 output m = %1 }"),
                      model);
  EXPECT_EQ(optimizer.apply_all(find_transformation("fuse_siblings")), 0) << to_string(optimizer.graph());
}

}  // namespace
}  // namespace neap::cost_test
