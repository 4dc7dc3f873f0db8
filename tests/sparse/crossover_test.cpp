// Crossover curves: what is measured, and the picture.
#include "neap/sparse/crossover.h"

#include <gtest/gtest.h>

#include <set>

#include "neap/layouts/sparse_layout.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::crossover_test {
namespace {

int count_of(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Crossover, CurvesGoFromHalfToNearlyAll) {
  for (const CrossoverLayer& layer : {CrossoverLayer{}, CrossoverLayer{.rows = 7, .columns = 5, .tokens = 3}}) {
    for (const CrossoverCurve& curve : crossover_curves(layer)) {
      ASSERT_FALSE(curve.points.empty()) << curve.name;
      double before = 0;
      for (const CrossoverPoint& point : curve.points) {
        EXPECT_GT(point.zeros, before) << curve.name;
        before = point.zeros;
        EXPECT_NO_THROW(SparsifierChoice::parse(point.sparsifier));
        EXPECT_NO_THROW(LayoutChoice::parse(point.layout));
      }
      if (layer.rows != 768) continue;  // fewer patterns fit a small one
      EXPECT_DOUBLE_EQ(curve.points.front().zeros, 0.5);
      EXPECT_GE(curve.points.back().zeros, 0.98);
    }
  }
  EXPECT_EQ(crossover_curves({})[0].points[0].layout, "nmg n=2 m=4 g=16");   // 768 columns are 8 chunks of 96
  EXPECT_EQ(crossover_curves({})[0].points[8].layout, "nmg n=1 m=20 g=13");  // 3 chunks of 260 for 768 columns
}

TEST(Crossover, MeasuresAllOfASmallLayer) {
  const Crossover made = measure_crossover({.rows = 24, .columns = 40, .tokens = 6}, 2);
  EXPECT_GT(made.dense_seconds, 0);
  std::set<std::string> names;
  for (const CrossoverCurve& curve : made.curves) {
    names.insert(curve.name);
    for (const CrossoverPoint& point : curve.points) {
      EXPECT_GT(point.seconds, 0) << point.layout;
      EXPECT_DOUBLE_EQ(point.ratio, made.dense_seconds / point.seconds);
      EXPECT_GE(point.zeros, 0.45) << point.layout;  // what the mask has, at the edges too
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"n:m:g", "4 x 1 blocks", "CSR"}));
}

TEST(Crossover, ThePictureHasAllPointsAndNamesApart) {
  std::vector<CrossoverCurve> curves{{"one", "#111111", {}}, {"two", "#222222", {}}, {"none", "#333333", {}}};
  for (int i = 0; i < 2; ++i) {
    curves[static_cast<std::size_t>(i)].points = {{.zeros = 0.5, .ratio = 0.9, .pays = false}, {.zeros = 0.99, .ratio = 1e9, .pays = true}};
  }
  const std::string svg = crossover_picture("a layer", curves);
  EXPECT_EQ(count_of(svg, "<polyline"), 2);
  EXPECT_EQ(count_of(svg, "<circle"), 4);
  EXPECT_EQ(count_of(svg, "fill=\"white\"/>\n<circle") + count_of(svg, "fill=\"white\"/>\n<polyline"), 2);
  EXPECT_EQ(count_of(svg, "none"), 2);  // of lines' fills; the empty curve has no name
  const auto place = [&](const std::string& name) {
    const std::size_t end = svg.find(">" + name + "<"), at = svg.rfind(" y=\"", end) + 4;
    return std::stod(svg.substr(at));
  };
  EXPECT_GE(std::abs(place("one") - place("two")), 14);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace neap::sparse::crossover_test
