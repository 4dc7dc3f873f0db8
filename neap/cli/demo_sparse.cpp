// neap demo sparse
#include <memory>

#include "neap/cli/command.h"
#include "neap/demo/sparse_demo.h"

namespace neap::demo_sparse_command {
namespace {

struct Given {
  SparseDemoOptions demo;
  int threads = 0;
  bool json = false;
};

int run(const Given& given) {
  use_threads(given.threads);
  SparseDemoOptions options = given.demo;
  options.command = command_text();
  if (given.json) options.text = stderr;
  const SparseDemoResult result = run_sparse_demo(options);
  if (result.stopped) return exit_stopped;
  if (given.json) fmt::print("{}\n", result.figures);
  return result.passed ? exit_ok : exit_wrong;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  options.add("--data", &given->demo.data,
              "folder of IDX files or of pictures in folders (default: Fashion-MNIST where this machine has it)");
  options.add("--out", &given->demo.out, "folder for report and figures").shows_default();
  options.add("--epochs", &given->demo.epochs, "of training from the start").shows_default().between(1, 1000);
  options.add("--tuning", &given->demo.tuning, "epochs after pruning").shows_default().between(1, 1000);
  options.add("--batch", &given->demo.batch, "images a step").shows_default().between(1, 1 << 16);
  options.add("--seed", &given->demo.seed, "of parameters, order and random masks").shows_default();
  options.add("--quick", &given->demo.quick, "a tenth of the images, two epochs");
  add_threads(options, given->threads);
  options.add("--json", &given->json, "print demo.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "demo sparse",
                               .about = "train a network dense and sparse, by several methods, and compare them",
                               .declare = declare,
                               .examples = {"neap demo sparse --out out/sparse"}}};

}  // namespace
}  // namespace neap::demo_sparse_command
