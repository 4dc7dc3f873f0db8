#include <algorithm>
#include <array>

#include "neap/gnn/read.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

class DimacsReader {
 public:
  DimacsReader(std::string_view text, const std::string& place, const ReadOptions& options) : lines_(text, place), options_(options) {}

  GraphFile read() {
    while (const auto line = lines_.next()) {
      Words words(*line);
      const auto kind = words.next();
      if (!kind || *kind == "c") continue;
      if (*kind == "p") {
        read_problem(words);
      } else if (vertices_ < 0) {
        throw Error(fmt::format("a line {} before the problem", shown(*kind)), lines_.place(),
                    "the first line but comments is: p edge VERTICES EDGES");
      } else if (*kind == (weighted_ ? "a" : "e")) {
        read_edge(words);
      } else if (*kind != "n" && *kind != "d" && *kind != "v" &&
                 *kind != "x") {  // values of vertices and notes of generators: not of the graph
        throw Error(fmt::format("a line {} in a problem of {}", shown(*kind), weighted_ ? "arcs" : "edges"), lines_.place(),
                    "edges begin with 'e', arcs of shortest paths and flows with 'a'");
      }
    }
    if (vertices_ < 0) throw Error("the file has no problem line", lines_.place(), "it is: p edge VERTICES EDGES");
    if (static_cast<std::int64_t>(sources_.size()) != edges_) {
      throw Error(fmt::format("{} edges are announced, and there are {}", edges_, sources_.size()), lines_.place(),
                  "the file is cut short, or its header wrong");
    }
    GraphFile file{.edges = {.vertices = vertices_, .sources = Array::of(sources_), .targets = Array::of(targets_)},
                   .undirected = !weighted_};
    if (weighted_) file.edges.edge_features["weight"] = Array::of(weights_).cast(DType::f32);
    return file;
  }

 private:
  void read_problem(Words& words) {
    if (vertices_ >= 0) throw Error("a second problem line", lines_.place(), "one file holds one graph");
    const std::string_view kind = words.next().value_or("");
    constexpr std::array undirected = {"edge", "edges", "col"};
    constexpr std::array directed = {"sp", "max"};
    weighted_ = std::ranges::find(directed, kind) != directed.end();
    if (!weighted_ && std::ranges::find(undirected, kind) == undirected.end()) {
      throw Error(fmt::format("a problem of the kind {}", shown(kind)), lines_.place(), "edge, col, sp and max are read");
    }
    const std::int64_t vertices = integer(words.next(), "the number of vertices", lines_);
    edges_ = integer(words.next(), "the number of edges", lines_);
    no_more(words, lines_);
    check_asked(options_, vertices, lines_.place());
    constexpr std::int64_t shortest = 6;  // "e 1 1\n"
    check_header(vertices, edges_, shortest, options_.memory_limit, lines_);
    vertices_ = vertices;
  }

  void read_edge(Words& words) {
    sources_.push_back(vertex_id(words.next(), 1, vertices_, "the first end", lines_));
    targets_.push_back(vertex_id(words.next(), 1, vertices_, "the second end", lines_));
    if (weighted_) weights_.push_back(number(words.next(), "the weight", lines_));
    no_more(words, lines_);
  }

  Lines lines_;
  ReadOptions options_;
  std::int64_t vertices_ = -1, edges_ = 0;
  bool weighted_ = false;
  std::vector<VertexId> sources_, targets_;
  std::vector<double> weights_;
};

const RegisterFormat dimacs_format{{.name = "DIMACS", .extensions = {".col", ".gr", ".max", ".dimacs"}, .parse = parse_dimacs}};

}  // namespace

GraphFile parse_dimacs(std::string_view text, const std::string& place, const ReadOptions& options) {
  return DimacsReader(text, place, options).read();
}

}  // namespace neap::gnn
