// neap verify
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/cli/model.h"
#include "neap/files/json.h"
#include "neap/ops/interpreter.h"
#include "neap/tensor/compile.h"

namespace neap::verify_command {
namespace {

struct Given {
  ModelArguments model;
  std::uint64_t seed = 0;
  double tolerance = 1e-4;
  int level = -1;
  bool json = false;
};

struct Worst {
  double difference = 0;
  std::string output;
};

// Relative to the largest element of the output; NaN fits NaN, infinity fits itself.
Worst compare(const Graph& graph, const std::vector<Array>& right, const std::vector<Array>& mine) {
  Worst worst;
  for (std::size_t i = 0; i < right.size(); ++i) {
    double largest = 0, most = 0;
    for (std::int64_t k = 0; k < right[i].count(); ++k) {
      const double a = right[i].get(k), b = mine[i].get(k);
      if (std::isfinite(a)) largest = std::max(largest, std::abs(a));
      if (a == b || (std::isnan(a) && std::isnan(b))) continue;
      most = std::isfinite(a) && std::isfinite(b) ? std::max(most, std::abs(a - b)) : std::numeric_limits<double>::infinity();
    }
    const double relative = most == 0 ? 0 : most / std::max(largest, std::numeric_limits<double>::min());
    if (worst.output.empty() || relative > worst.difference) worst = {relative, graph.outputs[i].name};
  }
  return worst;
}

int run(const Given& given) {
  const Graph graph = read_model(given.model);
  const Symbols symbols = with_defaults(graph, sizes_of(given.model, graph));
  const auto inputs = [&] { return random_inputs(graph, symbols, given.seed); };  // fresh ones: a run may write into them
  const std::vector<Array> right = interpret(graph, inputs());
  nlohmann::json levels = nlohmann::json::array();
  bool all = true;
  for (int level = 0; level <= 4; ++level) {
    if (given.level >= 0 && level != given.level) continue;
    const Worst worst = compare(graph, right, make_executable(graph, level).run(inputs()));
    const bool holds = worst.difference <= given.tolerance;
    all = all && holds;
    levels.push_back({{"level", level}, {"relative_difference", worst.difference}, {"output", worst.output}, {"holds", holds}});
    if (!given.json) {
      fmt::print("level {}: {}, the largest relative difference is {:.1e}{}\n", level, holds ? "holds" : "WRONG", worst.difference,
                 worst.output.empty() ? "" : " in " + worst.output);
    }
  }
  if (given.json) fmt::print("{}\n", json_page({{"holds", all}, {"tolerance", given.tolerance}, {"levels", levels}}));
  return all ? exit_ok : exit_wrong;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_model_options(options, given->model);
  add_level(options, given->level).about("only this level; without: 0 to 4");
  options.add("--seed", &given->seed, "of the random inputs").shows_default();
  options.add("--tolerance", &given->tolerance, "of the difference, relative to an output's largest element").shows_default();
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "verify",
                               .about = "compare every level with the interpreter on random inputs (open sizes are 2 unless --set)",
                               .declare = declare,
                               .examples = {"neap verify model.onnx"}}};

}  // namespace
}  // namespace neap::verify_command
