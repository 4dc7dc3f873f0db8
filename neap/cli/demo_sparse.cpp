// neap demo sparse
#include <memory>

#include "neap/base/machine.h"
#include "neap/cli/command.h"
#include "neap/demo/sparse_demo.h"

namespace neap {
namespace {

struct Given {
  SparseDemoOptions demo;
  int threads = 0;
  bool json = false;
};

int run(const Given& given) {
  if (given.threads > 0) set_thread_count(given.threads);
  SparseDemoOptions options = given.demo;
  options.command = command_text();
  if (given.json) options.text = stderr;
  const SparseDemoResult result = run_sparse_demo(options);
  if (result.stopped) return exit_stopped;
  if (given.json) fmt::print("{}\n", result.figures.dump(2));
  return result.passed ? exit_ok : exit_wrong;
}

std::function<int()> declare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  app.add_option("--data", given->demo.data,
                 "folder of IDX files or of pictures in folders (default: Fashion-MNIST where this machine has it)");
  app.add_option("--out", given->demo.out, "folder for report and figures")->capture_default_str();
  app.add_option("--epochs", given->demo.epochs, "of training from the start")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--tuning", given->demo.tuning, "epochs after pruning")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--batch", given->demo.batch, "images a step")->capture_default_str()->check(CLI::Range(1, 1 << 16));
  app.add_option("--seed", given->demo.seed, "of parameters, order and random masks")->capture_default_str();
  app.add_flag("--quick", given->demo.quick, "a tenth of the images, two epochs");
  app.add_option("--threads", given->threads, "default: all cores")->check(CLI::Range(1, 1024));
  app.add_flag("--json", given->json, "print demo.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "demo sparse",
                               .about = "train a network dense and sparse, by several methods, and compare them",
                               .declare = declare,
                               .examples = {"neap demo sparse --out out/sparse"}}};

}  // namespace
}  // namespace neap
