// neap optimize
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/file.h"
#include "neap/cli/model.h"
#include "neap/cli/tuning.h"
#include "neap/demo/summary.h"
#include "neap/files/json.h"
#include "neap/transform/sparse_dispatch.h"
#include "neap/viewer/graph_json.h"

namespace neap::optimize_command {
namespace {

struct Given {
  ModelArguments model;
  std::filesystem::path recipe, passes, replay, out;
  int level = highest_level;
  std::int64_t memory = 0;
  double tune = 0;
  bool explain = false, json = false, strict = false;
};

int run(const Given& given) {
  const Graph graph = read_model(given.model);
  Optimizer optimizer(graph, CostModel(sizes_of(given.model, graph)));
  const Cost before = optimizer.cost();
  constexpr std::int64_t most = 1 << 26;
  if (given.replay.empty()) {
    OptimizeOptions options{.level = given.level, .memory_bytes = given.memory};
    if (!given.passes.empty()) options.recipe = parse_recipe(read_file(given.passes, most));
    std::optional<TuningProgress> progress;
    if (given.tune > 0) options.tune = progress.emplace(given.tune).options();
    optimizer.optimize(options);
  } else {
    optimizer.replay(read_file(given.replay, most));
  }
  const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
  handle(uses, given.strict ? DenseFallback::refused : DenseFallback::silent);
  if (!given.recipe.empty()) write_file(given.recipe, optimizer.history());
  if (!given.out.empty()) write_model(given.out, optimizer.graph());
  const Cost& after = optimizer.cost();
  const Tuning& tuning = optimizer.tuning();
  if (given.json) {
    nlohmann::json json{{"nodes", {{"before", graph.nodes().size()}, {"after", optimizer.graph().nodes().size()}}},
                        {"bytes", {{"before", before.bytes}, {"after", after.bytes}}},
                        {"flops", {{"before", before.flops}, {"after", after.flops}}},
                        {"edits", edits_json(optimizer.steps())},
                        {"refused", refusals_json(optimizer.refusals())},
                        {"sparse", sparse_json(uses)}};
    if (given.tune > 0) {
      json["tuning"] = {{"kernels", tuning.kernels}, {"measured", tuning.measured},     {"changed", tuning.changed},
                        {"left", tuning.left},       {"before_seconds", tuning.before}, {"after_seconds", tuning.after}};
    }
    fmt::print("{}\n", json_page(json));
    return exit_ok;
  }
  fmt::print("{} operators became {} nodes; {} moved before, {} after (modelled)\n", graph.nodes().size(), optimizer.graph().nodes().size(),
             human_bytes(before.bytes), human_bytes(after.bytes));
  if (given.tune > 0) fmt::print("{}", tuning_text(tuning));
  fmt::print("{}", to_string(uses));
  fmt::print("{}", given.explain ? optimizer.explain() : edit_summary(optimizer));
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_model_options(options, given->model);
  const Option level = add_level(options, given->level).shows_default();
  add_strict_option(options, given->strict);
  options.add("--explain", &given->explain, "print every edit, and why others were not made");
  options.add("--recipe", &given->recipe, "write the edits to this file, for --replay");
  const Option passes =
      options.add("--passes", &given->passes, "try the transformations that this file lists, in place of the usual ones (--print-passes)");
  const auto print_passes = [] { fmt::print("{}", to_string(default_recipe())); };
  options.add_action("--print-passes", print_passes, "print the list of transformations that are tried, for --passes");
  const Option memory =
      options.add("--memory", &given->memory, "most bytes for values between nodes: what does not fit is computed again").positive();
  const Option tune = add_tune(options, given->tune, "measure the costliest kernels with other parameters");
  options.add("--replay", &given->replay, "make the edits of this file in place of the optimiser's own")
      .not_with(level)
      .not_with(passes)
      .not_with(memory)
      .not_with(tune);
  options.add("-o,--out", &given->out, "write the optimised graph's text to this file, its large constants to FILE.safetensors");
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "optimize",
                               .about = "show what the optimiser does to a model, and what it leaves",
                               .declare = declare,
                               .examples = {"neap optimize model.onnx --explain", "neap optimize model.onnx --recipe edits.txt",
                                            "neap optimize model.onnx --replay edits.txt -o optimised.neap"}}};

}  // namespace
}  // namespace neap::optimize_command
