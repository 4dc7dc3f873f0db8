// A matrix most of whose elements are zero, by rows: features such as bags of words.
#pragma once
#include "neap/files/bytes.h"
#include "neap/gnn/csr.h"

namespace neap::gnn {

struct SparseRows {
  Csr csr;
  Array values;  // [entries], floating-point

  std::int64_t rows() const { return csr.rows; }
  std::int64_t columns() const { return csr.columns; }
};

void check(const SparseRows& matrix, const std::string& place);
Array dense(const SparseRows& matrix);  // [rows, columns]; an entry that is there twice counts twice
// The columns [begin, end) of each range, one range after the other.
SparseRows columns_of(const SparseRows& matrix, const std::vector<std::pair<std::int64_t, std::int64_t>>& ranges);
SparseRows rows_of(const SparseRows& matrix, std::span<const VertexId> rows);

// From arrays that a file calls PREFIXindptr, PREFIXindices, PREFIXdata and PREFIXshape (scipy's names; indices of i32 or i64); without
// data all values are 1. Error naming `place` and the array that is missing or does not fit.
SparseRows sparse_rows(const NamedArrays& arrays, const std::string& prefix, const std::string& place, std::int64_t memory_limit = 0);

}  // namespace neap::gnn
