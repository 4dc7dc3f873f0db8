#include <algorithm>

#include "neap/gnn/read.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

struct Banner {
  bool weighted = true, symmetric = false, skew = false;
};

std::string lower(std::string_view word) {
  std::string text(word);
  std::ranges::transform(text, text.begin(), to_lower);
  return text;
}

Banner read_banner(Lines& lines) {
  const auto line = lines.next();
  Words words(line.value_or(""));
  std::vector<std::string> parts;
  while (const auto word = words.next()) parts.push_back(lower(*word));
  if (parts.size() != 5 || parts[0] != "%%matrixmarket" || parts[1] != "matrix") {
    throw Error("the first line is no Matrix Market banner", lines.place(), "it is: %%MatrixMarket matrix coordinate real general");
  }
  const auto refuse = [&](const std::string& what, const char* remedy) {
    return Error(fmt::format("{} {}", what, "is not an adjacency"), lines.place(), remedy);
  };
  if (parts[2] != "coordinate") throw refuse(fmt::format("a matrix in the form {}", shown(parts[2])), "write the sparse form: coordinate");
  if (parts[3] != "real" && parts[3] != "integer" && parts[3] != "pattern") {
    throw refuse(fmt::format("a matrix of {}", shown(parts[3])), "real, integer and pattern are read");
  }
  if (parts[4] != "general" && parts[4] != "symmetric" && parts[4] != "skew-symmetric") {
    throw refuse(fmt::format("a matrix of the symmetry {}", shown(parts[4])), "general, symmetric and skew-symmetric are read");
  }
  return {.weighted = parts[3] != "pattern", .symmetric = parts[4] != "general", .skew = parts[4] == "skew-symmetric"};
}

std::optional<std::string_view> next_entry(Lines& lines) {
  while (const auto line = lines.next()) {
    const std::size_t first = line->find_first_not_of(" \t");
    if (first != line->npos && (*line)[first] != '%') return line;
  }
  return std::nullopt;
}

}  // namespace

GraphFile parse_matrix_market(std::string_view text, const std::string& place, const ReadOptions& options) {
  Lines lines(text, place);
  const Banner banner = read_banner(lines);
  Words sizes(next_entry(lines).value_or(""));
  const std::int64_t rows = integer(sizes.next(), "the number of rows", lines),
                     columns = integer(sizes.next(), "the number of columns", lines),
                     entries = integer(sizes.next(), "the number of entries", lines);
  no_more(sizes, lines);
  if (rows != columns) {
    throw Error(fmt::format("a matrix of {} rows and {} columns", rows, columns), lines.place(),
                "an adjacency has as many rows as columns");
  }
  check_asked(options, rows, lines.place());
  constexpr std::int64_t shortest = 4;  // "1 1\n"
  check_header(rows, entries, shortest, options.memory_limit, lines);
  std::vector<VertexId> sources, targets;
  std::vector<double> weights;
  const auto append = [&](VertexId source, VertexId target, double weight) {
    sources.push_back(source);
    targets.push_back(target);
    if (banner.weighted) weights.push_back(weight);
  };
  for (std::int64_t entry = 0; entry < entries; ++entry) {
    const auto line = next_entry(lines);
    if (!line)
      throw Error(fmt::format("the file ends after {} of {} entries", entry, entries), lines.place(),
                  "the file is cut short: fetch it again");
    Words words(*line);
    const VertexId row = vertex_id(words.next(), 1, rows, "the row", lines), column = vertex_id(words.next(), 1, rows, "the column", lines);
    const double weight = banner.weighted ? number(words.next(), "the value", lines) : 1;
    no_more(words, lines);
    append(row, column, weight);
    if (banner.symmetric && row != column) append(column, row, banner.skew ? -weight : weight);
  }
  if (next_entry(lines))
    throw Error(fmt::format("more than the {} entries that the header announces", entries), lines.place(), "mend the header");
  GraphFile file{.edges = {.vertices = rows, .sources = Array::of(sources), .targets = Array::of(targets)}};
  if (banner.weighted) file.edges.edge_features["weight"] = Array::of(weights).cast(DType::f32);
  return file;
}

namespace {

const RegisterFormat matrix_market_format{{.name = "Matrix Market", .extensions = {".mtx", ".mm"}, .parse = parse_matrix_market}};

}  // namespace
}  // namespace neap::gnn
