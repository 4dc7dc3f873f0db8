// neap demo
#include "neap/demo/demo.h"

#include <memory>

#include "neap/base/machine.h"
#include "neap/cli/command.h"

namespace neap {
namespace {

struct Given {
  DemoOptions demo;
  int threads = 0;
  bool json = false;
};

int run(const Given& given) {
  if (given.threads > 0) set_thread_count(given.threads);
  DemoOptions options = given.demo;
  options.command = command_text();
  if (given.json) options.text = stderr;
  const DemoResult result = run_demo(options);
  if (result.stopped) return exit_stopped;
  if (given.json) fmt::print("{}\n", result.figures.dump(2));
  return result.passed ? exit_ok : exit_wrong;
}

std::function<int()> declare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  app.add_option("--data", given->demo.data, "folder of IDX files, or of train/ and test/ pictures (default: Fashion-MNIST)");
  app.add_option("--out", given->demo.out, "folder for what it leaves")->capture_default_str();
  app.add_option("--epochs", given->demo.epochs, "default: 14, with --quick 2")->check(CLI::Range(1, 100000));
  app.add_option("--batch", given->demo.batch, "images a step")->capture_default_str()->check(CLI::Range(1, 1 << 20));
  app.add_option("--seed", given->demo.seed, "of parameters, order and augmentation")->capture_default_str();
  app.add_option("--threads", given->threads, "default: all cores")->check(CLI::Range(1, 1024));
  app.add_flag("--quick", given->demo.quick, "a tenth of the images: about a minute");
  app.add_flag("--explain", given->demo.explain, "print every edit, and why others were not made");
  app.add_flag("--json", given->json, "print demo.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand demo{{.name = "demo",
                            .about = "train on real images, measure what the optimiser saves, write a report",
                            .declare = declare,
                            .examples = {"neap demo --quick", "neap demo --data folder-of-idx-files --out out/mine"}}};

}  // namespace
}  // namespace neap
