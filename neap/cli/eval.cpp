// neap eval
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/model.h"
#include "neap/demo/export.h"
#include "neap/demo/images.h"
#include "neap/demo/network.h"
#include "neap/demo/predictions.h"
#include "neap/files/checkpoint.h"
#include "neap/files/safetensors.h"
#include "neap/onnx/onnx.h"
#include "neap/tensor/compile.h"

namespace neap {
namespace {

struct Given {
  std::filesystem::path model, data;
  int level = 4;
  std::int64_t batch = 250;
  bool json = false;
};

Graph network_of(const std::filesystem::path& model, const ImageDataset& images) {
  if (model.extension() == ".onnx") return read_onnx(model);
  const auto net = efficient_net_28(static_cast<std::int64_t>(images.class_names().size()));
  const NamedArrays arrays = std::filesystem::is_directory(model) ? load_checkpoint(model).arrays : read_safetensors(model).arrays;
  set_arrays(*net, arrays, model.string());
  return exported(*net, images);
}

void check_network(const Graph& graph, const ImageDataset& images, const std::string& place) {
  const auto classes = static_cast<std::int64_t>(images.class_names().size());
  const bool fits =
      graph.inputs.size() == 1 && !graph.outputs.empty() && graph.type(graph.outputs[0].value).rank() == 2 &&
      (!graph.type(graph.outputs[0].value).shape[1].is_constant() || graph.type(graph.outputs[0].value).shape[1].constant() == classes);
  if (!fits) {
    throw Error("the model is no classifier of these images", place,
                fmt::format("one input, the images, and as first output [N,{}] scores are needed", classes));
  }
}

int run(const Given& given) {
  const ImageSets sets = open_grey_images(given.data);
  const Graph graph = network_of(given.model, *sets.test);
  check_network(graph, *sets.test, given.model.string());
  Executable executable = make_executable(graph, given.level);
  const Array scores = logits_of(executable, *sets.test, given.batch);
  const std::vector<std::int64_t> labels = labels_of(*sets.test), best = predicted(scores);
  const std::vector<std::string>& names = sets.test->class_names();
  std::vector<std::int64_t> right(names.size(), 0), all(names.size(), 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++all[static_cast<std::size_t>(labels[i])];
    right[static_cast<std::size_t>(labels[i])] += best[i] == labels[i] ? 1 : 0;
  }
  if (given.json) {
    nlohmann::json classes;
    for (std::size_t c = 0; c < names.size(); ++c) classes.push_back({{"name", names[c]}, {"examples", all[c]}, {"right", right[c]}});
    fmt::print("{}\n", nlohmann::json{{"accuracy", accuracy(scores, labels)}, {"examples", labels.size()}, {"classes", classes}}.dump(2));
    return exit_ok;
  }
  for (std::size_t c = 0; c < names.size(); ++c) fmt::print("  {:<16} {} of {}\n", names[c], right[c], all[c]);
  fmt::print("accuracy {:.2f} % of {} images\n", 100 * accuracy(scores, labels), labels.size());
  return exit_ok;
}

std::function<int()> declare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  app.add_option("model", given->model, "an .onnx file, or what `neap train` wrote: .safetensors, or the folder of a checkpoint")
      ->required();
  app.add_option("--data", given->data, "folder of IDX files, or of train/ and test/ pictures (default: Fashion-MNIST)");
  app.add_option("--batch", given->batch, "images at a time")->capture_default_str()->check(CLI::Range(1, 1 << 20));
  add_level(app, given->level)->capture_default_str();
  app.add_flag("--json", given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "eval", .about = "accuracy of a model on the test images", .declare = declare}};

}  // namespace
}  // namespace neap
