// gnn/: graphs as data. This file: compressed sparse rows, the one form in which adjacency is stored and given to operators.
#pragma once
#include <cstdint>
#include <limits>
#include <string>

#include "neap/base/array.h"

namespace neap::gnn {

using VertexId = std::int32_t;
constexpr std::int64_t most_vertices = std::numeric_limits<VertexId>::max();

// Row r holds the entries offsets[r] to offsets[r + 1]; entry e stands in the column indices[e].
struct Csr {
  std::int64_t rows = 0, columns = 0;
  Array offsets = Array::zeros(DType::i64, {1});  // i64 [rows + 1]
  Array indices = Array::zeros(DType::i32, {0});  // i32 [entries]

  std::int64_t entries() const { return indices.count(); }
  std::int64_t begin(std::int64_t row) const { return offsets.values<std::int64_t>()[static_cast<std::size_t>(row)]; }
  std::int64_t end(std::int64_t row) const { return begin(row + 1); }
  std::int64_t length(std::int64_t row) const { return end(row) - begin(row); }
  std::span<const VertexId> row(std::int64_t row) const {
    return indices.values<VertexId>().subspan(static_cast<std::size_t>(begin(row)), static_cast<std::size_t>(length(row)));
  }
};

// Error naming `place` and the element unless dtypes, sizes, order of the offsets and all indices are right.
void check(const Csr& csr, const std::string& place);

Array rows_of_entries(const Csr& csr);  // i32 [entries]: the row of each entry

struct Transpose {
  Csr csr;
  Array entries;  // [entries]: where each entry of the transpose stands in the original; i32, or i64 beyond 2^31 of them
};
// Entries of a row in the order of the original, so the columns of the transpose of sorted rows, and of any transpose, ascend.
Transpose transpose(const Csr& csr);

// Elements [entries, ...] put into the order of `entries`: the weights of a transpose.
Array rows_at(const Array& values, const Array& entries);

}  // namespace neap::gnn
