// Rows of tables at which lists point, one for each entry of an axis: x[columns[e], ...], e running over the entries of a row.
#pragma once
#include <functional>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct GatheredRows {
  const Expr::Node* list = nullptr;  // the read of the list
  std::int64_t table = -1;           // an operand
  std::int64_t bytes = 0;            // of one of its rows
};

// The read of a list at `axis` that `index` is, perhaps cast; null where it is something else.
const Expr::Node* list_read(const Expr& index, const Axis& axis);

// Of each list and table once. Tables whose rows are no rows of memory, or of a size that is not known, are left out.
std::vector<GatheredRows> gathered_rows(const std::vector<Stage>& stages, const Axis& axis,
                                        const std::function<Type(std::int64_t)>& type_of);

// The list that brings the most bytes an entry, as an operand; -1 where there is none.
std::int64_t heaviest_list(const std::vector<GatheredRows>& rows);

// The map's axis that says which slice of tables (x[k, columns[e], ...]: k) its entries point into. A map goes through one slice after the
// other, as caches hold more of one than of all. -1: there is none, or several; scopes and maps that accumulate have none.
int slice_axis(const Map& map);

}  // namespace neap
