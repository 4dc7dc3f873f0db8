// Products of a sparse matrix and a dense one, and the dense products that a sparse pattern samples: each is the other's gradient.
// Weights and features may share leading axes (the heads of graph attention).
#include "neap/ops/pattern.h"

namespace neap::spmm_operator {
namespace {

void check_weights(const Call& call, const Pattern& pattern) {
  const Type &x = call.input(0), &weights = call.input(1);
  if (weights.dtype != x.dtype) call.fail(fmt::format("weights are {}, x is {}", name(weights.dtype), name(x.dtype)), "cast one of them");
  pattern.check_rows(1, pattern.entries());
  if (weights.rank() > x.rank() || !std::equal(weights.shape.begin() + 1, weights.shape.end(), x.shape.begin() + 1))
    call.fail("weights are " + weights.to_string() + ", x " + x.to_string(),
              "weights have one element an entry, or one for each of x's first feature axes");
}

void define_spmm(Definition& d) {
  const Call& call = d.call();
  const Pattern pattern(d, 2);
  const bool transposed = call.flag("transpose");
  if (call.input(0).rank() == 0) call.fail("x has rows");
  if (transposed) {
    pattern.check_rows(0, pattern.rows());
  } else if (call.has(4)) {
    pattern.check_rows(0, pattern.columns());
  }
  if (call.has(1)) check_weights(call, pattern);
  const Axis row = d.axis("r", transposed ? pattern.columns() : pattern.rows());
  const std::vector<Axis> features = feature_axes(d, 0);
  const Axis entry = transposed ? pattern.entries_of_column(row) : pattern.entries_of_row(row);
  Expr value = d.read(0, feature_index(transposed ? pattern.row_of(entry) : pattern.column_of(entry), features));
  if (call.has(1)) {
    const std::vector<Axis> heads(features.begin(), features.begin() + (call.input(1).rank() - 1));
    value = d.read(1, feature_index(transposed ? pattern.place_of(entry) : axis_position(entry), heads)) * value;
  }
  std::vector<Axis> axes{row};
  axes.insert(axes.end(), features.begin(), features.end());
  d.output(value.dtype(), axes, d.sum({entry}, value));
}

std::vector<Var> spmm_gradient(const GradientContext& g) {
  const bool transposed = g.call.flag("transpose");
  const std::vector<Var> pattern = pattern_of(g.inputs, 2);
  const Var &x = g.inputs[0], &weights = g.inputs[1], &dy = g.cotangents[0];
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = g.build.call("spmm", with_pattern({dy, weights}, pattern), {{"transpose", !transposed}});
  if (weights) {
    gradients[1] = g.build.call("sddmm", with_pattern(transposed ? std::vector<Var>{x, dy} : std::vector<Var>{dy, x}, pattern),
                                {{"kept", std::int64_t{weights.rank() - 1}}});
  }
  return gradients;
}

const Register spmm{
    {.name = "spmm",
     .about = "y[r, f] = sum over the entries e of row r of weights[e] * x[columns[e], f]; weights of 1 where none are given",
     .inputs = Pattern::behind({{"x"}, {"weights", InputSpec::optional}}),
     .attributes = {{"transpose", false, "the product with the transpose: y[c, f] sums over the entries of column c"}},
     .define = define_spmm,
     .gradient = spmm_gradient}};

void define_sddmm(Definition& d) {
  const Call& call = d.call();
  const Pattern pattern(d, 2);
  const Type &a = call.input(0), &b = call.input(1);
  if (a.dtype != b.dtype) call.fail(fmt::format("operands are {} and {}", name(a.dtype), name(b.dtype)), "cast one of them");
  pattern.check_rows(0, pattern.rows());
  if (call.has(4)) pattern.check_rows(1, pattern.columns());
  if (b.rank() != a.rank() || !std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1))
    call.fail("operands differ in their features");
  const std::int64_t kept = call.integer("kept");
  if (kept < 0 || kept >= a.rank()) call.fail(fmt::format("{} feature axes are kept of {}", kept, a.rank() - 1));
  const Axis row = d.axis("r", pattern.rows());
  const Axis entry = pattern.each_entry_of_row(row);
  Type type{a.dtype, {pattern.entries()}, {}};
  std::vector<Axis> features, summed;
  for (int i = 1; i < a.rank(); ++i) {
    if (i <= kept) {
      features.push_back(d.axis(fmt::format("f{}", i), d.size(0, i)));
      type.shape.push_back(features.back().extent);
    } else {
      summed.push_back(d.over(fmt::format("s{}", i), d.size(0, i)));
      features.push_back(summed.back());
    }
  }
  const std::vector<Axis> written(features.begin(), features.begin() + kept);
  Expr value = d.read(0, feature_index(axis_position(row), features)) * d.read(1, feature_index(pattern.column_of(entry), features));
  if (!summed.empty()) value = d.sum(summed, value);
  d.scatter(std::move(type), feature_index(axis_position(entry), written), value, Accumulate::none);
}

std::vector<Var> sddmm_gradient(const GradientContext& g) {
  const std::vector<Var> pattern = pattern_of(g.inputs, 2);
  const auto product = [&](const Var& x, bool transposed) {
    return g.build.call("spmm", with_pattern({x, g.cotangents[0]}, pattern), {{"transpose", transposed}});
  };
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = product(g.inputs[1], false);
  gradients[1] = product(g.inputs[0], true);
  return gradients;
}

const Register sddmm{{.name = "sddmm",
                      .about = "y[e] = sum over f of a[r, f] * b[columns[e], f] for each entry e of row r",
                      .inputs = Pattern::behind({{"a"}, {"b"}}),
                      .attributes = {{"kept", std::int64_t{0}, "how many of the first feature axes are not summed over: y[e, f1, ...]"}},
                      .define = define_sddmm,
                      .gradient = sddmm_gradient}};

}  // namespace
}  // namespace neap::spmm_operator
