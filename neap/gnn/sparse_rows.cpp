#include "neap/gnn/sparse_rows.h"

#include "neap/base/error.h"
#include "neap/base/memory.h"

namespace neap::gnn {
namespace {

const Array& needed(const NamedArrays& arrays, const std::string& name, const std::string& place) {
  const auto found = arrays.find(name);
  if (found == arrays.end())
    throw Error(fmt::format("there is no array {}", shown(name)), place, "a sparse matrix has indptr, indices, data and shape");
  return found->second;
}

// Whole numbers, exactly; Error on other dtypes and on those beyond the ids.
Array whole_numbers(const Array& array, DType dtype, const std::string& what, const std::string& place) {
  if (!is_integer(array.dtype()) || array.rank() != 1) {
    throw Error(fmt::format("{} is {} {}", what, name(array.dtype()), to_string(array.sizes())), place,
                "it must be integers with one axis");
  }
  if (array.dtype() == dtype) return array;
  for (std::int64_t i = 0; dtype == DType::i32 && i < array.count(); ++i) {
    const std::int64_t value = array.get_int(i);
    if (value < 0 || value > most_vertices) throw Error(fmt::format("element {} of {} is {}", i, what, value), place, "ids have 31 bits");
  }
  return array.cast(dtype);
}

SparseRows make_rows(Csr csr, const std::vector<std::int64_t>& entries, const Array& values) {
  SparseRows made;
  made.values = rows_at(values, Array::of(entries));
  made.csr = std::move(csr);
  return made;
}

}  // namespace

void check(const SparseRows& matrix, const std::string& place) {
  check(matrix.csr, place);
  if (!is_float(matrix.values.dtype()) || matrix.values.sizes() != Sizes{matrix.csr.entries()}) {
    throw Error(
        fmt::format("values are {} {} for {} entries", name(matrix.values.dtype()), to_string(matrix.values.sizes()), matrix.csr.entries()),
        place, "give a floating-point value for each entry");
  }
}

Array dense(const SparseRows& matrix) {
  check_memory(static_cast<double>(matrix.rows()) * static_cast<double>(matrix.columns()) * size_of(matrix.values.dtype()),
               "the dense matrix", "features");
  Array made = Array::zeros(matrix.values.dtype(), {matrix.rows(), matrix.columns()});
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    for (std::int64_t entry = matrix.csr.begin(row); entry < matrix.csr.end(row); ++entry) {
      const std::int64_t at = row * matrix.columns() + matrix.csr.indices.values<VertexId>()[static_cast<std::size_t>(entry)];
      made.set(at, made.get(at) + matrix.values.get(entry));
    }
  }
  return made;
}

SparseRows columns_of(const SparseRows& matrix, const std::vector<std::pair<std::int64_t, std::int64_t>>& ranges) {
  std::vector<VertexId> renumbered(static_cast<std::size_t>(matrix.columns()), -1);
  std::int64_t columns = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin < 0 || end < begin || end > matrix.columns())
      throw Error(fmt::format("columns {} to {} of {}", begin, end, matrix.columns()), "features");
    for (std::int64_t column = begin; column < end; ++column)
      renumbered[static_cast<std::size_t>(column)] = static_cast<VertexId>(columns++);
  }
  std::vector<std::int64_t> entries, offsets{0};
  std::vector<VertexId> indices;
  const auto from = matrix.csr.indices.values<VertexId>();
  for (std::int64_t row = 0; row < matrix.rows(); ++row) {
    for (std::int64_t entry = matrix.csr.begin(row); entry < matrix.csr.end(row); ++entry) {
      const VertexId column = renumbered[static_cast<std::size_t>(from[static_cast<std::size_t>(entry)])];
      if (column < 0) continue;
      entries.push_back(entry);
      indices.push_back(column);
    }
    offsets.push_back(static_cast<std::int64_t>(entries.size()));
  }
  return make_rows({.rows = matrix.rows(), .columns = columns, .offsets = Array::of(offsets), .indices = Array::of(indices)}, entries,
                   matrix.values);
}

SparseRows rows_of(const SparseRows& matrix, std::span<const VertexId> rows) {
  std::vector<std::int64_t> entries, offsets{0};
  std::vector<VertexId> indices;
  for (const VertexId row : rows) {
    if (row < 0 || row >= matrix.rows()) throw Error(fmt::format("there is no row {} among {}", row, matrix.rows()), "features");
    for (std::int64_t entry = matrix.csr.begin(row); entry < matrix.csr.end(row); ++entry) entries.push_back(entry);
    const auto columns = matrix.csr.row(row);
    indices.insert(indices.end(), columns.begin(), columns.end());
    offsets.push_back(static_cast<std::int64_t>(entries.size()));
  }
  return make_rows({.rows = static_cast<std::int64_t>(rows.size()),
                    .columns = matrix.columns(),
                    .offsets = Array::of(offsets),
                    .indices = Array::of(indices)},
                   entries, matrix.values);
}

SparseRows sparse_rows(const NamedArrays& arrays, const std::string& prefix, const std::string& place, std::int64_t memory_limit) {
  const Array shape = whole_numbers(needed(arrays, prefix + "shape", place), DType::i64, prefix + "shape", place);
  if (shape.count() != 2) throw Error(fmt::format("{}shape has {} sizes", prefix, shape.count()), place, "a matrix has two");
  SparseRows matrix{.csr = {.rows = shape.get_int(0), .columns = shape.get_int(1)}};
  const Array& indices = needed(arrays, prefix + "indices", place);
  check_memory(static_cast<double>(indices.count()) * 16, "the matrix", place, memory_limit);
  matrix.csr.offsets = whole_numbers(needed(arrays, prefix + "indptr", place), DType::i64, prefix + "indptr", place);
  matrix.csr.indices = whole_numbers(indices, DType::i32, prefix + "indices", place);
  const auto data = arrays.find(prefix + "data");
  matrix.values = data == arrays.end()             ? Array::full(DType::f32, {matrix.csr.entries()}, 1)
                  : is_float(data->second.dtype()) ? data->second
                                                   : data->second.cast(DType::f32);
  check(matrix, place);
  return matrix;
}

}  // namespace neap::gnn
