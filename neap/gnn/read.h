// Files of graphs, a reader for each format. All of them are from strangers: see text.h for what is checked before anything is allocated.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "neap/gnn/build.h"

namespace neap::gnn {

struct GraphFile {
  EdgeList edges;               // with the feature "weight" where the file has weights
  bool undirected = false;      // each edge of the list stands for both directions
  NamedArrays vertex_features;  // [vertices, ...]
};

struct ReadOptions {
  std::int64_t vertices = -1;     // of files that do not say: -1: the largest id + 1. Error where the file says another number
  std::int64_t memory_limit = 0;  // bytes; 0: the machine's memory
};

// Error where another number is asked for than the `vertices` that the file has.
void check_asked(const ReadOptions& options, std::int64_t vertices, const std::string& place);

// A format by its names' ends. Plain or compressed by gzip (another ".gz").
struct FileFormat {
  std::string name;                     // "Matrix Market"
  std::vector<std::string> extensions;  // {".mtx"}
  std::function<GraphFile(std::string_view bytes, const std::string& place, const ReadOptions& options)> parse;
};
struct RegisterFormat {
  explicit RegisterFormat(FileFormat format);
};
const std::vector<FileFormat>& file_formats();  // by name

// Lines "source target [weight]"; fields separated by blanks, tabs, ',' or ';', comments by '#' or '%', ids from 0. A first line of words
// is a header: then the columns are found by their names (source, target, and further ones become edge features), otherwise features are
// "weight", "weight1", ...
GraphFile parse_edge_list(std::string_view text, const std::string& place, const ReadOptions& options = {});
// Matrix Market (math.nist.gov/MatrixMarket/formats.html): coordinate, square; real, integer and pattern; entry (i, j) is the edge from i
// to j.
GraphFile parse_matrix_market(std::string_view text, const std::string& place, const ReadOptions& options = {});
// METIS 5 (manual, 4.1.1): the neighbours of vertex i in line i, from 1. Vertex sizes and weights become vertex features "size" and
// "weight".
GraphFile parse_metis(std::string_view text, const std::string& place, const ReadOptions& options = {});
// DIMACS: "p edge" and "p col" (undirected, "e" lines), "p sp" and "p max" (directed, "a" lines with a weight).
GraphFile parse_dimacs(std::string_view text, const std::string& place, const ReadOptions& options = {});
// npz: indptr, indices, data, shape as scipy.sparse.save_npz writes a CSR or CSC matrix, also with names that begin in "adj_" (then other
// arrays of as many rows as vertices, and a CSR matrix "attr_", become vertex features).
GraphFile parse_graph_npz(std::string_view bytes, const std::string& place, const ReadOptions& options = {});

// Expands gzip and chooses the format by the name, or by `format` (a name or an extension). Error naming the formats that there are.
GraphFile read_graph_file(const std::filesystem::path& path, const ReadOptions& options = {}, const std::string& format = "");
// The same, built. Of undirected files both directions are built, duplicates dropped unless the options say sum or error.
Graph read_graph(const std::filesystem::path& path, BuildOptions build = {}, const ReadOptions& options = {},
                 const std::string& format = "");
Graph graph_of(GraphFile file, BuildOptions build, const std::string& place);

}  // namespace neap::gnn
