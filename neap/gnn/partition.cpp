#include "neap/gnn/partition.h"

#include <metis.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "neap/base/error.h"

namespace neap::gnn {
namespace {

static_assert(sizeof(idx_t) == sizeof(std::int32_t), "Debian's METIS has 32-bit indices");

std::int64_t count_cut(const Csr& rows, std::span<const std::int32_t> part_of) {
  std::int64_t cut = 0;
  for (std::int64_t row = 0; row < rows.rows; ++row) {
    for (const VertexId other : rows.row(row))
      cut += part_of[static_cast<std::size_t>(row)] != part_of[static_cast<std::size_t>(other)] ? 1 : 0;
  }
  return cut / 2;
}

void run_metis(const Csr& rows, std::int64_t parts, std::uint64_t seed, std::span<std::int32_t> part_of) {
  if (rows.entries() > most_vertices)
    throw Error(fmt::format("{} neighbours, more than METIS counts", rows.entries()), "partition", "use a community order");
  std::array<idx_t, METIS_NOPTIONS> options{};
  METIS_SetDefaultOptions(options.data());
  options[METIS_OPTION_SEED] = static_cast<idx_t>(seed & 0x7FFFFFFF);
  idx_t vertices = static_cast<idx_t>(rows.rows), constraints = 1, count = static_cast<idx_t>(parts), objective = 0;
  const auto offsets = rows.offsets.values<std::int64_t>();
  std::vector<idx_t> begins(offsets.begin(), offsets.end());
  Array columns = rows.indices.clone();  // METIS takes what it may write to
  const int status = METIS_PartGraphKway(&vertices, &constraints, begins.data(), columns.values<VertexId>().data(), nullptr, nullptr,
                                         nullptr, &count, nullptr, nullptr, options.data(), &objective, part_of.data());
  if (status != METIS_OK)
    throw Error(fmt::format("METIS ends with {}", status), "partition", status == METIS_ERROR_MEMORY ? "there is too little memory" : "");
}

}  // namespace

Csr neighbours(const Graph& graph) {
  const Csr& out = graph.outgoing().csr;
  const Csr in = transpose(out).csr;  // columns rise, in whichever order the graph has its edges
  Array offsets = Array::zeros(DType::i64, {graph.vertices() + 1});
  const auto ends = offsets.values<std::int64_t>();
  std::vector<VertexId> indices;
  indices.reserve(static_cast<std::size_t>(in.entries()));
  for (std::int64_t vertex = 0; vertex < graph.vertices(); ++vertex) {
    const auto begin = static_cast<std::ptrdiff_t>(indices.size());
    std::ranges::set_union(in.row(vertex), out.row(vertex), std::back_inserter(indices));
    indices.erase(std::unique(indices.begin() + begin, indices.end()), indices.end());
    indices.erase(std::remove(indices.begin() + begin, indices.end(), static_cast<VertexId>(vertex)), indices.end());
    ends[static_cast<std::size_t>(vertex) + 1] = static_cast<std::int64_t>(indices.size());
  }
  return {.rows = graph.vertices(), .columns = graph.vertices(), .offsets = std::move(offsets), .indices = Array::of(indices)};
}

Partition partition(const Graph& graph, std::int64_t parts, std::uint64_t seed) {
  const std::int64_t vertices = graph.vertices();
  if (parts < 0 || parts > vertices || (parts == 0 && vertices > 0)) {
    throw Error(fmt::format("{} parts of {} vertices", parts, vertices), "partition", "use 1 part to as many as there are vertices");
  }
  Partition made{.parts = parts, .part_of = Array::zeros(DType::i32, {vertices})};
  if (parts <= 1) return made;
  const Csr rows = neighbours(graph);
  const auto part_of = made.part_of.values<std::int32_t>();
  if (rows.entries() == 0 || parts == vertices) {  // METIS is not made for these
    for (std::int64_t vertex = 0; vertex < vertices; ++vertex)
      part_of[static_cast<std::size_t>(vertex)] = static_cast<std::int32_t>(vertex * parts / vertices);
  } else {
    run_metis(rows, parts, seed, part_of);
  }
  made.cut = count_cut(rows, part_of);
  return made;
}

std::vector<std::vector<VertexId>> members(const Partition& partition) {
  std::vector<std::vector<VertexId>> all(static_cast<std::size_t>(partition.parts));
  const auto part_of = partition.part_of.values<std::int32_t>();
  for (std::size_t vertex = 0; vertex < part_of.size(); ++vertex)
    all[static_cast<std::size_t>(part_of[vertex])].push_back(static_cast<VertexId>(vertex));
  return all;
}

}  // namespace neap::gnn
