// neap demo gnn
#include <memory>

#include "neap/base/machine.h"
#include "neap/cli/graph_source.h"
#include "neap/demo/gnn_demo.h"

namespace neap {
namespace {

struct Given {
  GraphArguments graph;
  GnnDemoOptions demo;
  int threads = 0;
  bool json = false;
};

int run(const Given& given) {
  if (given.threads > 0) set_thread_count(given.threads);
  GnnDemoOptions options = given.demo;
  options.command = command_text();
  if (given.json) options.text = stderr;
  const GnnDemoResult result = run_gnn_demo(open_graph(given.graph, options.seed), options);
  if (result.stopped) return exit_stopped;
  if (given.json) fmt::print("{}\n", result.figures.dump(2));
  return result.passed ? exit_ok : exit_wrong;
}

std::function<int()> declare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  app.add_option("--data", given->graph.data, "debian-packages, this machine's, or a folder that `neap data debian-packages --out` made")
      ->capture_default_str();
  app.add_option("--out", given->demo.out, "folder for report and figures")->capture_default_str();
  app.add_option("--epochs", given->demo.epochs, "of each network")->capture_default_str()->check(CLI::Range(1, 100000));
  app.add_option("--hidden", given->demo.hidden, "width between layers")->capture_default_str()->check(CLI::Range(1, 1 << 16));
  app.add_option("--lr", given->demo.rate, "learning rate of Adam")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--decay", given->demo.decay, "weight decay")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--dropout", given->demo.dropout, "of each layer's features")->capture_default_str()->check(CLI::Range(0.0, 0.99));
  app.add_option("--seed", given->demo.seed, "of split, parameters and dropout")->capture_default_str();
  app.add_option("--rounds", given->demo.rounds, "of the step as written and transformed, in turn")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--threads", given->threads, "default: all cores")->check(CLI::Range(1, 1024));
  app.add_flag("--json", given->json, "print demo.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "demo gnn",
                               .about = "learn on the graph of Debian's packages what their edges are worth, and what a step costs",
                               .declare = declare,
                               .examples = {"neap demo gnn --out out/gnn"}}};

}  // namespace
}  // namespace neap
