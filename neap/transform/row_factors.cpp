#include "neap/transform/row_factors.h"

#include <fmt/format.h>

namespace neap {
namespace {

Var as_rows(const Var& factor, int rank) {
  if (factor.rank() == rank) return factor;
  Shape shape = factor.shape();
  shape.resize(static_cast<std::size_t>(rank), Dim(1));
  return reshape(factor, shape);
}

// The rows that have entries; zeros for the others.
Var where_entries(Builder& build, const Var& rows, const Var& offsets) {
  Map map;
  Stage stage;
  for (int d = 0; d < rows.rank(); ++d) {
    map.axes.push_back({d, d == 0 ? "r" : fmt::format("f{}", d), rows.size(d), nullptr});
    stage.index.push_back(axis_position(map.axes.back()));
  }
  const auto offset = [&](const Expr& at) { return read(1, offsets.dtype(), {at}); };
  stage.value =
      select(offset(stage.index[0]) < offset(stage.index[0] + Expr(1)), read(0, rows.dtype(), stage.index), constant(rows.dtype(), 0));
  map.stages = {stage};
  return build.map(std::move(map), {rows.dtype(), rows.shape(), {}}, {rows, offsets});
}

}  // namespace

Var times_rows(Var rows, const std::vector<Var>& factors) {
  for (const Var& factor : factors) rows = rows * as_rows(factor, rows.rank());
  return rows;
}

Var with_row_factors(Builder& build, Var sums, const std::vector<Var>& factors, const std::vector<Var>& divisors, const Var& offsets) {
  if (factors.empty() && divisors.empty()) return sums;
  sums = times_rows(sums, factors);
  for (const Var& divisor : divisors) sums = sums / as_rows(divisor, sums.rank());
  return where_entries(build, sums, offsets);
}

}  // namespace neap
