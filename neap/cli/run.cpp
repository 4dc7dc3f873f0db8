// neap run
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "neap/base/clock.h"
#include "neap/base/file.h"
#include "neap/base/median.h"
#include "neap/base/progress.h"
#include "neap/cli/model.h"
#include "neap/files/json.h"
#include "neap/files/npy.h"
#include "neap/tensor/compile.h"

namespace neap::run_command {
namespace {

struct Given {
  ModelArguments model;
  InputArguments inputs;
  std::filesystem::path out, trace;
  bool json = false, strict = false;
  int level = 4, repeat = 1;
};

std::string save(const Given& given, const std::string& name, const Array& array, std::set<std::string>& taken) {
  if (given.out.empty()) return "";
  std::string file = file_name(name);
  while (!taken.insert(file).second) file += "_";
  write_npy(given.out / (file + ".npy"), array);
  return (given.out / (file + ".npy")).string();
}

std::string range_text(const Array& array) {
  double least = 0, most = 0, sum = 0;
  for (std::int64_t i = 0; i < array.count(); ++i) {
    const double value = array.get(i);
    least = i == 0 ? value : std::min(least, value);
    most = i == 0 ? value : std::max(most, value);
    sum += value;
  }
  return fmt::format("least {:.6g}, mean {:.6g}, most {:.6g}", least, sum / static_cast<double>(std::max<std::int64_t>(1, array.count())),
                     most);
}

int run(const Given& given) {
  const Graph graph = read_model(given.model);
  const std::vector<Array> inputs = gather_inputs(graph, given.model, given.inputs);
  if (!given.out.empty()) make_folder(given.out);
  Executable executable = make_executable(graph, given.level, given.strict ? DenseFallback::refused : DenseFallback::said);
  std::vector<Array> results = executable.run(inputs);
  std::vector<double> seconds;
  executable.set_profiling(!given.trace.empty());
  for (int i = 0; i < given.repeat; ++i) {
    const auto start = Clock::now();
    executable.run(inputs);
    seconds.push_back(seconds_since(start));
  }
  const double middle = median(seconds);
  if (!given.trace.empty()) write_file(given.trace, executable.trace());
  nlohmann::json outputs = nlohmann::json::array();
  std::set<std::string> taken;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    const std::string type = std::string(neap::name(results[i].dtype())) + to_string(results[i].sizes());
    const std::string file = save(given, name, results[i], taken);
    outputs.push_back({{"name", name}, {"type", type}, {"file", file}});
    if (!given.json) fmt::print("{}: {}  {}{}\n", name, type, range_text(results[i]), file.empty() ? "" : "  -> " + file);
  }
  if (given.json) {
    fmt::print("{}\n", json_page({{"outputs", outputs}, {"seconds", middle}, {"level", given.level}}));
  } else {
    fmt::print("{} a run ({})\n", human_seconds(middle),
               given.repeat > 1 ? fmt::format("median of {}", given.repeat) : "once, after a first");
  }
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_model_options(options, given->model);
  add_input_options(options, given->inputs);
  options.add("--out", &given->out, "folder for NAME.npy of each output");
  options.add("--random-inputs", &given->inputs.random, "random elements for the inputs that are not given; open sizes are 2 unless --set");
  add_level(options, given->level).shows_default();
  add_strict_option(options, given->strict);
  options.add("--repeat", &given->repeat, "runs that are timed").shows_default().between(1, 1000000);
  options.add("--trace", &given->trace, "file for a Perfetto trace of the last run");
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "run",
                               .about = "run a model on arrays from files, or on random ones",
                               .declare = declare,
                               .examples = {"neap run model.onnx --input x=x.npy --out results",
                                            "neap run model.onnx --random-inputs --set N=2 --trace trace.json"}}};

}  // namespace
}  // namespace neap::run_command
