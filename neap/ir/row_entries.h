// Entries that a map writes row by row, where offsets in the data say which are a row's.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// A result's entries, each written by the row that holds it: all are written if rows begin with entry 0 and end with the last, since each
// row ends where the next begins.
struct RowEntries {
  Expr first, end;           // of all rows, read from the offsets
  Dim count;                 // that the result has
  std::int64_t offsets = 0;  // the operand that they are read from
};

// Of each result that is written so, in a map or scope. Rows that do not follow each other in the offsets are not among them.
std::vector<RowEntries> entries_written(const Map& map);

}  // namespace neap
