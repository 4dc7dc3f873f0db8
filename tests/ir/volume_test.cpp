// Volumes of maps against counts by hand.
#include <gtest/gtest.h>

#include "neap/base/error.h"
#include "neap/ir/graph.h"

namespace neap::volume_test {
namespace {

// A map under construction: operands, axes, stages; one output.
struct MapText {
  Graph graph;
  Node node;
  Map map;
  int next_axis = 0;

  Axis axis(const char* name, Dim extent) {
    map.axes.push_back({next_axis++, name, std::move(extent), nullptr});
    return map.axes.back();
  }
  Axis inner(const char* name, Dim extent) { return {next_axis++, name, std::move(extent), nullptr}; }
  int operand(const char* name, Type type) {
    node.inputs.push_back(graph.add_input(name, std::move(type)));
    return static_cast<int>(node.inputs.size()) - 1;
  }
  Volume count(const Type& output, std::vector<Expr> index, const Expr& value, Accumulate accumulate = Accumulate::none) {
    map.stages.push_back({{}, 0, std::move(index), value, accumulate});
    node.outputs = {graph.add_value(output)};
    node.map = std::make_shared<const Map>(map);
    graph.append(node);
    graph.add_output(node.outputs[0], "y");
    verify(graph);
    return volume(graph, node);
  }
};

Type f32(Shape shape) { return {DType::f32, std::move(shape), {}}; }
Expr at(const Axis& axis) { return axis_position(axis); }

TEST(Volume, PointwiseReadsEachElementOnce) {
  MapText m;
  const Dim n = Dim::symbol("N");
  const int x = m.operand("x", f32({n, 7}));
  const Axis i = m.axis("i", n), j = m.axis("j", 7);
  const Expr e = read(x, DType::f32, {at(i), at(j)});
  const Volume v = m.count(f32({n, 7}), {at(i), at(j)}, e * e + 1);
  EXPECT_EQ(v.reads[0], Dim(28) * n);
  EXPECT_EQ(v.writes[0], Dim(28) * n);
  EXPECT_EQ(flops(m.map), Dim(14) * n);
  EXPECT_EQ(v.bytes(), Dim(56) * n);
}

TEST(Volume, BroadcastCountsTheSmallOperandOnce) {
  MapText m;
  const int x = m.operand("x", f32({5, 3})), b = m.operand("b", f32({3}));
  const Axis i = m.axis("i", 5), j = m.axis("j", 3);
  const Volume v = m.count(f32({5, 3}), {at(i), at(j)}, read(x, DType::f32, {at(i), at(j)}) + read(b, DType::f32, {at(j)}));
  EXPECT_EQ(v.reads[0], Dim(60));
  EXPECT_EQ(v.reads[1], Dim(12));
}

TEST(Volume, StridedSlice) {
  MapText m;
  const int x = m.operand("x", f32({20}));
  const Axis i = m.axis("i", 7);
  EXPECT_EQ(m.count(f32({7}), {at(i)}, read(x, DType::f32, {at(i) * 2 + 3})).reads[0], Dim(28));
}

TEST(Volume, ConvolutionWithHalo) {  // 3x3, stride 1, no padding: a 10x10 image, of which an 8x8 part is made from rows 0..9
  MapText m;
  const int x = m.operand("x", f32({12, 12}));
  const Axis h = m.axis("h", 4), w = m.axis("w", 6);
  const Axis r = m.inner("r", 3), s = m.inner("s", 3);
  const Volume v =
      m.count(f32({4, 6}), {at(h), at(w)}, reduce(Reduction::sum, {r, s}, read(x, DType::f32, {at(h) + at(r), at(w) + at(s)})));
  EXPECT_EQ(v.reads[0], Dim(4 * 6 * 8));
  EXPECT_EQ(flops(m.map), Dim(4 * 6 * 9));
}

TEST(Volume, PaddedConvolutionIsClippedToTheImage) {
  MapText m;
  const Dim size = Dim::symbol("H");
  const int x = m.operand("x", f32({size}));
  const Axis h = m.axis("h", size), r = m.inner("r", 3);
  const Expr tap = read(x, DType::f32, {at(h) + at(r) - 1}, 0.0);
  EXPECT_EQ(m.count(f32({size}), {at(h)}, reduce(Reduction::sum, {r}, tap)).reads[0], Dim(4) * size);
}

TEST(Volume, StridedConvolutionOfAnOddImage) {  // padding 1, stride 2, 3 taps on 7 elements: 4 results, every element touched
  MapText m;
  const int x = m.operand("x", f32({7}));
  const Axis h = m.axis("h", 4), r = m.inner("r", 3);
  const Expr tap = read(x, DType::f32, {at(h) * 2 + at(r) - 1}, 0.0);
  EXPECT_EQ(m.count(f32({4}), {at(h)}, reduce(Reduction::sum, {r}, tap)).reads[0], Dim(28));
}

TEST(Volume, WindowsWithGaps) {  // windows of 2, 5 apart, in 13 elements: 0 1 5 6 10 11
  MapText m;
  const int x = m.operand("x", f32({13}));
  const Axis i = m.axis("i", 3), r = m.inner("r", 2);
  EXPECT_EQ(m.count(f32({3}), {at(i)}, reduce(Reduction::sum, {r}, read(x, DType::f32, {at(i) * 5 + at(r)}))).reads[0], Dim(24));
}

TEST(Volume, Diagonal) {
  MapText m;
  const int x = m.operand("x", f32({6, 6}));
  const Axis i = m.axis("i", 6);
  EXPECT_EQ(m.count(f32({6}), {at(i)}, read(x, DType::f32, {at(i), at(i)})).reads[0], Dim(24));
}

TEST(Volume, ReadsOfOneOperandAreUnited) {  // x[0..4], x[2..6] and x[5..9]
  MapText m;
  const int x = m.operand("x", f32({20}));
  const Axis i = m.axis("i", 5);
  const auto shifted = [&](int by) { return read(x, DType::f32, {at(i) + by}); };
  EXPECT_EQ(m.count(f32({5}), {at(i)}, shifted(0) + shifted(2) + shifted(5)).reads[0], Dim(40));
}

TEST(Volume, BoxesThatOverlapInTwoDimensions) {  // 3x3 at (0,0) and at (2,2): 9 + 9 - 1
  MapText m;
  const int x = m.operand("x", f32({8, 8}));
  const Axis i = m.axis("i", 3), j = m.axis("j", 3);
  const auto shifted = [&](int by) { return read(x, DType::f32, {at(i) + by, at(j) + by}); };
  EXPECT_EQ(m.count(f32({3, 3}), {at(i), at(j)}, shifted(0) + shifted(2)).reads[0], Dim(4 * 17));
}

TEST(Volume, TransposeAndReverse) {
  MapText m;
  const Dim n = Dim::symbol("N");
  const int x = m.operand("x", f32({3, n}));
  const Axis i = m.axis("i", n), j = m.axis("j", 3);
  EXPECT_EQ(m.count(f32({n, 3}), {at(i), at(j)}, read(x, DType::f32, {Expr(2) - at(j), Expr(n) - 1 - at(i)})).reads[0], Dim(12) * n);
}

TEST(Volume, FlattenedByASymbol) {  // x[i * C + j]
  MapText m;
  const Dim n = Dim::symbol("N"), c = Dim::symbol("C");
  const int x = m.operand("x", f32({n * c}));
  const Axis i = m.axis("i", n), j = m.axis("j", c);
  EXPECT_EQ(m.count(f32({n, c}), {at(i), at(j)}, read(x, DType::f32, {at(i) * Expr(c) + at(j)})).reads[0], Dim(4) * n * c);
}

TEST(Volume, GatherIsBoundedByPointsAndByElements) {
  for (const std::int64_t rows : {std::int64_t{2}, std::int64_t{1000}}) {
    MapText m;
    const int table = m.operand("table", f32({rows, 8})), ids = m.operand("ids", {DType::i64, {5}, {}});
    const Axis i = m.axis("i", 5), f = m.axis("f", 8);
    const Volume v = m.count(f32({5, 8}), {at(i), at(f)}, read(table, DType::f32, {read(ids, DType::i64, {at(i)}), at(f)}));
    EXPECT_EQ(v.reads[0], Dim(4 * 8 * std::min<std::int64_t>(rows, 5)));
    EXPECT_EQ(v.reads[1], Dim(40));
  }
}

TEST(Volume, RaggedSegmentSum) {  // y[v,f] = sum over e in row v of x[col[e],f]
  MapText m;
  const Dim vertices = Dim::symbol("V"), edges = Dim::symbol("E");
  const int x = m.operand("x", f32({vertices, 4})), offsets = m.operand("offsets", {DType::i64, {vertices + 1}, {}});
  const int columns = m.operand("columns", {DType::i64, {edges}, {}});
  const Axis v = m.axis("v", vertices), f = m.axis("f", 4);
  Axis e = m.inner("e", edges);
  e.ragged = std::make_shared<const std::pair<Expr, Expr>>(read(offsets, DType::i64, {at(v)}), read(offsets, DType::i64, {at(v) + 1}));
  const Volume moved = m.count(f32({vertices, 4}), {at(v), at(f)},
                               reduce(Reduction::sum, {e}, read(x, DType::f32, {read(columns, DType::i64, {at(e)}), at(f)})));
  EXPECT_EQ(moved.reads[0], Dim(16) * vertices);
  EXPECT_EQ(moved.reads[1], Dim(8) * (vertices + 1));
  EXPECT_EQ(moved.reads[2], Dim(8) * edges);
  EXPECT_EQ(flops(m.map), Dim(4) * edges);  // each entry once, not once a row
}

TEST(Volume, AccumulatedOutputCountsOnce) {
  MapText m;
  const int x = m.operand("x", f32({5, 3}));
  const Axis i = m.axis("i", 5), j = m.axis("j", 3);
  const Volume v = m.count(f32({3}), {at(j)}, read(x, DType::f32, {at(i), at(j)}), Accumulate::sum);
  EXPECT_EQ(v.writes[0], Dim(12));
  EXPECT_EQ(flops(m.map), Dim(15));
}

TEST(Volume, NothingForAnEmptySpace) {
  MapText m;
  const int x = m.operand("x", f32({5}));
  const Axis i = m.axis("i", 0);
  const Volume v = m.count(f32({0}), {at(i)}, read(x, DType::f32, {at(i)}));
  EXPECT_EQ(v.bytes(), Dim(0));
  EXPECT_EQ(flops(m.map), Dim(0));
}

TEST(Volume, LocalsCostNothingAndBlocksCountWithTheirPadding) {
  MapText m;
  Type blocked = f32({2, 5, 3, 3});
  blocked.layout = Layout::parse("aBcd8b", 4);
  const int x = m.operand("x", blocked);
  const Axis n = m.axis("n", 2), c = m.axis("c", 5), h = m.axis("h", 3), w = m.axis("w", 3);
  m.map.locals.push_back({DType::f32, {3}});
  Axis k = m.inner("k", 3);
  m.map.stages.push_back({{k}, -1, {at(k)}, cast(at(k), DType::f32), Accumulate::none});
  const Volume v = m.count(f32({2, 5, 3, 3}), {at(n), at(c), at(h), at(w)},
                           read(x, DType::f32, {at(n), at(c), at(h), at(w)}) + read(-1, DType::f32, {at(w)}));
  EXPECT_EQ(v.reads.size(), 1u);
  EXPECT_EQ(v.reads[0], Dim(4 * 90));
}

}  // namespace
}  // namespace neap::volume_test
