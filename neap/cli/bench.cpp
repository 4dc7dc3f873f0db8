// neap bench
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "neap/base/interleave.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "neap/cli/model.h"
#include "neap/files/json.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/sparse_dispatch.h"
#include "neap/viewer/graph_json.h"

namespace neap::bench_command {
namespace {

struct Given {
  ModelArguments model;
  InputArguments inputs{.random = true};
  std::vector<int> against;
  int level = 4, threads = 0, rounds = 15, nodes = 10;
  bool json = false, strict = false;
};

// One level of the optimiser: what it runs, and how long that took in each round.
struct Measured {
  int level;
  Graph graph;
  Cost cost;
  std::vector<Cost> nodes;  // priced, in the graph's order
  Executable executable;
  std::vector<double> seconds;
  std::vector<std::vector<double>> node_seconds;  // by node and round

  Measured(const Graph& written, int level, const Symbols& sizes, DenseFallback fallback)
      : level(level), executable(optimised(written, sizes, fallback)) {}
  double median() const { return quantile(seconds, 0.5); }

 private:
  Executable optimised(const Graph& written, const Symbols& sizes, DenseFallback fallback) {
    Optimizer optimizer(written, CostModel(sizes));
    optimizer.optimize(level);
    handle(written, optimizer, level, fallback);
    graph = optimizer.graph();
    cost = optimizer.cost();
    for (const NodePtr& node : graph.nodes()) nodes.push_back(optimizer.model().node(graph, *node));
    return Executable(graph, {.compile = level > 0});
  }
};

// All levels in turn. Then times of each node, by themselves.
void measure(std::vector<std::unique_ptr<Measured>>& all, const std::vector<Array>& inputs, int rounds) {
  std::vector<std::function<void()>> ways;
  for (const auto& one : all) ways.emplace_back([&] { one->executable.run(inputs); });
  const std::vector<std::vector<double>> seconds = interleaved_seconds(ways, rounds);
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->seconds = seconds[i];
  for (const auto& one : all) {
    one->executable.set_profiling(true);
    one->node_seconds.resize(one->nodes.size());
    for (int round = 0; round < rounds; ++round) {
      one->executable.run(inputs);
      for (std::size_t i = 0; i < one->nodes.size(); ++i) one->node_seconds[i].push_back(one->executable.profile()[i].last);
    }
  }
}

nlohmann::json nodes_json(const Measured& one) {
  nlohmann::json nodes = nlohmann::json::array();
  const std::vector<NodeProfile>& profile = one.executable.profile();
  std::vector<double> medians;
  for (const std::vector<double>& rounds : one.node_seconds) medians.push_back(quantile(rounds, 0.5));
  const double total = std::accumulate(medians.begin(), medians.end(), 0.0);
  for (std::size_t i = 0; i < profile.size(); ++i) {
    const double seconds = medians[i];
    nodes.push_back({{"name", profile[i].name},
                     {"from", profile[i].origin},
                     {"how", profile[i].how},
                     {"seconds", seconds},
                     {"share", total > 0 ? seconds / total : 0},
                     {"bytes", one.nodes[i].bytes},
                     {"flops", one.nodes[i].flops},
                     {"roofline_share", seconds > 0 ? one.nodes[i].seconds / seconds : 0}});
  }
  return nodes;
}

nlohmann::json level_json(const Measured& one) {
  const double median = one.median();
  return {{"level", one.level},
          {"seconds", median},
          {"least_seconds", quantile(one.seconds, 0)},
          {"spread", (quantile(one.seconds, 0.75) - quantile(one.seconds, 0.25)) / median},
          {"rounds", one.seconds.size()},
          {"bytes", one.cost.bytes},
          {"flops", one.cost.flops},
          {"arena_bytes", one.executable.plan().arena_bytes},
          {"kernels", one.executable.generated_kernels()},
          {"compile_seconds", one.executable.compile_seconds()},
          {"roofline_share", one.cost.seconds / median},
          {"nodes", nodes_json(one)}};
}

std::string rates_text(double bytes, double flops, double seconds) {
  return fmt::format("{:>9}  {:>7.2f} GB/s  {:>7.2f} GF/s", human_bytes(bytes), bytes / seconds * 1e-9, flops / seconds * 1e-9);
}

std::string shortened(const std::string& text) {
  constexpr std::size_t most = 60;
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

void print_level(const nlohmann::json& level, int most) {
  const double seconds = level["seconds"].get<double>();
  fmt::print("level {}: {} a run (median; least {}, spread {:.0f} %)  {}  {:.0f} % of the roofline; arena {}\n", level["level"].get<int>(),
             human_seconds(seconds), human_seconds(level["least_seconds"].get<double>()), 100 * level["spread"].get<double>(),
             rates_text(level["bytes"].get<double>(), level["flops"].get<double>(), seconds), 100 * level["roofline_share"].get<double>(),
             human_bytes(level["arena_bytes"].get<double>()));
  std::vector<nlohmann::json> nodes = level["nodes"];
  std::stable_sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) { return a["seconds"] > b["seconds"]; });
  for (std::size_t i = 0; i < nodes.size() && i < static_cast<std::size_t>(most); ++i) {
    const nlohmann::json& node = nodes[i];
    const double taken = node["seconds"].get<double>();
    fmt::print("  {:>4.1f} %  {:>9}  {}  {:>4.0f} % of the roofline  {:<10} {}  {}\n", 100 * node["share"].get<double>(),
               human_seconds(taken), rates_text(node["bytes"].get<double>(), node["flops"].get<double>(), std::max(1e-9, taken)),
               100 * node["roofline_share"].get<double>(), node["how"].get<std::string>(), node["name"].get<std::string>(),
               shortened(node["from"].get<std::string>()));
  }
  if (nodes.size() > static_cast<std::size_t>(most))
    fmt::print("  and {} more nodes: --nodes {}\n", nodes.size() - static_cast<std::size_t>(most), nodes.size());
}

int run(const Given& given) {
  use_threads(given.threads);
  const Graph graph = read_model(given.model);
  const std::vector<Array> inputs = gather_inputs(graph, given.model, given.inputs);
  const Symbols sizes = bind_inputs(graph, inputs);
  std::vector<std::unique_ptr<Measured>> all;
  all.push_back(std::make_unique<Measured>(graph, given.level, sizes, given.strict ? DenseFallback::refused : DenseFallback::said));
  for (const int level : given.against) {
    const bool there = std::any_of(all.begin(), all.end(), [&](const auto& one) { return one->level == level; });
    if (!there) all.push_back(std::make_unique<Measured>(graph, level, sizes, DenseFallback::said));
  }
  measure(all, inputs, given.rounds);
  nlohmann::json levels = nlohmann::json::array();
  for (const auto& one : all) levels.push_back(level_json(*one));
  nlohmann::json types;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    types[graph.inputs[i].name] = std::string(name(inputs[i].dtype())) + to_string(inputs[i].sizes());
  }
  if (given.json) {
    const nlohmann::json result{{"command", command_text()}, {"machine", machine_json()}, {"inputs", types}, {"levels", levels}};
    fmt::print("{}\n", json_page(result));
    return exit_ok;
  }
  std::string text;
  for (const auto& [name, type] : types.items()) text += (text.empty() ? "" : ", ") + name + " " + type.get<std::string>();
  fmt::print("{}: {}\n{}, {} threads, {}; {} rounds in turn; bytes and flops are modelled\n", given.model.file.string(), text,
             machine().cpu, thread_count(), name(best_isa()), given.rounds);
  for (const nlohmann::json& level : levels) print_level(level, given.nodes);
  for (std::size_t i = 1; i < all.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < all[i]->seconds.size(); ++round) ratios.push_back(all[i]->seconds[round] / all[0]->seconds[round]);
    fmt::print("level {} against level {}: {:.2f} times as fast (by round {:.2f} to {:.2f})\n", all[0]->level, all[i]->level,
               all[i]->median() / all[0]->median(), quantile(ratios, 0.25), quantile(ratios, 0.75));
  }
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_model_options(options, given->model);
  add_input_options(options, given->inputs);
  add_level(options, given->level).shows_default();
  add_strict_option(options, given->strict);
  options.add("--against", &given->against, "other levels, measured in turn with it: --against 0").by_commas().between(0, 4);
  add_threads(options, given->threads);
  options.add("--rounds", &given->rounds, "timed rounds of each level").shows_default().between(1, 100000);
  options.add("--nodes", &given->nodes, "slowest nodes that are printed").shows_default().between(0, 1000000);
  options.add("--json", &given->json, "print JSON, with every node");
  options.add_note("Inputs that are not given are random; open sizes are 2 unless --set.");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "bench",
                               .about = "time a model, as a whole and node by node",
                               .declare = declare,
                               .examples = {"neap bench model.onnx --set N=8 --against 0"}}};

}  // namespace
}  // namespace neap::bench_command
