#include "neap/gnn/graph_data.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "neap/base/file.h"
#include "neap/files/gzip.h"
#include "neap/files/npz.h"
#include "neap/gnn/read_ogb.h"
#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::graph_data_test {
namespace {

SparseRows small_sparse() {
  return {.csr = {.rows = 3,
                  .columns = 4,
                  .offsets = Array::of(std::vector<std::int64_t>{0, 2, 2, 4}),
                  .indices = Array::of(std::vector<VertexId>{3, 0, 1, 1})},
          .values = Array::of(std::vector<float>{1, 2, 3, 4})};
}

GraphData small_data() {
  GraphData data{
      .graph = build(edges(3, {{0, 1}, {2, 1}})), .sparse = small_sparse(), .groups = {{"a", 0, 1}, {"b", 1, 4}}, .place = "small"};
  data.labels = Array::of(std::vector<std::int64_t>{1, -1, 0});
  data.class_names = {"zero", "one"};
  data.training = Array::of(std::vector<VertexId>{0});
  data.test = Array::of(std::vector<VertexId>{2});
  data.vertex_names = {"x", "y", "z"};
  data.feature_names = {"a0", "b0", "b1", "b2"};
  return data;
}

TEST(SparseRows, DenseColumnsAndRows) {
  const SparseRows matrix = small_sparse();
  EXPECT_EQ(numbers(dense(matrix)), (std::vector<double>{2, 0, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0}));
  EXPECT_EQ(numbers(dense(columns_of(matrix, {{3, 4}, {0, 2}}))), (std::vector<double>{1, 2, 0, 0, 0, 0, 0, 0, 7}));
  EXPECT_EQ(numbers(dense(rows_of(matrix, std::vector<VertexId>{2, 0, 2}))), (std::vector<double>{0, 7, 0, 0, 2, 0, 0, 1, 0, 7, 0, 0}));
  expect_error([&] { columns_of(matrix, {{3, 5}}); }, "columns 3 to 5 of 4");
  expect_error([&] { rows_of(matrix, std::vector<VertexId>{3}); }, "no row 3 among 3");
}

TEST(GraphData, SavedAndLoaded) {
  const TemporaryFolder folder;
  GraphData data = small_data();
  data.about["date"] = "today";
  save_graph_data(folder.path() / "new", data);
  const GraphData read = load_graph_data(folder.path() / "new");
  EXPECT_EQ(read.version(), data.version());
  EXPECT_EQ(read.graph.version(), data.graph.version());
  EXPECT_EQ(read.about, data.about);
  EXPECT_EQ(read.class_names, data.class_names);
  EXPECT_EQ(read.vertex_names, data.vertex_names);
  EXPECT_EQ(numbers(read.test), (std::vector<double>{2}));
  EXPECT_EQ(numbers(dense(read.sparse)), numbers(dense(data.sparse)));
}

TEST(GraphData, SavedWithTypesAndWithoutAnything) {
  const TemporaryFolder folder;
  EdgeList list = edges(2, {{0, 1}});
  list.edge_types = Array::of(std::vector<std::int32_t>{1});
  list.edge_type_names = {"a", "b"};
  list.vertex_types = Array::of(std::vector<std::int32_t>{0, 0});
  list.vertex_type_names = {"only"};
  list.edge_features["weight"] = Array::of(std::vector<float>{.5F});
  for (const Graph& graph : {build(list), Graph()}) {
    const GraphData data{.graph = graph, .dense = Array::zeros(DType::f64, {graph.vertices(), 3})};
    save_graph_data(folder.path(), data);
    EXPECT_EQ(load_graph_data(folder.path()).version(), data.version());
  }
}

// As Debian's packages are where no training package has a word: a matrix of as many rows as vertices, without a column.
TEST(GraphData, SavedWithoutFeatures) {
  const TemporaryFolder folder;
  GraphData data{.graph = build(edges(3, {{0, 1}, {2, 1}})), .groups = {{"words", 0, 0}}};
  data.sparse = {.csr = {.rows = 3, .columns = 0, .offsets = Array::zeros(DType::i64, {4})}, .values = Array::zeros(DType::f32, {0})};
  save_graph_data(folder.path(), data);
  const GraphData read = load_graph_data(folder.path());
  EXPECT_EQ(read.version(), data.version());
  EXPECT_EQ(read.feature_count(), 0);
  EXPECT_EQ(read.groups.size(), 1U);
}

TEST(GraphData, FilesThatDoNotBelongTogetherAreRefused) {
  const TemporaryFolder folder;
  save_graph_data(folder.path(), small_data());
  const std::string words = read_file(folder.path() / "graph.json");
  GraphData other = small_data();
  other.labels.set_int(0, 0);
  save_graph_data(folder.path(), other);
  write_file(folder.path() / "graph.json", words);
  expect_error([&] { load_graph_data(folder.path()); }, "the arrays are not those that graph.json was written for", folder.path());
  write_file(folder.path() / "graph.json", "{}");
  expect_error([&] { load_graph_data(folder.path()); }, "the file is of another format or version", "graph.json");
  write_file(folder.path() / "graph.json", R"({"format":1,"edge_types":[1]})");
  expect_error([&] { load_graph_data(folder.path()); }, "'edge_types' holds what is no text", "graph.json");
  write_file(folder.path() / "graph.json", words);
  write_npz(folder.path() / "graph.npz", {{"offsets", Array::zeros(DType::i64, {1})}});
  expect_error([&] { load_graph_data(folder.path()); }, "there is no array 'sources'", "graph.npz");
  write_npz(folder.path() / "graph.npz", {{"offsets", Array::zeros(DType::i64, {0})}, {"sources", Array::zeros(DType::i32, {0})}});
  expect_error([&] { load_graph_data(folder.path()); }, "the array 'offsets' is empty", "graph.npz");
}

TEST(GraphData, Check) {
  const auto refused = [](const std::function<void(GraphData&)>& change, const std::string& problem) {
    GraphData data = small_data();
    change(data);
    expect_error([&] { check(data); }, problem, "small");
  };
  check(small_data());
  refused(
      [](GraphData& data) {
        data.sparse.values = Array::of(std::vector<float>{1, std::numeric_limits<float>::infinity(), 3, 4});
      },
      "entry 1 of the features is inf");
  refused(
      [](GraphData& data) {
        data.sparse = {}, data.dense = Array::zeros(DType::f32, {2, 2});
      },
      "features are f32 [2,2], where the graph has 3 vertices");
  refused(
      [](GraphData& data) {
        data.sparse = {}, data.dense = Array::of(std::vector<double>{0, 0, 0, std::nan(""), 0, 0}, {3, 2});
      },
      "feature 1 of vertex 1 is nan");
  refused([](GraphData& data) { data.groups[1].end = 5; }, "the features 'b' are the columns 1 to 5 of 4");
  refused([](GraphData& data) { data.labels.set_int(1, 2); }, "the label of vertex 1 is 2, and there are 2 classes");
  refused([](GraphData& data) { data.labels.set_int(1, -2); }, "the label of vertex 1 is -2");
  refused([](GraphData& data) { data.labels = Array::zeros(DType::i64, {2}); }, "labels are i64 [2] for 3 vertices");
  refused([](GraphData& data) { data.training = Array::of(std::vector<VertexId>{0, 1}); }, "vertex 1 of the training part has no label");
  refused([](GraphData& data) { data.training = Array::of(std::vector<VertexId>{3}); }, "no vertex 3 among 3");
  refused([](GraphData& data) { data.validation = data.test; }, "vertex 2 is in the validation part and in the test part");
  refused([](GraphData& data) { data.feature_names.pop_back(); }, "3 names for 4 features");
  refused([](GraphData& data) { data.vertex_names.pop_back(); }, "2 names for 3 vertices");
}

TEST(GraphData, Groups) {
  const GraphData data = small_data();
  const GraphData chosen = with_groups(data, {"b"});
  EXPECT_EQ(chosen.feature_count(), 3);
  EXPECT_EQ(numbers(dense(chosen.sparse)), (std::vector<double>{0, 0, 1, 0, 0, 0, 7, 0, 0}));
  GraphData full = data;
  full.dense = dense(data.sparse);
  full.sparse = {};
  EXPECT_EQ(numbers(with_groups(full, {"b"}).dense), numbers(dense(chosen.sparse)));
  EXPECT_EQ(numbers(with_groups(full, {"b", "a"}).dense), numbers(dense(with_groups(data, {"b", "a"}).sparse)));
  EXPECT_NE(chosen.version(), data.version());
  EXPECT_EQ(chosen.feature_names, (std::vector<std::string>{"b0", "b1", "b2"}));
  expect_error([&] { with_groups(data, {"c"}); }, "there are no features 'c'", "small");
}

TEST(GraphData, RandomFeaturesAreUniform) {
  const Array features = random_features(100, 7, 3);
  double sum = 0;
  for (const double value : numbers(features)) {
    EXPECT_TRUE(value >= 0 && value < 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 700, .5, .06);
  EXPECT_EQ(numbers(features), numbers(random_features(100, 7, 3)));
  EXPECT_NE(numbers(features), numbers(random_features(100, 7, 4)));
}

TEST(GraphData, SplitIsOfThoseWithALabel) {
  GraphData data{.graph = build(edges(101, {}))};
  std::vector<std::int64_t> labels(101, 0);
  labels[7] = -1;
  data.labels = Array::of(labels);
  data.class_names = {"only"};
  split_vertices(data, .5, .2, 3);
  EXPECT_EQ(data.training.count(), 50);
  EXPECT_EQ(data.validation.count(), 20);
  EXPECT_EQ(data.test.count(), 30);
  std::set<double> all;
  for (const Array* part : {&data.training, &data.validation, &data.test}) {
    const auto ids = numbers(*part);
    all.insert(ids.begin(), ids.end());
    EXPECT_TRUE(std::ranges::is_sorted(ids));
  }
  EXPECT_EQ(all.size(), 100U);
  EXPECT_FALSE(all.contains(7));
  check(data);
  GraphData other = data;
  split_vertices(other, .5, .2, 4);
  EXPECT_NE(numbers(other.training), numbers(data.training));
  split_vertices(other, .5, .2, 3);
  EXPECT_EQ(numbers(other.training), numbers(data.training));
  expect_error([&] { split_vertices(data, .8, .3, 0); }, "parts of 0.8 for training and 0.3 for validation");
}

std::map<std::string, std::string> ogb_texts() {
  return {{"num-node-list", "3\n"},
          {"edge", "0,1\n2,1\n"},
          {"node-feat", "1,2\n3,4\n5,6\n"},
          {"node-label", "0\nnan\n2\n"},
          {"edge-feat", "7\n8\n"},
          {"train", "2\n0\n"},
          {"valid", ""},
          {"test", ""}};
}

TEST(Ogb, Folder) {
  const TemporaryFolder folder;
  for (const char* path : {"raw", "split/time"}) std::filesystem::create_directories(folder.path() / path);
  for (const auto& [name, text] : ogb_texts()) {
    const bool part = name == "train" || name == "valid" || name == "test";
    write_file(folder.path() / (part ? "split/time" : "raw") / (name + ".csv.gz"), gzip(text));
  }
  const GraphData data = read_ogb(folder.path(), {.self_loops = SelfLoops::add});
  EXPECT_EQ(listed(data.graph), (Pairs{{0, 0}, {0, 1}, {1, 1}, {2, 1}, {2, 2}}));
  EXPECT_EQ(numbers(data.dense), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(numbers(data.labels), (std::vector<double>{0, -1, 2}));
  EXPECT_EQ(numbers(data.training), (std::vector<double>{0, 2}));
  EXPECT_EQ(numbers(data.graph.edge_feature("feature")), (std::vector<double>{0, 7, 0, 8, 0}));
  std::filesystem::create_directories(folder.path() / "split/other");
  expect_error([&] { read_ogb(folder.path()); }, "there are several splits", "split");
  expect_error([&] { read_ogb(folder.path(), {}, "none"); }, "there is no split 'none'", "split");
  write_file(folder.path() / "split/time/train.csv.gz", gzip("2\n1\n"));
  expect_error([&] { read_ogb(folder.path(), {}, "time"); }, "vertex 1 has no label", "split/time/train.csv.gz:2");
  write_file(folder.path() / "raw/node-feat.csv.gz", gzip("1,2\n3\n5,6\n"));
  expect_error([&] { read_ogb(folder.path(), {}, "time"); }, "the line has 1 fields", "raw/node-feat.csv.gz:2");
}

TEST(Ogb, TablesLargerThanTheMemoryAreRefusedWithTheBytes) {
  std::map<std::string, OgbFile> files;
  for (const auto& [name, text] : ogb_texts()) files[name] = {text, "set/" + name + ".csv"};
  files["node-feat"].text = "1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8\n";
  expect_error([&] { parse_ogb(files, "set", {.memory_limit = 1000}, {.memory_limit = 95}); }, "a table of 3 lines needs 96 B (96 bytes)",
               "set/node-feat.csv");
  EXPECT_EQ(parse_ogb(files, "set", {}, {.memory_limit = 96}).feature_count(), 8);
}

TEST(Ogb, BadInput) {
  const auto refused = [](const std::string& name, const std::string& text, const std::string& problem, const std::string& place) {
    auto texts = ogb_texts();
    texts[name] = text;
    std::map<std::string, OgbFile> files;
    for (const auto& [part, content] : texts) files[part] = {content, "set/" + part + ".csv"};
    expect_error([&] { parse_ogb(files, "set"); }, problem, place);
  };
  refused("num-node-list", "3\n4\n", "2 graphs", "set/num-node-list.csv");
  refused("num-node-list", "2\n", "the source is 2, and there are 2 vertices", "set/edge.csv:2");
  refused("num-node-list", "-3\n", "-3 vertices", "set/num-node-list.csv");
  refused("num-node-list", "2000000000\n", "2000000000 vertices in a file of", "set/num-node-list.csv");
  refused("node-feat", "1,2\n3,4\n", "features of 2 vertices, where there are 3", "set/node-feat.csv:2");
  refused("node-feat", "1,2\n3\n5,6\n", "the line has 1 fields, the first line has 2", "set/node-feat.csv:2");
  refused("node-feat", "1,2\n3,nan\n5,6\n", "feature 1 of vertex 1 is nan", "set/node-feat.csv:2");
  refused("node-feat", "x,y\n1,2\n3,inf\n5,6\n", "feature 1 of vertex 1 is inf", "set/node-feat.csv:3");
  refused("node-feat", "x,x\n1,2\n3,4\n5,6\n", "two columns are called 'x'", "set/node-feat.csv:1");
  refused("edge-feat", "7\n", "features of 1 edges, where there are 2", "set/edge-feat.csv:1");
  refused("edge-feat", "7\nnan\n", "feature 0 of edge 1 is nan", "set/edge-feat.csv:2");
  refused("node-label", "0\n1\n", "labels of 2 vertices, where there are 3", "set/node-label.csv:2");
  refused("node-label", "0\n-1\n1\n", "the label -1", "set/node-label.csv:2");
  refused("node-label", "0\n1.5\n1\n", "the label 1.5", "set/node-label.csv:2");
  refused("node-label", "0 1\n1\n1\n", "several labels of one vertex", "set/node-label.csv:1");
  refused("train", "0\n1\n", "vertex 1 has no label", "set/train.csv:2");
  refused("train", "0\n3\n", "the vertex is 3", "set/train.csv:2");
  refused("test", "0\n", "vertex 0 is in the training part and in the test part", "set/test.csv:1");
  refused("train", "0\n2\n0\n", "vertex 0 is in the training part and in the training part", "set/train.csv:3");
  expect_error([] { parse_ogb({}, "set"); }, "there is no edge.csv.gz", "set");
}

}  // namespace
}  // namespace neap::gnn::graph_data_test
