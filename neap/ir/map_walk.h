// Going through all expressions of a map, and numbering what its reads name anew.
#pragma once
#include <functional>

#include "neap/ir/graph.h"

namespace neap {

// A read of another operand, at the same place.
Expr read_of(const Expr& read, std::int64_t operand);
// A read of another operand at another place; what stands for elements outside stays.
Expr read_at(const Expr& read, std::int64_t operand, std::vector<Expr> index);
bool reads(const Expr& value, std::int64_t operand);
// An expression with other operands: `number` gives the new number of each.
using OperandNumber = std::function<std::int64_t(std::int64_t)>;
Expr renumber_reads(const Expr& root, const OperandNumber& number);
void renumber_reads(Map& map, const OperandNumber& number);

// Every expression of a map: values, indices, bounds of ragged axes. `f` as in `rewrite` and `visit`.
void rewrite_map(Map& map, const std::function<Expr(const Expr&)>& f);
void visit_map(const Map& map, const std::function<void(const Expr&)>& f);

// Whether it has buffers or loops of its own within a point of its axes.
bool is_scope(const Map& map);

int highest_axis(const Map& map);  // largest axis id in it, its expressions' too; -1 if there is none

}  // namespace neap
