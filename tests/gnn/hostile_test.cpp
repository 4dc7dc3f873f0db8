// Readers of graphs against damaged files, grown from the seeds of fuzz/.
#include "tests/support/hostile.h"

#include <filesystem>
#include <set>

#include "fuzz/parts.h"
#include "neap/base/file.h"
#include "neap/gnn/debian.h"
#include "neap/gnn/graph_data.h"
#include "neap/gnn/read.h"
#include "neap/gnn/read_ogb.h"

namespace neap::gnn::hostile_test {
namespace {

std::vector<std::string> seeds(const std::string& target) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(NEAP_TESTS) / "../fuzz/corpus" / target))
    files.insert(entry.path());
  std::vector<std::string> texts;
  for (const auto& file : files) texts.push_back(read_file(file));
  return texts;
}

// What is read is built too, and found sound.
void graphs(const std::string& target, GraphFile (*parse)(std::string_view, const std::string&, const ReadOptions&)) {
  hostile(seeds(target), [&](const std::string& bytes) {
    const Graph graph = graph_of(parse(bytes, "hostile", {}), {}, "hostile");
    check(graph.incoming(), "hostile");
    check(graph.outgoing().csr, "hostile");
  });
}

TEST(HostileGraph, EdgeList) { graphs("edge_list", parse_edge_list); }
TEST(HostileGraph, MatrixMarket) { graphs("matrix_market", parse_matrix_market); }
TEST(HostileGraph, Metis) { graphs("metis", parse_metis); }
TEST(HostileGraph, Dimacs) { graphs("dimacs", parse_dimacs); }
TEST(HostileGraph, Npz) { graphs("graph_npz", parse_graph_npz); }

// The readers of folders take several files in one (fuzz/parts.h).
TEST(HostileGraph, Ogb) {
  hostile(seeds("ogb"), [](const std::string& bytes) {
    std::map<std::string, OgbFile> files;
    for (const auto& [name, text] : parts_of(bytes)) files[name] = {text, "hostile/" + name};
    check(parse_ogb(files, "hostile"));
  });
}

TEST(HostileGraph, GraphData) {
  hostile(seeds("graph_data"), [](const std::string& bytes) {
    auto parts = parts_of(bytes);
    check(parse_graph_data(parts["graph.json"], parts["graph.npz"], "hostile"));
  });
}

TEST(HostileGraph, Packages) {
  hostile(seeds("packages"), [](const std::string& bytes) { debian_packages(bytes, "hostile", {.least_words = 1, .least_others = 1}); });
}

}  // namespace
}  // namespace neap::gnn::hostile_test
