// neap demo
#include "neap/demo/demo.h"

#include <memory>

#include "neap/cli/command.h"

namespace neap::demo_command {
namespace {

struct Given {
  DemoOptions demo;
  int threads = 0;
  bool json = false;
};

int run(const Given& given) {
  use_threads(given.threads);
  DemoOptions options = given.demo;
  options.command = command_text();
  if (given.json) options.text = stderr;
  const DemoResult result = run_demo(options);
  if (result.stopped) return exit_stopped;
  if (given.json) fmt::print("{}\n", result.figures);
  return result.passed ? exit_ok : exit_wrong;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  options.add("--data", &given->demo.data, "folder of IDX files, or of train/ and test/ pictures (default: Fashion-MNIST)");
  options.add("--out", &given->demo.out, "folder for what it leaves").shows_default();
  options.add("--epochs", &given->demo.epochs, "default: 14, with --quick 2").between(1, 100000);
  options.add("--batch", &given->demo.batch, "images a step").shows_default().between(1, 1 << 20);
  options.add("--seed", &given->demo.seed, "of parameters, order and augmentation").shows_default();
  add_threads(options, given->threads);
  options.add("--quick", &given->demo.quick, "a tenth of the images: about a minute");
  options.add("--explain", &given->demo.explain, "print every edit, and why others were not made");
  options.add("--json", &given->json, "print demo.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand demo{{.name = "demo",
                            .about = "train on real images, measure what the optimiser saves, write a report",
                            .declare = declare,
                            .examples = {"neap demo --quick", "neap demo --data folder-of-idx-files --out out/mine"}}};

}  // namespace
}  // namespace neap::demo_command
