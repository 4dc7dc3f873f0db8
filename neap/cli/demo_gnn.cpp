// neap demo gnn
#include <memory>

#include "neap/cli/graph_source.h"
#include "neap/demo/gnn_demo.h"

namespace neap::demo_gnn_command {
namespace {

struct Given {
  GraphArguments graph;
  GnnDemoOptions demo;
  int threads = 0;
  bool json = false;
};

int run(const Given& given) {
  use_threads(given.threads);
  GnnDemoOptions options = given.demo;
  options.command = command_text();
  if (given.json) options.text = stderr;
  const GnnDemoResult result = run_gnn_demo(open_graph(given.graph, options.seed), options);
  if (result.stopped) return exit_stopped;
  if (given.json) fmt::print("{}\n", result.figures);
  return result.passed ? exit_ok : exit_wrong;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  options.add("--data", &given->graph.data, "debian-packages, this machine's, or a folder that `neap data debian-packages --out` made")
      .shows_default();
  options.add("--out", &given->demo.out, "folder for report and figures").shows_default();
  options.add("--epochs", &given->demo.epochs, "of each network").shows_default().between(1, 100000);
  options.add("--hidden", &given->demo.hidden, "width between layers").shows_default().between(1, 1 << 16);
  options.add("--lr", &given->demo.rate, "learning rate of Adam").shows_default().positive();
  options.add("--decay", &given->demo.decay, "weight decay").shows_default().not_negative();
  options.add("--dropout", &given->demo.dropout, "of each layer's features").shows_default().between(0.0, 0.99);
  options.add("--seed", &given->demo.seed, "of split, parameters and dropout").shows_default();
  options.add("--rounds", &given->demo.rounds, "of the step as written and transformed, in turn").shows_default().between(1, 1000);
  add_threads(options, given->threads);
  options.add("--json", &given->json, "print demo.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "demo gnn",
                               .about = "learn on the graph of Debian's packages what their edges are worth, and what a step costs",
                               .declare = declare,
                               .examples = {"neap demo gnn --out out/gnn"}}};

}  // namespace
}  // namespace neap::demo_gnn_command
