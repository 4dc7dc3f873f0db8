// Where an access lies in memory, as an expression of axes, and what is known of it before the kernel runs.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// The element offset of an access in its operand's storage.
Expr storage_offset(const Type& type, const std::vector<Expr>& index);
// The distance in elements between neighbours on each axis of the type; empty for blocked layouts.
std::optional<std::vector<Dim>> strides(const Type& type);

// Elements that lie side by side at one point of dimension `dim` of the type.
Dim run_length(const Type& type, int dim);

// Axes that an expression depends on, but those of its own reductions.
std::set<int> free_axes(const Expr& expr);
// The coefficient of `axis` where offset = coefficient * axis + (something without it); nothing where it is not of this form.
std::optional<Dim> coefficient_of(const Expr& offset, int axis);

// How many neighbours on `axis` share an element, where offset = floor(axis / that) + (something without it); 1 where it is not of this
// form.
std::int64_t group_of(const Expr& offset, int axis);
// After how many positions on `axis` the same elements come again, where offset = (axis mod that) + (something without it); 0 where it is
// not of this form.
std::int64_t period_of(const Expr& offset, int axis);
// Whether it is of one of these forms: vectors along `axis` have an element in several lanes.
bool shares_lanes(const Expr& offset, int axis);

std::vector<Expr> index_of(const Expr& read);  // the indices of a read, without its outside value
bool has_outside(const Expr& read);
bool has_read(const Expr& expr);
void conjuncts(const Expr& condition, std::vector<Expr>& found);  // a && b && c, taken apart; what is always true is left out

// Extents of all axes of a map: its own, its stages' and its reductions'.
std::map<int, Axis> axes_by_id(const Map& map);
// Whether an index is within a size whatever the axes' positions; whether all of a read's are (false where that cannot be seen from
// constant sizes).
bool surely_inside(const Expr& index, const Dim& size, const std::map<int, Axis>& axes);
bool surely_inside(const Expr& read, const Type& type, const std::map<int, Axis>& axes);
// The condition under which it is, without what always holds.
Expr inside_condition(const Expr& read, const Type& type, const std::map<int, Axis>& axes);

// Whether the expression is a reduction over a small constant window (a convolution's taps), which is written out term by term.
bool is_window(const Expr& expr);
// The positions on the window's axes, term by term.
std::vector<std::map<int, Expr>> window_terms(const Expr& window);

}  // namespace neap
