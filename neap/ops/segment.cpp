// Reductions over the rows of a ragged axis (CSR): row r holds the entries offsets[r] to offsets[r + 1].
#include "neap/ops/indexing.h"

namespace neap::segment_operator {
namespace {

const std::vector<InputSpec> segment_inputs = {{"values"}, {"offsets"}};

// Rows that `offsets` (operand `input`) tell apart.
Dim row_count(const Call& call, int input) {
  check_indices(call, input);
  if (call.input(input).rank() != 1) call.fail("offsets have one axis", "give the first entry of each row, and the number of entries");
  return call.size(input, 0) - Dim(1);
}

// The offset at which row r + `next` begins.
Expr offset(const Definition& d, const Axis& row, int next) { return cast(d.read(1, {axis_position(row) + Expr(next)}), DType::i64); }

void define_segment(Definition& d, Reduction kind, bool mean) {
  const Type& values = d.call().input(0);
  if (values.rank() == 0) d.call().fail("values have an axis of entries");
  const Axis row = d.axis("r", row_count(d.call(), 1));
  std::vector<Axis> axes{row};
  for (int i = 1; i < values.rank(); ++i) axes.push_back(d.axis(fmt::format("i{}", i), d.size(0, i)));
  const Axis entry = d.over_ragged("e", d.size(0, 0), offset(d, row, 0), offset(d, row, 1));
  std::vector<Expr> index = positions(axes);
  index[0] = axis_position(entry);
  Expr value = reduce(kind, {entry}, d.read(0, index));
  if (mean) {
    const Expr length = entry.ragged->second - entry.ragged->first;
    value = value / cast(max(length, Expr(1)), value.dtype());
  }
  d.output(value.dtype(), axes, value);
}

Var broadcast(const GradientContext& g, const Var& rows) {
  return g.build.call("segment_broadcast", {rows, g.inputs[1]}, {{"entries", Shape{g.inputs[0].size(0)}}});
}

std::vector<Var> extreme_gradient(const GradientContext& g) {
  const auto collect = [&](const Var& value) { return g.build.call("segment_sum", {value, g.inputs[1]}); };
  return {shared_by_ties(
              g.inputs[0], g.outputs[0], g.cotangents[0], [&](const Var& rows) { return broadcast(g, rows); }, collect),
          Var()};
}

std::vector<Var> mean_gradient(const GradientContext& g) {
  const Var dy = g.cotangents[0];
  const Var ones = g.build.full(dy.dtype(), {g.inputs[0].size(0)}, 1);
  const Var lengths = g.build.call("segment_sum", {ones, g.inputs[1]});
  Shape column(static_cast<std::size_t>(dy.rank()), Dim(1));
  column[0] = dy.size(0);
  return {broadcast(g, dy / reshape(lengths, column)), Var()};
}

const Register segment_sum{{.name = "segment_sum",
                            .about = "y[r, f] = sum of values[e, f] over the entries e of row r",
                            .inputs = segment_inputs,
                            .define = [](Definition& d) { define_segment(d, Reduction::sum, false); },
                            .gradient =
                                [](const GradientContext& g) {
                                  return std::vector<Var>{broadcast(g, g.cotangents[0]), Var()};
                                }}};
const Register segment_mean{{.name = "segment_mean",
                             .about = "mean of the entries of each row; 0 for a row without any",
                             .inputs = segment_inputs,
                             .define = [](Definition& d) { define_segment(d, Reduction::sum, true); },
                             .gradient = mean_gradient}};
const Register segment_max{{.name = "segment_max",
                            .about = "largest entry of each row; the lowest number for a row without any",
                            .inputs = segment_inputs,
                            .define = [](Definition& d) { define_segment(d, Reduction::max, false); },
                            .gradient = extreme_gradient}};
const Register segment_min{{.name = "segment_min",
                            .about = "smallest entry of each row; the highest number for a row without any",
                            .inputs = segment_inputs,
                            .define = [](Definition& d) { define_segment(d, Reduction::min, false); },
                            .gradient = extreme_gradient}};

const Register segment_broadcast{{.name = "segment_broadcast",
                                  .about = "y[e, f] = rows[r, f] for each entry e of row r; the rows hold every entry",
                                  .inputs = {{"rows"}, {"offsets"}},
                                  .attributes = {{"entries", Shape{}, "how many entries there are", true}},
                                  .define =
                                      [](Definition& d) {
                                        const Type& rows = d.call().input(0);
                                        if (rows.rank() == 0 || !(d.size(0, 0) == row_count(d.call(), 1)))
                                          d.call().fail("rows and offsets do not fit");
                                        if (d.call().dims("entries").size() != 1) d.call().fail("takes one number of entries");
                                        const Dim& entries = d.call().dims("entries")[0];
                                        const Axis row = d.axis("r", d.size(0, 0));
                                        const Axis entry = d.axis_ragged("e", entries, offset(d, row, 0), offset(d, row, 1));
                                        Type type{rows.dtype, {entries}, {}};
                                        std::vector<Expr> index{axis_position(entry)}, source{axis_position(row)};
                                        for (int i = 1; i < rows.rank(); ++i) {
                                          const Axis axis = d.axis(fmt::format("i{}", i), d.size(0, i));
                                          type.shape.push_back(axis.extent);
                                          index.push_back(axis_position(axis));
                                          source.push_back(axis_position(axis));
                                        }
                                        d.scatter(type, index, d.read(0, source), Accumulate::none);
                                      },
                                  .gradient =
                                      [](const GradientContext& g) {
                                        return std::vector<Var>{g.build.call("segment_sum", {g.cotangents[0], g.inputs[1]}), Var()};
                                      }}};

}  // namespace
}  // namespace neap::segment_operator
