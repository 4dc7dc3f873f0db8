// Values from vertices to edges and back, for messages that are no plain product. An edge is an entry of a pattern: row r receives from
// column columns[e]. What a row gives its own edges, and what edges bring their row, are segment_broadcast and the segment reductions.
#include "neap/ops/pattern.h"

namespace neap::edges_operator {
namespace {

void define_source(Definition& d) {
  const Pattern pattern(d, 1);
  const Type& x = d.call().input(0);
  if (x.rank() == 0) d.call().fail("x has rows");
  if (d.call().has(3)) pattern.check_rows(0, pattern.columns());
  std::vector<Axis> axes{d.axis("e", pattern.entries())};
  const std::vector<Axis> features = feature_axes(d, 0);
  const Expr value = d.read(0, feature_index(pattern.column_of(axes[0]), features));
  axes.insert(axes.end(), features.begin(), features.end());
  d.output(x.dtype, axes, value);
}

void define_collect(Definition& d) {
  const Pattern pattern(d, 1);
  const Type& values = d.call().input(0);
  pattern.check_rows(0, pattern.entries());
  std::vector<Axis> axes{d.axis("c", pattern.columns())};
  const std::vector<Axis> features = feature_axes(d, 0);
  const Axis entry = pattern.entries_of_column(axes[0]);
  const Expr value = d.sum({entry}, d.read(0, feature_index(pattern.place_of(entry), features)));
  axes.insert(axes.end(), features.begin(), features.end());
  d.output(values.dtype, axes, value);
}

std::vector<Var> gradient(const GradientContext& g, std::string_view op) {
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = g.build.call(op, with_pattern({g.cotangents[0]}, pattern_of(g.inputs, 1)));
  return gradients;
}

const Register edge_source{{.name = "edge_source",
                            .about = "y[e, f] = x[columns[e], f]: what each edge brings from its source",
                            .inputs = Pattern::behind({{"x"}}),
                            .define = define_source,
                            .gradient = [](const GradientContext& g) { return gradient(g, "edge_collect"); }}};

const Register edge_collect{{.name = "edge_collect",
                             .about = "y[c, f] = sum of values[e, f] over the edges e with columns[e] = c: what came from each source",
                             .inputs = Pattern::behind({{"values"}}),
                             .define = define_collect,
                             .gradient = [](const GradientContext& g) { return gradient(g, "edge_source"); }}};

}  // namespace
}  // namespace neap::edges_operator
