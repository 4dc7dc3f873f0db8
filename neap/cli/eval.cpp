// neap eval
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/model.h"
#include "neap/cli/training_run.h"
#include "neap/demo/export.h"
#include "neap/demo/predictions.h"
#include "neap/files/checkpoint.h"
#include "neap/files/json.h"
#include "neap/files/safetensors.h"
#include "neap/tensor/compile.h"
#include "neap/train/trainer.h"

namespace neap::eval_command {
namespace {

namespace fs = std::filesystem;

struct Given {
  fs::path model;
  DataArguments data;
  int level = 4;
  std::int64_t batch = 250;
  bool json = false;
};

// The options of the run that wrote `model`: in the folder, or beside the file.
std::optional<RunOptions> run_of(const fs::path& model) {
  const fs::path whole = fs::absolute(model).lexically_normal();
  for (const fs::path& folder : {whole, whole.parent_path(), whole.parent_path().parent_path()}) {
    if (fs::is_directory(folder)) {
      if (std::optional<RunOptions> found = find_run(folder)) return found;
    }
  }
  return std::nullopt;
}

NamedArrays arrays_in(const fs::path& model) {
  if (!fs::is_directory(model)) return read_safetensors(model).arrays;
  if (fs::exists(model / "model.safetensors")) return read_safetensors(model / "model.safetensors").arrays;
  return kept_arrays(load_checkpoint(has_checkpoint(model) ? model : model / "checkpoint"));
}

struct Subject {
  Graph graph;
  TrainingData data;
};

Subject open(const Given& given) {
  if (!fs::exists(given.model))
    throw Error("there is no such file or folder", given.model.string(), "give an .onnx file, or what `neap train` wrote");
  const bool onnx = given.model.extension() == ".onnx";
  const std::optional<RunOptions> found = run_of(given.model);
  RunOptions options = found.value_or(RunOptions{});
  if (!given.data.data.empty()) options.data = given.data;
  if (onnx) {
    options.model = given.model.string();
    options.plan = options.settled_plan = "";  // the file has the zeros, and a plan of its own
  }
  settle(options);
  Network network = open_network(options);
  TrainingData data = open_training_data(options.data, options.seed, network.wanted);
  complete(network, options, data);
  if (!onnx) set_arrays(*network.layer, arrays_in(given.model), given.model.string());
  return {exported(*network.layer, *data.test), std::move(data)};
}

int report_classes(const Given& given, const Array& scores, const Dataset& test) {
  const std::vector<std::int64_t> labels = labels_of(test), best = predicted(scores);
  const std::vector<std::string>& names = test.class_names();
  std::vector<std::int64_t> right(names.size(), 0), all(names.size(), 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++all[static_cast<std::size_t>(labels[i])];
    right[static_cast<std::size_t>(labels[i])] += best[i] == labels[i] ? 1 : 0;
  }
  if (given.json) {
    nlohmann::json classes;
    for (std::size_t c = 0; c < names.size(); ++c) classes.push_back({{"name", names[c]}, {"examples", all[c]}, {"right", right[c]}});
    fmt::print("{}\n", json_page({{"accuracy", accuracy(scores, labels)}, {"examples", labels.size()}, {"classes", classes}}));
    return exit_ok;
  }
  for (std::size_t c = 0; c < names.size(); ++c) fmt::print("  {:<16} {} of {}\n", names[c], right[c], all[c]);
  fmt::print("accuracy {:.2f} % of {} examples\n", 100 * accuracy(scores, labels), labels.size());
  return exit_ok;
}

int report_numbers(const Given& given, const Array& found, const Dataset& test) {
  const Array wanted = test.range(0, test.count()).at(1);
  double squares = 0, absolute = 0;
  for (std::int64_t i = 0; i < wanted.count(); ++i) {
    const double difference = found.get(i) - wanted.get(i);
    squares += difference * difference;
    absolute += std::abs(difference);
  }
  const double count = static_cast<double>(std::max<std::int64_t>(1, wanted.count()));
  if (given.json) {
    fmt::print("{}\n", json_page({{"mean_square", squares / count}, {"mean_absolute", absolute / count}, {"examples", test.count()}}));
  } else {
    fmt::print("mean square {:.6g}, mean absolute difference {:.6g}, of {} examples\n", squares / count, absolute / count, test.count());
  }
  return exit_ok;
}

int run(const Given& given) {
  const Subject subject = open(given);
  const Dataset& test = *subject.data.test;
  if (test.count() == 0) throw Error("there is no test example", test.place(), "give --test FILE, or a --holdout above 0");
  Executable executable = make_executable(subject.graph, given.level);
  const Array scores = logits_of(executable, test, given.batch);
  return subject.data.classes > 0 ? report_classes(given, scores, test) : report_numbers(given, scores, test);
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  options.add("model", &given->model, "what `neap train` wrote (its folder, the checkpoint, model.safetensors), or an .onnx file")
      .required();
  add_data_options(options, given->data);
  options.add("--batch", &given->batch, "examples at a time").shows_default().between(1, 1 << 20);
  add_level(options, given->level).shows_default();
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "eval",
                               .about = "how good a model is on test examples",
                               .declare = declare,
                               .examples = {"neap eval out/train", "neap eval out/train/model.onnx --data pictures/ --json"}}};

}  // namespace
}  // namespace neap::eval_command
