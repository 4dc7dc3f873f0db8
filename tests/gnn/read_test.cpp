#include "neap/gnn/read.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "neap/files/gzip.h"
#include "neap/files/npz.h"
#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::read_test {
namespace {

Pairs pairs_of(const GraphFile& file) {
  Pairs pairs;
  for (std::int64_t i = 0; i < file.edges.edges(); ++i) pairs.emplace_back(file.edges.sources.get_int(i), file.edges.targets.get_int(i));
  return pairs;
}
std::vector<double> weights(const GraphFile& file) { return numbers(file.edges.edge_features.at("weight")); }

TEST(EdgeList, PlainAndWithComments) {
  const GraphFile file = parse_edge_list("# a comment\n0 1\n\n2\t1\r\n% another\n 1 , 1 \n3;0", "file");
  EXPECT_EQ(file.edges.vertices, 4);
  EXPECT_EQ(pairs_of(file), (Pairs{{0, 1}, {2, 1}, {1, 1}, {3, 0}}));
  EXPECT_TRUE(file.edges.edge_features.empty());
  EXPECT_EQ(parse_edge_list("", "file").edges.vertices, 0);
  EXPECT_EQ(parse_edge_list("0 1", "file", {.vertices = 7}).edges.vertices, 7);
}

TEST(EdgeList, HeadersNameColumns) {
  const GraphFile file = parse_edge_list("cost,target,source,year\n.5,1,0,2001\n-2e1,0,3,1999\n", "file");
  EXPECT_EQ(pairs_of(file), (Pairs{{0, 1}, {3, 0}}));
  EXPECT_EQ(numbers(file.edges.edge_features.at("cost")), (std::vector<double>{.5, -20}));
  EXPECT_EQ(numbers(file.edges.edge_features.at("year")), (std::vector<double>{2001, 1999}));
  EXPECT_EQ(weights(parse_edge_list("0 1 5 6", "file")), (std::vector<double>{5}));
  EXPECT_EQ(numbers(parse_edge_list("0 1 5 6", "file").edges.edge_features.at("weight2")), (std::vector<double>{6}));
}

TEST(EdgeList, BadInput) {
  const auto refused = [](const std::string& text, const std::string& problem, const std::string& place, ReadOptions options = {}) {
    expect_error([&] { parse_edge_list(text, "file", options); }, problem, place);
  };
  refused("0 1\n-1 2\n", "the source is -1, and ids are 0 to 2147483646: they have 31 bits", "file:2");
  refused("0 1\n1 4294967296\n", "the target is 4294967296, and ids are 0 to 2147483646: they have 31 bits", "file:2");
  refused("0 1\n1 99999999999999999999\n", "the target is '99999999999999999999', not a whole number of 64 bits", "file:2");
  refused("0 1\n1.5 2\n", "the source is '1.5'", "file:2");
  refused("0 1\n1 7\n", "the target is 7, and there are 7 vertices, from 0", "file:2", {.vertices = 7});
  refused("0 1 2\n1 2\n", "the line has 2 fields, the first line has 3", "file:2");
  refused("0 1\n1 2 3\n", "the line has 3 fields, the first line has 2", "file:2");
  refused("0\n", "a line of an edge list needs a source and a target", "file:1");
  refused("source,target,weight,weight\n", "two columns are called 'weight'", "file:1");
  refused("source,target\n0,1\nsource,target\n", "the source is 'source'", "file:3");
  refused("0 1\n0 2000000000\n1 5\n", "2000000001 vertices in a file of", "file:2");
  refused("0 1\n0 2000000\n1 5\n", "a graph of 2000001 vertices needs 16.0 MB (16000008 bytes), and there are 1.0 MB", "file:2",
          {.memory_limit = 1000000});
  refused("0 1\n0 2\n", "an edge list of 3 lines needs 48 B", "file", {.memory_limit = 47});
  refused("0 1 1 1\n0 2 1 1\n", "an edge list of 3 lines needs 96 B", "file", {.memory_limit = 95});
}

TEST(MatrixMarket, GeneralSymmetricAndPattern) {
  const GraphFile general = parse_matrix_market("%%MatrixMarket matrix coordinate real general\n% c\n\n3 3 2\n1 2 .5\n3 3 -1\n", "file");
  EXPECT_EQ(general.edges.vertices, 3);
  EXPECT_EQ(pairs_of(general), (Pairs{{0, 1}, {2, 2}}));
  EXPECT_EQ(weights(general), (std::vector<double>{.5, -1}));
  const GraphFile symmetric = parse_matrix_market("%%matrixmarket MATRIX Coordinate Integer Symmetric\n2 2 2\n2 1 7\n2 2 1", "file");
  EXPECT_EQ(pairs_of(symmetric), (Pairs{{1, 0}, {0, 1}, {1, 1}}));
  EXPECT_EQ(weights(symmetric), (std::vector<double>{7, 7, 1}));
  const GraphFile skew = parse_matrix_market("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 7\n", "file");
  EXPECT_EQ(weights(skew), (std::vector<double>{7, -7}));
  const GraphFile pattern = parse_matrix_market("%%MatrixMarket matrix coordinate pattern general\n0 0 0\n", "file");
  EXPECT_EQ(pattern.edges.vertices, 0);
  EXPECT_TRUE(pattern.edges.edge_features.empty());
}

TEST(MatrixMarket, BadInput) {
  const std::string banner = "%%MatrixMarket matrix coordinate real general\n";
  const auto refused = [](const std::string& text, const std::string& problem, const std::string& place, ReadOptions options = {}) {
    expect_error([&] { parse_matrix_market(text, "file", options); }, problem, place);
  };
  refused("", "no Matrix Market banner", "file");
  refused("%%MatrixMarket matrix array real general\n", "a matrix in the form 'array' is not an adjacency", "file:1");
  refused("%%MatrixMarket matrix coordinate complex general\n", "a matrix of 'complex'", "file:1");
  refused("%%MatrixMarket matrix coordinate real hermitian\n", "the symmetry 'hermitian'", "file:1");
  refused(banner + "3 4 1\n", "3 rows and 4 columns", "file:2");
  refused(banner + "3 3\n", "the number of entries is missing", "file:2");
  refused(banner + "3 3 1 1\n1 1 1\n", "'1' is more than the line needs", "file:2");
  refused(banner + "3 3 2\n1 1 1\n", "the file ends after 1 of 2 entries", "file:3");
  refused(banner + "3 3 1\n1 1 1\n2 2 2\n", "more than the 1 entries", "file:4");
  refused(banner + "3 3 1\n0 1 1\n", "the row is 0, and there are 3 vertices, from 1", "file:3");
  refused(banner + "3 3 1\n1 4 1\n", "the column is 4", "file:3");
  refused(banner + "3 3 1\n1 1\n", "the value is missing", "file:3");
  refused(banner + "3 3 -1\n", "-1 edges", "file:2");
  refused(banner + "3 3 1000000\n1 1 1\n", "1000000 edges are announced, but only 6 bytes follow", "file:2");
  refused(banner + "1000000000 1000000000 1\n1 1 1\n", "1000000000 vertices in a file of 6 bytes are not believed", "file:2");
  refused(banner + "3 3 9000000000000\n1 1 1\n", "a graph of 3 vertices and 9000000000000 edges needs 252 TB (252000000000024 bytes)",
          "file:2");
  refused(banner + "3 3 1\n1 1 1\n", "4 vertices are asked for, and the file has 3", "file:2", {.vertices = 4});
}

TEST(Metis, WeightsSizesAndBlankLines) {
  const GraphFile plain = parse_metis("% c\n4 2\n2 3\n1\n1\n\n", "file");  // the last vertex has no neighbour
  EXPECT_EQ(plain.edges.vertices, 4);
  EXPECT_EQ(pairs_of(plain), (Pairs{{0, 1}, {0, 2}, {1, 0}, {2, 0}}));
  const GraphFile full = parse_metis("2 1 111 2\n5 6 7 2 9\n1 2 3 1 9\n", "file");
  EXPECT_EQ(weights(full), (std::vector<double>{9, 9}));
  EXPECT_EQ(numbers(full.vertex_features.at("size")), (std::vector<double>{5, 1}));
  EXPECT_EQ(numbers(full.vertex_features.at("weight")), (std::vector<double>{6, 7, 2, 3}));
  EXPECT_EQ(parse_metis("0 0\n", "file").edges.vertices, 0);
}

TEST(Metis, BadInput) {
  const auto refused = [](const std::string& text, const std::string& problem, const std::string& place) {
    expect_error([&] { parse_metis(text, "file"); }, problem, place);
  };
  refused("", "the number of vertices is missing", "file");
  refused("2 1 2\n2\n1\n", "the format '2'", "file:1");
  refused("2 1 010 1000000000\n2\n1\n", "1000000000 weights of a vertex", "file:1");
  refused("3 1\n2\n1\n", "the file ends after 2 of 3 vertices", "file:3");
  refused("2 1\n2\n1\n1\n", "more than 2 vertices", "file:4");
  refused("2 1\n3\n1\n", "the neighbour is 3, and there are 2 vertices, from 1", "file:2");
  refused("2 1 1\n2\n1\n", "the weight of the edge is missing", "file:2");
  refused("2 1\n2 2\n1\n", "the vertices have 3 neighbours, but 1 edges have 2 ends", "file:3");
  refused("% c\n3 1\n2 3\n\n\n", "the edge from 1 to 2 stands at one of its ends only", "file:3");
  refused("3 2\n2\n1\n% c\n2 1\n", "the edge from 3 to 1 stands at one of its ends only", "file:5");
  refused("1000000 1\n2\n1\n", "1000000 vertices are announced, but only 4 bytes follow", "file:1");
}

TEST(Dimacs, ColouringAndShortestPaths) {
  const GraphFile colours = parse_dimacs("c a comment\np edge 3 2\nn 1 5\ne 1 2\ne 2 3\n", "file");
  EXPECT_TRUE(colours.undirected);
  EXPECT_EQ(pairs_of(colours), (Pairs{{0, 1}, {1, 2}}));
  EXPECT_EQ(listed(graph_of(parse_dimacs("p col 2 2\ne 1 2\ne 2 1\n", "file"), {}, "file")), (Pairs{{1, 0}, {0, 1}}));
  const GraphFile paths = parse_dimacs("p sp 2 2\na 1 2 7\na 1 2 8\n", "file");
  EXPECT_FALSE(paths.undirected);
  EXPECT_EQ(weights(paths), (std::vector<double>{7, 8}));
}

TEST(Dimacs, BadInput) {
  const auto refused = [](const std::string& text, const std::string& problem, const std::string& place) {
    expect_error([&] { parse_dimacs(text, "file"); }, problem, place);
  };
  refused("", "the file has no problem line", "file");
  refused("e 1 2\n", "a line 'e' before the problem", "file:1");
  refused("p cnf 3 2\n", "a problem of the kind 'cnf'", "file:1");
  refused("p edge 3 0\np edge 3 0\n", "a second problem line", "file:2");
  refused("p edge 3 1\na 1 2 3\n", "a line 'a' in a problem of edges", "file:2");
  refused("p sp 3 1\ne 1 2\n", "a line 'e' in a problem of arcs", "file:2");
  refused("p edge 3 1\ne 1 4\n", "the second end is 4", "file:2");
  refused("p edge 3 2\ne 1 2\n", "2 edges are announced, and there are 1", "file:2");
  refused("p edge 3 1\ne 1 2 3\n", "'3' is more than the line needs", "file:2");
  refused("p edge 2000000000 0\n", "2000000000 vertices in a file of 0 bytes are not believed", "file:1");
}

NamedArrays matrix_arrays() {
  return {{"indptr", Array::of(std::vector<std::int32_t>{0, 2, 2, 3})},
          {"indices", Array::of(std::vector<std::int32_t>{1, 2, 0})},
          {"data", Array::of(std::vector<double>{5, 6, 7})},
          {"shape", Array::of(std::vector<std::int64_t>{3, 3})}};
}

TEST(GraphNpz, RowsAndColumns) {
  const auto parse = [](const NamedArrays& arrays) { return parse_graph_npz(npz_bytes(arrays), "file"); };
  NamedArrays arrays = matrix_arrays();
  EXPECT_EQ(pairs_of(parse(arrays)), (Pairs{{0, 1}, {0, 2}, {2, 0}}));
  EXPECT_EQ(weights(parse(arrays)), (std::vector<double>{5, 6, 7}));
  arrays["format"] = Array::of(std::vector<std::uint8_t>{'c', 's', 'c'});
  EXPECT_EQ(pairs_of(parse(arrays)), (Pairs{{1, 0}, {2, 0}, {0, 2}}));
  NamedArrays prefixed;
  for (const auto& [name, array] : matrix_arrays()) prefixed["adj_" + name] = prefixed["attr_" + name] = array;
  prefixed["labels"] = Array::of(std::vector<std::int64_t>{0, 1, 2});
  const GraphFile file = parse(prefixed);
  EXPECT_EQ(pairs_of(file), (Pairs{{0, 1}, {0, 2}, {2, 0}}));
  EXPECT_EQ(file.vertex_features.size(), 5U);
}

TEST(GraphNpz, AsScipyWritesThem) {
  const std::string folder = std::string(NEAP_TESTS) + "/../fuzz/corpus/graph_npz/";
  for (const char* name : {"csr.npz", "csc.npz", "prefixed.npz"}) {
    const Graph graph = read_graph(folder + name);
    EXPECT_EQ(listed(graph), (Pairs{{2, 0}, {0, 1}, {0, 2}})) << name;
    EXPECT_EQ(numbers(graph.edge_feature("weight")), (std::vector<double>{3, 1, 2})) << name;
  }
}

TEST(GraphNpz, BadInput) {
  const auto refused = [](const std::string& name, Array array, const std::string& problem, ReadOptions options = {}) {
    NamedArrays arrays = matrix_arrays();
    arrays.erase(name);
    if (!array.empty()) arrays[name] = std::move(array);
    expect_error([&] { parse_graph_npz(npz_bytes(arrays), "file", options); }, problem, "file");
  };
  refused("indptr", {}, "there is no array 'indptr'");
  refused("shape", Array::of(std::vector<std::int64_t>{3, 4}), "3 rows and 4 columns");
  refused("shape", Array::of(std::vector<std::int64_t>{4, 4}), "offsets are i64 [4], not i64 [5]");
  refused("shape", Array::of(std::vector<std::int64_t>{-1, -1}), "-1 rows");
  refused("shape", Array::of(std::vector<std::int64_t>{3}), "shape has 1 sizes");
  refused("indices", Array::of(std::vector<std::int64_t>{1, 2, std::int64_t{1} << 40}), "element 2 of indices is 1099511627776");
  refused("indices", Array::of(std::vector<std::int64_t>{1, 2, 3}), "entry 2 is in column 3 of 3");
  refused("indices", Array::of(std::vector<float>{1, 2, 0}), "indices is f32 [3]");
  refused("indptr", Array::of(std::vector<std::int64_t>{0, 2, 1, 3}), "row 1 begins at 2 and ends at 1");
  refused("data", Array::of(std::vector<double>{5}), "values are f64 [1] for 3 entries");
  refused("format", Array::of(std::vector<std::uint8_t>{'c', 'o', 'o'}), "a matrix in the form 'coo'");
  refused("none", {}, "the matrix needs 48 B (48 bytes), and there are 47 B", {.memory_limit = 47});
  expect_error([] { parse_graph_npz("PK", "file"); }, "the zip cannot be opened", "file");
}

TEST(ReadGraph, ByNameAndCompression) {
  const TemporaryFolder folder;
  const auto path = [&](const char* name) { return folder.path() / name; };
  write_file(path("a.csv"), "0,1\n1,0\n0,1\n");
  write_file(path("a.mtx.gz"), gzip("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n1 2\n"));
  write_file(path("a.col"), "p edge 2 1\ne 1 2\n");
  write_file(path("a.unknown"), "0 1\n");
  EXPECT_EQ(read_graph(path("a.csv")).edges(), 3);
  EXPECT_EQ(read_graph(path("a.csv"), {.duplicates = Duplicates::drop}).edges(), 2);
  EXPECT_EQ(read_graph(path("a.mtx.gz")).edges(), 1);
  EXPECT_EQ(read_graph(path("a.col")).edges(), 2);
  EXPECT_EQ(read_graph(path("a.unknown"), {}, {}, "edge list").edges(), 1);
  expect_error([&] { read_graph(path("a.unknown")); }, "'.unknown' is no format of graphs", "a.unknown");
  expect_error([&] { read_graph(path("nothing.csv")); }, "", "nothing.csv");
}

}  // namespace
}  // namespace neap::gnn::read_test
