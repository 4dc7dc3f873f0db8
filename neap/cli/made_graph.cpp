#include "neap/cli/made_graph.h"

#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/command.h"
#include "neap/files/json.h"
#include "neap/gnn/show.h"

namespace neap {

void check_has_place(const SourceArguments& given, const std::string& name) {
  if (given.out.empty() && !given.show)
    throw Error("there is no folder to write to", "neap data " + name, "give --out DIR, or only look with --show");
}

int finish_graph(const SourceArguments& given, const gnn::GraphData& data) {
  if (!given.out.empty()) gnn::save_graph_data(given.out, data);
  if (given.json) {
    const nlohmann::json json{{"vertices", data.vertices()}, {"edges", data.graph.edges()},     {"features", data.feature_count()},
                              {"classes", data.class_names}, {"version", data.version().hex()}, {"about", data.about}};
    fmt::print("{}\n", json_page(json));
    return exit_ok;
  }
  if (given.show) fmt::print("{}", gnn::graph_text(data));
  const std::size_t types = data.graph.edge_type_names().size();
  fmt::print("{} vertices, {} edges{}, {} features, {} classes; version {}\n", data.vertices(), data.graph.edges(),
             types > 0 ? fmt::format(" of {} types", types) : "", data.feature_count(), data.class_names.size(), data.version().hex());
  if (!given.out.empty()) fmt::print("in {}: graph.npz, graph.json\n", given.out.string());
  return exit_ok;
}

}  // namespace neap
