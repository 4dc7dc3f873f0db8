// neap data graph: what `neap train gnn` takes, from the files of others.
#include <fmt/ranges.h>

#include "neap/base/error.h"
#include "neap/cli/data_source.h"
#include "neap/cli/made_graph.h"
#include "neap/gnn/read.h"
#include "neap/gnn/read_data.h"

namespace neap {
namespace {

int make_from_files(const SourceArguments& given) {
  check_has_place(given, "graph");
  if (given.from.empty()) throw Error("there is no file to make it from", "neap data graph", "give --from FILE, or an OGB folder");
  return finish_graph(given, gnn::open_graph_data(given.from, {.features = given.features, .labels = given.labels}));
}

std::string formats() {
  std::vector<std::string> names{"OGB"};
  for (const gnn::FileFormat& format : gnn::file_formats()) names.push_back(format.name);
  return fmt::format("from files: {}", fmt::join(names, ", "));
}

const RegisterDataSource source{{.name = "graph",
                                 .about = "a graph from --from, a file or an OGB folder, with --features and --labels",
                                 .takes = {"--from", "--features", "--labels"},
                                 .where = formats,
                                 .make = make_from_files}};

}  // namespace
}  // namespace neap
