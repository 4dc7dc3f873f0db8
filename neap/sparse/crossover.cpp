#include "neap/sparse/crossover.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "neap/base/interleave.h"
#include "neap/base/revolving_door.h"
#include "neap/data/random.h"
#include "neap/runtime/executable.h"
#include "neap/sparse/plan.h"
#include "neap/transform/optimizer.h"

namespace neap::sparse {
namespace {

Array random_weights(const CrossoverLayer& layer) {
  Array made(DType::f32, {layer.rows, layer.columns});
  CounterRandom random(0, Draw::split, 0);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, random.next() * 0x1p-31 - 1);
  return made;
}

// The layer as it runs: with all of the matrix where there is no layout, else by the layout's product, whether that pays or not.
Executable executable(const CrossoverLayer& layer, const Array& weights, const Array& mask, const LayoutChoice& layout) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {layer.tokens, layer.columns}, {}});
  const Var bias = build.constant(Array::full(DType::f32, {layer.rows}, 1));
  Var y;
  if (layout.layout == nullptr) {
    y = build.call("matmul", {x, build.constant(weights)}, {{"transpose_b", true}});
  } else {
    std::vector<Var> operands{x};
    for (const Array& component : layout.pack(weights, mask)) operands.push_back(build.constant(component));
    Attributes attributes = attributes_of(layout, {layer.rows, layer.columns});
    attributes["features_first"] = true;
    y = build.call(layout.layout->op("matmul"), operands, attributes);
  }
  graph.add_output((y + bias).id(), "y");
  Optimizer optimizer(graph);
  optimizer.optimize();
  return Executable(optimizer.graph());
}

// How many columns of one pattern: of 8 to 16 the number that leaves least padding behind the last chunk, the larger of equal ones.
std::int64_t group(std::int64_t patterns, std::int64_t columns) {
  constexpr std::int64_t least = 8, most = 16;
  const auto padded = [&](std::int64_t g) { return (columns + g * patterns - 1) / (g * patterns) * g * patterns; };
  std::int64_t best = std::min(most, columns / patterns);
  for (std::int64_t g = best - 1; g >= least; --g) best = padded(g) < padded(best) ? g : best;
  return best;
}

CrossoverCurve grouped(const CrossoverLayer& layer) {
  CrossoverCurve curve{"n:m:g", "#2b8a5a", {}};
  for (const auto& [n, m] : {std::pair{2, 4}, {2, 5}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 8}, {1, 10}, {1, 20}, {1, 50}}) {
    const std::int64_t patterns = binomial(m, n);
    if (m > layer.rows || patterns > layer.columns) continue;
    const std::string text = fmt::format("nmg n={} m={} g={}", n, m, group(patterns, layer.columns));
    curve.points.push_back({.zeros = 1 - static_cast<double>(n) / m, .sparsifier = text, .layout = text});
  }
  return curve;
}

CrossoverCurve by_share(const char* name, const char* color, const char* sparsifier, const char* layout) {
  CrossoverCurve curve{name, color, {}};
  for (const double zeros : {0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99})
    curve.points.push_back({.zeros = zeros, .sparsifier = fmt::format(fmt::runtime(sparsifier), zeros), .layout = layout});
  return curve;
}

// Whether the plan would take the layout rather than the dense matrix.
bool pays(const CrossoverLayer& layer, const Array& weights, const Array& mask, const LayoutChoice& layout) {
  const Array zeros = with_zeros(weights, mask);
  for (const PricedLayout& one : price_layouts(product_with(type_of(zeros)), zeros, mask, layout, {layer.tokens})) {
    if (one.layout.layout == nullptr) return false;
    if (one.layout.to_string() == layout.to_string()) return true;
  }
  return false;
}

}  // namespace

std::string CrossoverLayer::text() const { return fmt::format("{} x {}, {} tokens", rows, columns, tokens); }

std::vector<CrossoverCurve> crossover_curves(const CrossoverLayer& layer) {
  return {grouped(layer), by_share("4 x 1 blocks", "#c2571a", "blocks sparsity={} r=4 c=1", "blocks r=4 c=1"),
          by_share("CSR", "#2e6fbb", "magnitude sparsity={}", "csr")};
}

Crossover measure_crossover(const CrossoverLayer& layer, int rounds) {
  Crossover made{.curves = crossover_curves(layer)};
  const Array weights = random_weights(layer), x = Array::full(DType::f32, {layer.tokens, layer.columns}, 0.5);
  std::vector<Executable> all;
  all.push_back(executable(layer, weights, {}, {}));
  for (CrossoverCurve& curve : made.curves) {
    for (CrossoverPoint& point : curve.points) {
      const LayoutChoice layout = LayoutChoice::parse(point.layout);
      const Array mask = SparsifierChoice::parse(point.sparsifier).keep({.weights = weights, .place = "the layer's weights"});
      point.zeros = sparsity_of(mask);
      point.pays = pays(layer, weights, mask, layout);
      all.push_back(executable(layer, weights, mask, layout));
    }
  }
  std::vector<std::function<void()>> ways;
  for (Executable& one : all) ways.emplace_back([&] { one.run({x}); });
  const std::vector<std::vector<double>> seconds = interleaved_seconds(ways, rounds);
  made.dense_seconds = quantile(seconds[0], 0.5);
  std::size_t next = 1;
  for (CrossoverCurve& curve : made.curves) {
    for (CrossoverPoint& point : curve.points) {
      point.seconds = quantile(seconds[next++], 0.5);
      point.ratio = made.dense_seconds / point.seconds;
    }
  }
  return made;
}

}  // namespace neap::sparse
