// Graphs that bring a value into a format, for tests.
#pragma once
#include <cmath>
#include <string>

#include "neap/runtime/executable.h"
#include "neap/sparse/format.h"
#include "neap/transform/optimizer.h"

namespace neap::sparse {

inline Array waves(Sizes sizes) {
  Array made(DType::f32, std::move(sizes));
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(static_cast<double>(i * i)));
  return made;
}

// y = in_format(x).
inline Graph formatted_graph(const std::string& format, const Shape& shape, const Array& mask = {}) {
  Graph graph;
  Builder build(graph);
  FormatInputs inputs{.stream = 3};
  if (OutputFormat::parse(format).draws()) inputs.seed = build.constant(Array::scalar<std::int64_t>(7));
  if (!mask.empty()) inputs.mask = build.constant(mask);
  graph.add_output(in_format(build, build.input("x", {DType::f32, shape, {}}), OutputFormat::parse(format), inputs).id(), "y");
  return graph;
}

inline Array run_optimized(const Graph& graph, const std::vector<Array>& inputs) {
  Optimizer optimizer(graph);
  optimizer.optimize(4);
  return Executable(optimizer.graph()).run(inputs)[0];
}

}  // namespace neap::sparse
