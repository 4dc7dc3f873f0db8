// neap data arxiv-like and reddit-like: generated graphs of the sizes of well-known ones.
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/command.h"
#include "neap/cli/data_source.h"
#include "neap/files/json.h"
#include "neap/gnn/generate.h"
#include "neap/gnn/show.h"

namespace neap {
namespace {

DataSource generated(const std::string& name, const std::string& about, gnn::GraphData (*generate)(std::uint64_t seed, double scale)) {
  const auto make = [=](const SourceArguments& given) {
    if (given.out.empty() && !given.show)
      throw Error("there is no folder to write to", "neap data " + name, "give --out DIR, or only look with --show");
    if (!given.from.empty()) throw Error("a generated graph is made from nothing", given.from.string(), "leave --from out");
    gnn::GraphData data = generate(given.seed, given.scale);
    if (!given.out.empty()) gnn::save_graph_data(given.out, data);
    if (given.json) {
      const nlohmann::json json{
          {"vertices", data.vertices()}, {"edges", data.graph.edges()}, {"version", data.version().hex()}, {"about", data.about}};
      fmt::print("{}\n", json_page(json));
      return int{exit_ok};
    }
    if (given.show) fmt::print("{}", gnn::graph_text(data));
    fmt::print("{} vertices, {} edges, {} features, {} classes; version {}\n", data.vertices(), data.graph.edges(), data.feature_count(),
               data.class_names.size(), data.version().hex());
    if (!given.out.empty()) fmt::print("in {}: graph.npz, graph.json\n", given.out.string());
    return int{exit_ok};
  };
  return {.name = name, .about = about, .where = [] { return std::string("generated"); }, .make = make};
}

const RegisterDataSource arxiv{generated("arxiv-like", "a power law with communities, of the size of ogbn-arxiv", gnn::arxiv_like)};
const RegisterDataSource reddit{
    generated("reddit-like", "the same, smaller and denser: 50,000 vertices, 10 million entries", gnn::reddit_like)};

}  // namespace
}  // namespace neap
