// neap data debian-packages
#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/command.h"
#include "neap/cli/data_source.h"
#include "neap/files/gzip.h"
#include "neap/files/json.h"
#include "neap/gnn/debian.h"
#include "neap/gnn/show.h"

namespace neap {
namespace {

std::string packages_text(const std::filesystem::path& from) { return from.empty() ? gnn::available_packages() : read_expanded(from); }

std::string today() { return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr))); }

int make(const SourceArguments& given) {
  if (given.out.empty() && !given.show)
    throw Error("there is no folder to write to", "neap data debian-packages", "give --out DIR, or only look with --show");
  const std::string place = given.from.empty() ? "apt-cache dumpavail" : given.from.string();
  gnn::GraphData data = gnn::debian_packages(packages_text(given.from), place, {.seed = given.seed});
  data.about["source"] = place;
  data.about["date"] = today();
  if (!given.out.empty()) gnn::save_graph_data(given.out, data);
  if (given.json) {
    const nlohmann::json json{{"vertices", data.vertices()}, {"edges", data.graph.edges()},     {"features", data.feature_count()},
                              {"classes", data.class_names}, {"version", data.version().hex()}, {"about", data.about}};
    fmt::print("{}\n", json_page(json));
    return exit_ok;
  }
  if (given.show) fmt::print("{}", gnn::graph_text(data));
  fmt::print("{} packages, {} edges of {} types, {} features, {} sections; version {}\n", data.vertices(), data.graph.edges(),
             data.graph.edge_type_names().size(), data.feature_count(), data.class_names.size(), data.version().hex());
  if (!given.out.empty()) fmt::print("in {}: graph.npz, graph.json\n", given.out.string());
  return exit_ok;
}

std::string where() {
  const std::string text = gnn::available_packages();
  return fmt::format(
      "{} packages in the lists of apt", std::ranges::count(text, '\n') == 0 ? 0 : [&] {
        std::int64_t count = 0;
        for (std::size_t at = text.find("\n\n"); at != text.npos; at = text.find("\n\n", at + 2)) ++count;
        return count;
      }());
}

const RegisterDataSource source{
    {.name = "debian-packages",
     .about = "the packages of this machine's Debian lists and what they depend on; the task is to find their sections",
     .where = where,
     .make = make}};

}  // namespace
}  // namespace neap
