// How a map becomes loops: where each access lies in memory, the order of the loops, which of them become one, which is vectorised, which
// is cut into chunks.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// The element offset of an access in its operand's storage, as an expression of axes.
Expr storage_offset(const Type& type, const std::vector<Expr>& index);

struct Nest {
  std::vector<Axis> loops;              // of the map's axes, outermost first, without the vector axis and axes of size one
  std::vector<Axis> single;             // axes of size one
  std::optional<Axis> vector;           // innermost, run as a vector loop; only in maps without scopes
  std::map<int, int> merged_into;       // an axis that runs within another: it does not appear in any loop, offsets leave it out
  std::map<int, std::set<int>> covers;  // loop axis -> axes of the map that it stands for
};

Nest make_nest(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs);

std::set<int> free_axes(const Expr& expr);  // axes that it depends on, but those of its own reductions

// A reduction that is written out term by term: a constant, small window.
bool unrolls(const Expr& reduction);
Expr unrolled(const Expr& reduction);

}  // namespace neap
