// neap build
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/progress.h"
#include "neap/cli/model.h"
#include "neap/files/json.h"
#include "neap/standalone/standalone.h"

namespace neap::build_command {
namespace {

struct Given {
  ModelArguments model;
  std::filesystem::path out;
  std::string name = "network";
  int level = 4;
  bool json = false, strict = false;
};

int run(const Given& given) {
  const Graph graph = read_model(given.model);
  const StandaloneSummary made = write_standalone(graph, given.out,
                                                  {.name = given.name,
                                                   .sizes = sizes_of(given.model, graph),
                                                   .level = given.level,
                                                   .fallback = given.strict ? DenseFallback::refused : DenseFallback::said});
  if (given.json) {
    fmt::print("{}\n", json_page({{"folder", given.out.string()},
                                  {"kernels", made.kernels},
                                  {"weight_bytes", made.weight_bytes},
                                  {"arena_bytes", made.arena_bytes},
                                  {"bytes_moved", made.bytes_moved}}));
    return exit_ok;
  }
  fmt::print("{}: {} kernels, {} of weights, {} between nodes\n", given.out.string(), made.kernels,
             human_bytes(static_cast<double>(made.weight_bytes)), human_bytes(static_cast<double>(made.arena_bytes)));
  fmt::print("cmake -S {0} -B {0}/build -D NATIVE=ON && cmake --build {0}/build\n", given.out.string());
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_model_options(options, given->model);
  options.add("-o,--out", &given->out, "folder for the sources").required();
  options.add("--name", &given->name, "of the library").shows_default();
  add_level(options, given->level).shows_default();
  add_strict_option(options, given->strict);
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "build",
                               .about = "write a model as C++ that needs no Neap and no library",
                               .declare = declare,
                               .examples = {"neap build model.onnx -o sources --name net"}}};

}  // namespace
}  // namespace neap::build_command
