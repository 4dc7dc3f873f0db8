#include <algorithm>

#include "neap/gnn/read.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

// Blank lines are vertices without neighbours; only comments are passed over.
std::optional<std::string_view> next_row(Lines& lines) {
  while (const auto line = lines.next()) {
    if (!line->starts_with('%')) return line;
  }
  return std::nullopt;
}

class MetisReader {
 public:
  MetisReader(std::string_view text, const std::string& place, const ReadOptions& options)
      : text_(text), lines_(text, place), options_(options) {}

  GraphFile read() {
    read_header();
    for (std::int64_t vertex = 0; vertex < vertices_; ++vertex) {
      const auto line = next_row(lines_);
      if (!line)
        throw Error(fmt::format("the file ends after {} of {} vertices", vertex, vertices_), lines_.place(),
                    "it is cut short: fetch it again");
      read_vertex(static_cast<VertexId>(vertex), *line);
    }
    while (const auto line = next_row(lines_)) {
      if (line->find_first_not_of(" \t") != line->npos)
        throw Error(fmt::format("more than {} vertices", vertices_), lines_.place(), "mend the header");
    }
    if (static_cast<std::int64_t>(sources_.size()) != 2 * edges_) {
      throw Error(fmt::format("the vertices have {} neighbours, but {} edges have {} ends", sources_.size(), edges_, 2 * edges_),
                  lines_.place(), "each edge stands at both of its ends, and is counted once in the header");
    }
    return finish();
  }

 private:
  void read_header() {
    Words words(next_row(lines_).value_or(""));
    vertices_ = integer(words.next(), "the number of vertices", lines_);
    edges_ = integer(words.next(), "the number of edges", lines_);
    const std::string_view format = words.next().value_or("0");
    if (format.size() > 3 || format.find_first_not_of("01") != format.npos) {
      throw Error(fmt::format("the format {}", shown(format)), lines_.place(),
                  "it is 1 to 3 digits 0 or 1: sizes, weights of vertices, weights of edges");
    }
    const auto digit = [&](std::size_t from_right) { return format.size() > from_right && format[format.size() - 1 - from_right] == '1'; };
    edge_weights_ = digit(0), has_sizes_ = digit(2);
    const auto constraints = words.next();
    weights_a_vertex_ = constraints ? integer(constraints, "the number of weights of a vertex", lines_) : digit(1) ? 1 : 0;
    constexpr std::int64_t most_weights = 1024;
    if (weights_a_vertex_ < 0 || weights_a_vertex_ > most_weights || (constraints && !digit(1) && weights_a_vertex_ != 0)) {
      throw Error(fmt::format("{} weights of a vertex in the format {}", weights_a_vertex_, shown(format)), lines_.place(),
                  "mend the header");
    }
    no_more(words, lines_);
    check_asked(options_, vertices_, lines_.place());
    constexpr std::int64_t shortest = 4;  // "2 " at one end, "1 " at the other
    check_header(vertices_, edges_, shortest, options_.memory_limit, lines_);
    if (vertices_ > lines_.bytes_left() + 1) {
      throw Error(fmt::format("{} vertices are announced, but only {} bytes follow", vertices_, lines_.bytes_left()), lines_.place(),
                  "each has a line: the file is cut short");
    }
  }

  void read_vertex(VertexId vertex, std::string_view line) {
    Words words(line);
    if (has_sizes_) sizes_.push_back(integer(words.next(), "the size of the vertex", lines_));
    for (std::int64_t i = 0; i < weights_a_vertex_; ++i)
      vertex_weights_.push_back(integer(words.next(), "the weight of the vertex", lines_));
    while (const auto word = words.next()) {
      sources_.push_back(vertex);
      targets_.push_back(vertex_id(word, 1, vertices_, "the neighbour", lines_));
      if (edge_weights_) weights_.push_back(integer(words.next(), "the weight of the edge", lines_));
    }
  }

  GraphFile finish() const {
    GraphFile file{.edges = {.vertices = vertices_, .sources = Array::of(sources_), .targets = Array::of(targets_)}};
    if (edge_weights_) file.edges.edge_features["weight"] = Array::of(weights_).cast(DType::f32);
    if (has_sizes_) file.vertex_features["size"] = Array::of(sizes_);
    if (weights_a_vertex_ > 0) file.vertex_features["weight"] = Array::of(vertex_weights_, {vertices_, weights_a_vertex_});
    check_both_ends(build(file.edges, {.memory_limit = options_.memory_limit}, lines_.file()));
    return file;
  }

  // Rows of both ascend, so that they are compared edge by edge.
  void check_both_ends(const Graph& graph) const {
    const Csr &in = graph.incoming(), &out = graph.outgoing().csr;
    for (std::int64_t vertex = 0; vertex < graph.vertices(); ++vertex) {
      std::vector<VertexId> more;  // neighbours that the vertex's line names more often than theirs name it
      std::ranges::set_difference(out.row(vertex), in.row(vertex), std::back_inserter(more));
      if (more.empty()) continue;
      throw Error(fmt::format("the edge from {} to {} stands at one of its ends only", vertex + 1, more.front() + 1), place_of(vertex),
                  "name it in the lines of both of its vertices");
    }
  }
  std::string place_of(std::int64_t vertex) const {
    Lines lines(text_, lines_.file());
    for (std::int64_t row = -1; row <= vertex; ++row) next_row(lines);  // the header is the row before
    return lines.place();
  }

  std::string_view text_;
  Lines lines_;
  ReadOptions options_;
  std::int64_t vertices_ = 0, edges_ = 0, weights_a_vertex_ = 0;
  bool edge_weights_ = false, has_sizes_ = false;
  std::vector<VertexId> sources_, targets_;
  std::vector<std::int64_t> weights_, sizes_, vertex_weights_;
};

const RegisterFormat metis_format{{.name = "METIS", .extensions = {".graph", ".metis"}, .parse = parse_metis}};

}  // namespace

GraphFile parse_metis(std::string_view text, const std::string& place, const ReadOptions& options) {
  return MetisReader(text, place, options).read();
}

}  // namespace neap::gnn
