#include "neap/gnn/text.h"

#include <algorithm>

#include "neap/base/memory.h"
#include "neap/files/gzip.h"

namespace neap::gnn {
namespace {

template <class T>
T parsed(std::optional<std::string_view> word, const char* what, const char* kind, const Lines& lines) {
  if (!word) throw Error(fmt::format("{} is missing", what), lines.place(), "the line is cut short, or of another format");
  const std::optional<T> value = parse_number<T>(*word);
  if (!value)
    throw Error(fmt::format("{} is {}, not {}", what, shown(*word), kind), lines.place(), "mend the line, or name the right format");
  return *value;
}

}  // namespace

std::int64_t integer(std::optional<std::string_view> word, const char* what, const Lines& lines) {
  return parsed<std::int64_t>(word, what, "a whole number of 64 bits", lines);
}

double number(std::optional<std::string_view> word, const char* what, const Lines& lines) {
  return parsed<double>(word, what, "a number", lines);
}

VertexId vertex_id(std::optional<std::string_view> word, std::int64_t first, std::int64_t vertices, const char* what, const Lines& lines) {
  const std::int64_t id = integer(word, what, lines);
  if (id < first || id - first >= vertices) {
    if (vertices == most_vertices) {
      throw Error(fmt::format("{} is {}, and ids are {} to {}: they have 31 bits", what, id, first, first + most_vertices - 1),
                  lines.place(), "mend the line, or number the vertices anew");
    }
    throw Error(fmt::format("{} is {}, and there are {} vertices, from {}", what, id, vertices, first), lines.place(),
                "mend the line, or the number of vertices");
  }
  return static_cast<VertexId>(id - first);
}

void no_more(Words& words, const Lines& lines) {
  if (const auto word = words.next())
    throw Error(fmt::format("{} is more than the line needs", shown(*word)), lines.place(), "remove it, or name the right format");
}

void check_vertices(std::int64_t vertices, std::int64_t file_bytes, std::int64_t memory_limit, const std::string& place) {
  constexpr std::int64_t offset_bytes = 8;
  if (vertices < 0) throw Error(fmt::format("{} vertices", vertices), place, "mend the number");
  check_memory(static_cast<double>(vertices) * offset_bytes, fmt::format("a graph of {} vertices", vertices), place, memory_limit);
  if (vertices > most_vertices)
    throw Error(fmt::format("{} vertices: ids have 31 bits", vertices), place, fmt::format("use {} at most", most_vertices));
  if (vertices > expansion_limit(file_bytes) / offset_bytes) {
    throw Error(fmt::format("{} vertices in a file of {} bytes are not believed", vertices, file_bytes), place,
                "the file is damaged; if most vertices have no edges, leave those out");
  }
}

void check_header(std::int64_t vertices, std::int64_t edges, std::int64_t edge_bytes, std::int64_t memory_limit, const Lines& lines) {
  constexpr double memory_of_edge = 4 + 4 + 8 + 4 + 8;  // ids and weight as read, the row's entry, an order
  if (edges < 0) throw Error(fmt::format("{} edges", edges), lines.place(), "mend the number");
  check_memory(8.0 * static_cast<double>(std::max<std::int64_t>(vertices, 0)) + memory_of_edge * static_cast<double>(edges),
               fmt::format("a graph of {} vertices and {} edges", vertices, edges), lines.place(), memory_limit);
  check_vertices(vertices, lines.bytes_left(), memory_limit, lines.place());
  if (edges > lines.bytes_left() / edge_bytes + 1) {
    throw Error(fmt::format("{} edges are announced, but only {} bytes follow", edges, lines.bytes_left()), lines.place(),
                "the file is cut short: fetch it again");
  }
}

}  // namespace neap::gnn
