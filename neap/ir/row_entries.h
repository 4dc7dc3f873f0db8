// Entries of rows, where offsets in the data say which are a row's.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// The axis's bounds are offsets[row] and offsets[row + 1] of an operand: which, and of which axis; -1 where they are not.
struct RowEntries {
  std::int64_t offsets = -1;
  int row = -1;
};
RowEntries row_entries(const Axis& axis);

// A result's entries, each written by the row that holds it: all are written if rows begin with entry 0 and end with the last, since each
// row ends where the next begins.
struct WrittenEntries {
  Expr first, end;           // of all rows, read from the offsets
  Dim count;                 // that the result has
  std::int64_t offsets = 0;  // the operand that they are read from
};
// Of each result that is written so, in a map or scope.
std::vector<WrittenEntries> written_entries(const Map& map);

}  // namespace neap
