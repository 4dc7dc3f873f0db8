// neap show
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/file.h"
#include "neap/base/progress.h"
#include "neap/cli/model.h"
#include "neap/files/json.h"
#include "neap/transform/sparse_dispatch.h"
#include "neap/viewer/graph_json.h"
#include "neap/viewer/report.h"

namespace neap::show_command {
namespace {

struct Given {
  ModelArguments model;
  std::filesystem::path html;
  int level = -1;
  bool origin = false, json = false, strict = false;
};

int run(const Given& given) {
  const Graph graph = read_model(given.model);
  Optimizer optimizer(graph, CostModel(sizes_of(given.model, graph)));
  std::vector<SparseUse> uses;
  if (given.level >= 0) {
    optimizer.optimize(given.level);
    uses = sparse_uses(graph, optimizer);
    handle(uses, given.strict ? DenseFallback::refused : DenseFallback::silent);
  }
  if (!given.html.empty()) {
    nlohmann::json report{{"title", given.model.file.filename().string()},
                          {"command", command_text()},
                          {"machine", machine_json()},
                          {"versions", versions_json()},
                          {"graphs", {{"before", graph_json(graph, optimizer.model())}}}};
    if (given.level >= 0) {
      report["graphs"]["after"] = graph_json(optimizer.graph(), optimizer.model());
      report["edits"] = edits_json(optimizer.steps());
      report["refused"] = refusals_json(optimizer.refusals());
    }
    write_file(given.html, render_report(report));
    return exit_ok;
  }
  const Cost& cost = optimizer.cost();
  if (given.json) {
    nlohmann::json json = graph_json(optimizer.graph(), optimizer.model());
    json["bytes"] = cost.bytes;
    json["flops"] = cost.flops;
    if (given.level >= 0) json["sparse"] = sparse_json(uses);
    fmt::print("{}\n", json_page(json));
  } else {
    fmt::print("{}", to_string(optimizer.graph(), {.bytes = true, .origin = given.origin}));
    fmt::print("# {} nodes; {} moved, {:.3g} Mflop (modelled; open sizes count as 128 unless --set)\n", optimizer.graph().nodes().size(),
               human_bytes(cost.bytes), cost.flops / 1e6);
    fmt::print("{}", to_string(uses, "# "));
  }
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_model_options(options, given->model);
  add_level(options, given->level).about("show it after the optimiser at this level, 0 to 4; without: as written");
  add_strict_option(options, given->strict);
  options.add("--html", &given->html, "write a page with the graph (before and after) to this file");
  options.add("--origin", &given->origin, "say which operators each node came from");
  options.add("--json", &given->json, "print nodes and edges as JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "show",
                               .about = "print a model's graph with the bytes that it moves",
                               .declare = declare,
                               .examples = {"neap show model.onnx", "neap show model.onnx --level 4 --html page.html"}}};

}  // namespace
}  // namespace neap::show_command
