#include "neap/ops/pattern.h"

#include "neap/ops/indexing.h"

namespace neap {

std::vector<InputSpec> Pattern::behind(std::vector<InputSpec> front) {
  const InputSpec pattern[] = {
      {"offsets"}, {"columns"}, {"t_offsets", InputSpec::optional}, {"t_rows", InputSpec::optional}, {"t_order", InputSpec::optional}};
  front.insert(front.end(), std::begin(pattern), std::end(pattern));
  return front;
}

Pattern::Pattern(Definition& d, int first) : d_(&d), first_(first) {
  const Call& call = d.call();
  int by_columns = 0;
  for (int k = first; k < first + 5; ++k) {
    if (!call.has(k)) continue;
    check_indices(call, k);
    if (call.input(k).rank() != 1) call.fail(fmt::format("operand {} of a pattern has {} axes", k, call.input(k).rank()), "they are lists");
    by_columns += k >= first + 2 ? 1 : 0;
  }
  if (by_columns != 0 && by_columns != 3) call.fail("half a pattern by columns", "give t_offsets, t_rows and t_order, or none of them");
  for (int k = first + 3; by_columns == 3 && k < first + 5; ++k) {
    if (!(d.size(k, 0) == entries()))
      call.fail(fmt::format("{} entries by rows and {} by columns", entries().to_string(), d.size(k, 0).to_string()));
  }
}

Dim Pattern::rows() const { return d_->size(first_, 0) - Dim(1); }

void Pattern::need_columns() const {
  if (!d_->call().has(first_ + 2))
    d_->call().fail("the transpose of a pattern that is known by rows only", "give t_offsets, t_rows and t_order");
}

Dim Pattern::columns() const {
  need_columns();
  return d_->size(first_ + 2, 0) - Dim(1);
}

void Pattern::check_rows(int input, const Dim& size) const {
  const Type& type = d_->call().input(input);
  if (type.rank() == 0 || !(type.shape[0] == size))
    d_->call().fail(fmt::format("operand {} is {}, the pattern has {} there", input, type.to_string(), size.to_string()));
}

Expr Pattern::index(int input, const Expr& at) const { return cast(d_->read(first_ + input, {at}), DType::i64); }

std::pair<Expr, Expr> Pattern::range(int offsets, const Axis& of) const {
  return {index(offsets, axis_position(of)), index(offsets, axis_position(of) + Expr(1))};
}

Axis Pattern::entries_of_row(const Axis& row) const {
  const auto [begin, end] = range(0, row);
  return d_->over_ragged("e", entries(), begin, end);
}

Axis Pattern::entries_of_column(const Axis& column) const {
  need_columns();
  const auto [begin, end] = range(2, column);
  return d_->over_ragged("e", entries(), begin, end);
}

Axis Pattern::each_entry_of_row(const Axis& row) const {
  const auto [begin, end] = range(0, row);
  return d_->axis_ragged("e", entries(), begin, end);
}

Expr Pattern::column_of(const Axis& entry) const { return index(1, axis_position(entry)); }
Expr Pattern::row_of(const Axis& column_entry) const { return index(3, axis_position(column_entry)); }
Expr Pattern::place_of(const Axis& column_entry) const { return index(4, axis_position(column_entry)); }

std::vector<Axis> feature_axes(Definition& d, int input) {
  std::vector<Axis> axes;
  for (int i = 1; i < d.call().input(input).rank(); ++i) axes.push_back(d.axis(fmt::format("f{}", i), d.size(input, i)));
  return axes;
}

std::vector<Expr> feature_index(const Expr& first, const std::vector<Axis>& features) {
  std::vector<Expr> index = positions(features);
  index.insert(index.begin(), first);
  return index;
}

std::vector<Var> pattern_of(const std::vector<Var>& operands, std::size_t first) {
  std::vector<Var> pattern;
  for (std::size_t k = first; k < first + 5; ++k) pattern.push_back(k < operands.size() ? operands[k] : Var());
  return pattern;
}

std::vector<Var> with_pattern(std::vector<Var> front, const std::vector<Var>& pattern) {
  front.insert(front.end(), pattern.begin(), pattern.end());
  return front;
}

}  // namespace neap
