// A sparse pattern as operands of a call: where the entries of a matrix (the edges of a graph) stand. `offsets` [rows+1] and `columns` [E]
// are the pattern by rows (CSR). The last three are the same entries by columns: `t_offsets` [columns+1], and for each entry of a
// column its row (`t_rows` [E]) and where it stands in the order by rows (`t_order` [E]); a product with the transpose, and so a gradient,
// reads them, so that nothing is scattered and the sums are the same on any number of threads.
#pragma once
#include "neap/ops/builder.h"

namespace neap {

class Pattern {
 public:
  // The operands `front`, then the five of a pattern, the last three optional.
  static std::vector<InputSpec> behind(std::vector<InputSpec> front);

  // The pattern stands at operands `first` to `first` + 4 of the call. Error where their shapes do not fit each other.
  Pattern(Definition& d, int first);

  Dim rows() const;
  Dim columns() const;  // Error without the pattern by columns
  const Dim& entries() const { return d_->size(first_ + 1, 0); }
  // Error unless operand `input` has `size` elements on its first axis.
  void check_rows(int input, const Dim& size) const;

  Axis entries_of_row(const Axis& row) const;        // a ragged axis for a reduction
  Axis entries_of_column(const Axis& column) const;  // likewise, in the order by columns
  Axis each_entry_of_row(const Axis& row) const;     // a ragged axis of the map
  Expr column_of(const Axis& entry) const;
  Expr row_of(const Axis& column_entry) const;    // of an entry in the order by columns
  Expr place_of(const Axis& column_entry) const;  // and where it stands in the order by rows

 private:
  std::pair<Expr, Expr> range(int offsets, const Axis& of) const;
  Expr index(int input, const Expr& at) const;
  void need_columns() const;
  Definition* d_;
  int first_;
};

// Axes over the features of operand `input`: its axes from the second on.
std::vector<Axis> feature_axes(Definition& d, int input);
// An index: `first` on the first axis, then the positions on these.
std::vector<Expr> feature_index(const Expr& first, const std::vector<Axis>& features);

// The operands of a pattern within those of a call.
std::vector<Var> pattern_of(const std::vector<Var>& operands, std::size_t first);
// `front` and then the pattern, as operands of another call.
std::vector<Var> with_pattern(std::vector<Var> front, const std::vector<Var>& pattern);

}  // namespace neap
