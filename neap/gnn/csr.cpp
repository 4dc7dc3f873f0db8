#include "neap/gnn/csr.h"

#include <algorithm>
#include <cstring>

#include "neap/base/error.h"

namespace neap::gnn {

void check(const Csr& csr, const std::string& place) {
  const auto wrong = [&](const std::string& how) {
    return Error("the rows of the graph are wrong: " + how, place, "build the graph again");
  };
  if (csr.rows < 0 || csr.rows > most_vertices || csr.columns < 0 || csr.columns > most_vertices) {
    throw Error(fmt::format("{} rows and {} columns: ids of vertices have 31 bits", csr.rows, csr.columns), place,
                fmt::format("use {} vertices at most", most_vertices));
  }
  if (csr.offsets.dtype() != DType::i64 || csr.offsets.sizes() != Sizes{csr.rows + 1}) {
    throw wrong(fmt::format("offsets are {} {}, not i64 [{}]", name(csr.offsets.dtype()), to_string(csr.offsets.sizes()), csr.rows + 1));
  }
  if (csr.indices.dtype() != DType::i32 || csr.indices.rank() != 1) {
    throw wrong(fmt::format("indices are {} {}, not i32 with one axis", name(csr.indices.dtype()), to_string(csr.indices.sizes())));
  }
  const auto offsets = csr.offsets.values<std::int64_t>();
  if (offsets[0] != 0) throw wrong(fmt::format("the first offset is {}, not 0", offsets[0]));
  for (std::size_t row = 0; row + 1 < offsets.size(); ++row) {
    if (offsets[row + 1] < offsets[row])
      throw wrong(fmt::format("row {} begins at {} and ends at {}", row, offsets[row], offsets[row + 1]));
  }
  if (offsets.back() != csr.entries())
    throw wrong(fmt::format("the last offset is {}, but there are {} entries", offsets.back(), csr.entries()));
  const auto indices = csr.indices.values<VertexId>();
  for (std::size_t entry = 0; entry < indices.size(); ++entry) {
    if (indices[entry] < 0 || indices[entry] >= csr.columns) {
      throw wrong(fmt::format("entry {} is in column {} of {}", entry, indices[entry], csr.columns));
    }
  }
}

Array rows_of_entries(const Csr& csr) {
  Array rows(DType::i32, {csr.entries()});
  const auto values = rows.values<VertexId>();
  for (std::int64_t row = 0; row < csr.rows; ++row)
    std::fill(values.begin() + csr.begin(row), values.begin() + csr.end(row), static_cast<VertexId>(row));
  return rows;
}

namespace {

template <class Position>
Transpose transpose_as(const Csr& csr) {
  const std::int64_t entries = csr.entries();
  Transpose made{.csr = {.rows = csr.columns,
                         .columns = csr.rows,
                         .offsets = Array::zeros(DType::i64, {csr.columns + 1}),
                         .indices = Array(DType::i32, {entries})},
                 .entries = Array(dtype_of<Position>(), {entries})};
  const auto offsets = made.csr.offsets.values<std::int64_t>();
  const auto from = csr.indices.values<VertexId>();
  const auto to = made.csr.indices.values<VertexId>();
  const auto places = made.entries.values<Position>();
  for (const VertexId column : from) ++offsets[static_cast<std::size_t>(column) + 1];
  for (std::size_t column = 1; column < offsets.size(); ++column) offsets[column] += offsets[column - 1];
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::int64_t row = 0; row < csr.rows; ++row) {
    for (std::int64_t entry = csr.begin(row); entry < csr.end(row); ++entry) {
      const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(from[static_cast<std::size_t>(entry)])]++);
      to[place] = static_cast<VertexId>(row);
      places[place] = static_cast<Position>(entry);
    }
  }
  return made;
}

}  // namespace

Transpose transpose(const Csr& csr) {
  return csr.entries() <= std::numeric_limits<std::int32_t>::max() ? transpose_as<std::int32_t>(csr) : transpose_as<std::int64_t>(csr);
}

Array rows_at(const Array& values, const Array& entries) {
  if (values.rank() == 0) throw Error("a scalar has no rows", "graph", "give one row for each entry");
  Sizes sizes = values.sizes();
  const std::int64_t before = sizes[0];
  sizes[0] = entries.count();
  Array rows(values.dtype(), sizes);
  const std::int64_t width = before == 0 ? 0 : values.bytes() / before;
  for (std::int64_t i = 0; i < entries.count(); ++i) {
    const std::int64_t at = entries.get_int(i);
    if (at < 0 || at >= before) throw Error(fmt::format("there is no row {} among {}", at, before), "graph");
    std::memcpy(rows.raw() + i * width, values.raw() + at * width, static_cast<std::size_t>(width));
  }
  return rows;
}

}  // namespace neap::gnn
