#include "neap/cli/training_run.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/run_file.h"
#include "neap/demo/network.h"
#include "neap/nn/flatten.h"
#include "neap/nn/graph_layer.h"
#include "neap/nn/linear.h"
#include "neap/onnx/onnx.h"
#include "neap/optim/adam.h"
#include "neap/optim/lion.h"
#include "neap/optim/sgd.h"
#include "neap/sparse/export.h"

namespace neap {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DataArguments, data, test, label, task, size, holdout, validation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunOptions, data, model, hidden, optimizer, schedule, rate, momentum, decay, clip, smoothing, warm_up,
                                   epochs, batch, seed, level, augment, plan, settled_plan)

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::unique_ptr<Layer> mlp(const Sizes& example, const std::vector<std::int64_t>& hidden, std::int64_t outputs) {
  auto net = std::make_unique<Sequential>();
  net->then<Flatten>("flatten");
  std::int64_t width = element_count(example);
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    net->then<Linear>(fmt::format("hidden{}", i + 1), width, hidden[i]).then<Activation>(fmt::format("relu{}", i + 1), "relu");
    width = hidden[i];
  }
  net->then<Linear>("output", width, outputs);
  return net;
}

Network read_network(const fs::path& file) {
  std::map<std::string, Array> values;
  std::map<std::string, std::string> notes;
  Graph graph = read_onnx(file, {.parameters = &values, .metadata = &notes});
  const auto data = std::ranges::find_if(graph.inputs, [](const Input& input) { return input.role == Role::input; });
  const bool one_batch = data != graph.inputs.end() && graph.type(data->value).rank() > 0 && graph.type(data->value).shape[0].is_constant();
  if (one_batch) {  // as many exporters write it: batches of any size are wanted
    Shape shape = graph.type(data->value).shape;
    shape[0] = Dim::symbol("N");
    const std::string name = data->name;
    values.clear();
    graph = read_onnx(file, {.shapes = {{name, shape}}, .parameters = &values});
  }
  return {.layer = std::make_unique<GraphLayer>(std::move(graph), values), .plan = sparse::plan_of_notes(notes, file)};
}

// By the run's plan, and by that of the file, which stays in force for what the run's does not name.
void make_sparse(Network& network, RunOptions& options) {
  sparse::SparsityPlan plan;
  if (const std::string& text = options.settled_plan.empty() ? options.plan : options.settled_plan; !text.empty())
    plan = sparse::SparsityPlan::parse_json(text, "the run's plan");
  if (network.plan && options.settled_plan.empty()) plan.go_on(*network.plan);
  if (plan.empty()) return;
  for (sparse::WeightRule& rule : plan.weights) {
    if (rule.automatic) rule.automatic->training = true;  // a step is what these runs take
  }
  if (!options.model.ends_with(".onnx")) network.layer->initialize(options.seed);
  options.settled_plan = plan.settled(sparse::sparsify(*network.layer, plan)).to_json();
}

bool is_name(const std::string& model) { return model == "efficient-net" || model == "mlp" || model == "linear"; }

}  // namespace

void save_run(const RunOptions& options, const fs::path& folder) { write_run(options, folder); }

// What the command line would refuse is refused in the file, too.
std::optional<RunOptions> find_run(const fs::path& folder) {
  std::optional<RunOptions> run = read_run<RunOptions>(folder);
  if (!run) return run;
  const auto require = [&](bool good, const char* option) {
    if (!good) refuse_run(folder, fmt::format("{} is out of its bounds", option).c_str());
  };
  require(run->model.ends_with(".onnx") || is_name(run->model), "model");
  require(run->rate > 0, "rate");
  require(run->epochs > 0, "epochs");
  require(run->batch > 0, "batch");
  require(run->level >= 0 && run->level <= 4, "level");
  require(std::ranges::all_of(run->hidden, [](std::int64_t width) { return width > 0; }), "hidden");
  return run;
}

void check_same_run(const RunOptions& before, const RunOptions& given, const fs::path& folder) {
  check_same_run(Json(before), Json(given), folder, "neap train");
}

void settle(RunOptions& options) {
  if (options.data.data.empty()) options.data.data = "fashion-mnist";
  const bool from_file = options.model.ends_with(".onnx");
  if (!from_file && !options.model.empty() && !is_name(options.model)) {
    throw Error(fmt::format("'{}' is no network", options.model), "--model", "efficient-net, mlp, linear, or an .onnx file");
  }
  for (std::string* path : {&options.data.data, &options.data.test, &options.model}) {
    const bool name = path->empty() || *path == "fashion-mnist" || is_name(*path);
    if (!name) *path = fs::absolute(*path).lexically_normal().string();
  }
  if (options.rate == 0) {
    const double usual = options.optimizer == "sgd" ? 0.1 : options.optimizer == "lion" ? 4e-4 : 4e-3;
    options.rate = from_file ? usual / 10 : usual;
  }
}

Network open_network(const RunOptions& options) {
  if (!options.model.ends_with(".onnx")) return {};
  Network network = read_network(options.model);
  const Shape& shape = static_cast<const GraphLayer&>(*network.layer).input_type().shape;
  const bool image = shape.size() == 4 && std::all_of(shape.begin() + 1, shape.end(), [](const Dim& size) { return size.is_constant(); });
  if (image) network.wanted = Sizes{shape[1].constant(), shape[2].constant(), shape[3].constant()};
  return network;
}

void complete(Network& network, RunOptions& options, const TrainingData& data) {
  const Sizes& example = data.train->fields()[0].sizes;
  if (options.model.empty()) options.model = data.images() && data.classes > 0 ? "efficient-net" : "mlp";
  if (options.model == "efficient-net") {
    if (!data.images() || data.classes == 0) {
      throw Error("the efficient-net is a classifier of images", data.train->place(), "--model mlp takes examples of any kind");
    }
    network.layer = efficient_net_28(data.classes, example[0]);
  } else if (network.layer == nullptr) {
    network.layer = mlp(example, options.model == "mlp" ? options.hidden : std::vector<std::int64_t>(), data.outputs());
  }
  make_sparse(network, options);
  Shape shape{Dim::symbol("N")};
  shape.insert(shape.end(), example.begin(), example.end());
  const Graph graph = inference_graph(*network.layer, {"examples", {data.train->fields()[0].dtype, shape, {}}}, false);
  const Type& result = graph.type(graph.outputs[0].value);
  if (result.rank() != 2 || !(result.shape[1] == Dim(data.outputs()))) {
    throw Error(fmt::format("the network gives {}, the data have {} {}", result.to_string(), data.outputs(),
                            data.classes > 0 ? "classes" : "numbers to find"),
                options.model, fmt::format("give a network whose first output is [N,{}]", data.outputs()));
  }
}

std::unique_ptr<UpdateRule> update_rule(const RunOptions& options) {
  if (options.optimizer == "sgd") return std::make_unique<Sgd>(SgdOptions{.momentum = options.momentum, .weight_decay = options.decay});
  if (options.optimizer == "adam") return std::make_unique<Adam>(AdamOptions{.weight_decay = options.decay});
  if (options.optimizer == "lion") return std::make_unique<Lion>(LionOptions{.weight_decay = options.decay});
  return std::make_unique<AdamW>(AdamOptions{.weight_decay = options.decay});
}

RateSchedule rate_schedule(const RunOptions& options, std::int64_t steps) {
  const std::int64_t after = std::max<std::int64_t>(1, steps - options.warm_up);
  const auto main = [&]() -> RateSchedule {
    if (options.schedule == "constant") return constant_rate(options.rate);
    if (options.schedule == "cosine") return cosine_rate(options.rate, after);
    if (options.schedule == "step") return step_rate(options.rate, std::max<std::int64_t>(1, (after + 2) / 3), 0.1);
    return one_cycle_rate(options.rate, after);
  };
  return options.warm_up > 0 ? warm_up(options.warm_up, main()) : main();
}

Objective objective(Layer& network, const RunOptions& options, const TrainingData& data) {
  if (data.classes > 0) return classification(network, options.smoothing);
  return [&network](const Tensors& inputs) {
    const Tensor found = network(inputs.at(0));
    const Scope scope("loss");
    return Measures{mean(square(found - inputs.at(1))), {}};
  };
}

}  // namespace neap
