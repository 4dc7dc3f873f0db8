// Neap's part in the comparison of graph networks with peers (gnn_compare.py). `bench_gnn_worker write FOLDER [SCALE]` writes the graphs,
// features and labels that all sides read; `bench_gnn_worker FOLDER` reads them and takes its turns (answer.h). What it makes leaves the
// first parameters and the first loss in FOLDER/CELL/, from which the others start and against which they are checked.
#include <filesystem>

#include "bench/core/graphs.h"
#include "bench/gnn/gcn_step.h"
#include "bench/peers/answer.h"
#include "neap/base/error.h"
#include "neap/files/npy.h"
#include "neap/nn/gat_conv.h"
#include "neap/optim/sgd.h"
#include "neap/train/state.h"
#include "neap/train/step.h"

namespace neap::bench {
namespace {

namespace fs = std::filesystem;

constexpr double descent_rate = 0.1;
const char* const names[] = {"weights", "offsets", "columns", "t_offsets", "t_rows", "t_order", "features", "labels", "classes"};

void write(const fs::path& folder, double scale) {
  for (const auto& [name, data] : {std::pair("arxiv", gnn::arxiv_like(1, scale)), std::pair("denser", gnn::reddit_like(1, scale))}) {
    fs::create_directories(folder / name);
    std::vector<Array> arrays = EdgeArrays(data.graph).arrays;
    arrays.insert(arrays.end(), {data.dense, data.labels, Array::scalar(static_cast<std::int64_t>(data.class_names.size()))});
    for (std::size_t i = 0; i < arrays.size(); ++i) write_npy(folder / name / (std::string(names[i]) + ".npy"), arrays[i]);
  }
}

struct Data {
  explicit Data(const fs::path& folder) : Data(read(folder)) {}
  EdgeArrays edges;
  Array features, labels;
  std::int64_t classes;

 private:
  explicit Data(std::vector<Array> all)
      : edges(all[6].size(0), {all.begin(), all.begin() + 6}), features(all[6]), labels(all[7]), classes(all[8].get_int(0)) {}
  static std::vector<Array> read(const fs::path& folder) {
    std::vector<Array> all;
    for (const char* name : names) all.push_back(read_npy(folder / (std::string(name) + ".npy")));
    return all;
  }
};

void write_parameters(const fs::path& cell, const Graph& graph, const std::vector<Array>& inputs) {
  fs::create_directories(cell);
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (graph.inputs[i].role == Role::parameter) write_npy(cell / (graph.inputs[i].name + ".npy"), inputs[i]);
  }
}

void write_loss(const fs::path& cell, double loss) { write_npy(cell / "loss.npy", Array::scalar(loss)); }

Maker gcn_work(const fs::path& graph, const fs::path& cell, std::int64_t hidden, int layers, Order order) {
  return [=] {
    const Data data(graph);
    const GcnShape shape{data.features.size(1), hidden, data.classes, layers};
    const auto step = std::make_shared<GcnStep>(data.edges, data.features, data.labels, shape, order);
    write_parameters(cell, step->graph(), step->inputs());
    write_loss(cell, step->run());
    return Work{[step] { step->run(); }};
  };
}

// Heads side by side, then the classes by one head: what papers call GAT.
class Gat : public Module {
 public:
  Gat(std::int64_t in, std::int64_t heads, std::int64_t width, std::int64_t classes)
      : first_(add<GATConv>("first", in, width, GATOptions{.heads = heads})),
        second_(add<GATConv>("second", heads * width, classes, GATOptions{.concat = false})) {}
  Tensor operator()(const Tensor& x, const Edges& edges) { return second_(call("elu", {first_(x, edges)}), edges); }

 private:
  GATConv &first_, &second_;
};

class GatStep {
 public:
  GatStep(const Data& data, std::int64_t heads, std::int64_t width)
      : network_(data.features.size(1), heads, width, data.classes), graph_(graph_of(data)), executable_(executable_of(graph_)) {
    network_.initialize(1);
    NamedArrays fixed{{"features", data.features}, {"labels", data.labels}};
    for (std::size_t i = 1; i < data.edges.arrays.size(); ++i) fixed[names[i]] = data.edges.arrays[i];
    state_.emplace(graph_, network_, 0, std::move(fixed));
  }

  const Graph& graph() const { return graph_; }
  std::vector<Array> inputs() const { return state_->inputs({}, descent_rate, 1); }
  double run() {
    const std::vector<Array> results = executable_.run(inputs());
    state_->take(graph_, results);
    return results[0].get(0);
  }

 private:
  Graph graph_of(const Data& data) {
    std::vector<StepInput> inputs;
    const auto fixed = [&](const char* name, const Array& array) {
      inputs.push_back({name, {array.dtype(), Shape(array.sizes().begin(), array.sizes().end()), {}}, Role::fixed});
    };
    fixed("features", data.features);
    fixed("labels", data.labels);
    for (std::size_t i = 1; i < data.edges.arrays.size(); ++i) fixed(names[i], data.edges.arrays[i]);
    const Objective objective = [this](const Tensors& given) {
      const Edges edges{.offsets = given[2], .columns = given[3], .t_offsets = given[4], .t_rows = given[5], .t_order = given[6]};
      return Measures{call("cross_entropy", {network_(given[0], edges), given[1]}), {}};
    };
    return training_step(network_, inputs, objective, Sgd());
  }

  Gat network_;
  Graph graph_;
  Executable executable_;
  std::optional<StepState> state_;
};

Maker gat_work(const fs::path& graph, const fs::path& cell, std::int64_t heads, std::int64_t width) {
  return [=] {
    const auto step = std::make_shared<GatStep>(Data(graph), heads, width);
    write_parameters(cell, step->graph(), step->inputs());
    write_loss(cell, step->run());
    return Work{[step] { step->run(); }};
  };
}

void take_turns(const fs::path& folder) {
  std::map<std::string, Maker> makers;
  for (const std::string graph : {"arxiv", "denser"}) {
    for (const int layers : {2, 3}) {
      for (const std::int64_t hidden : {16, 64, 256, 512}) {
        const std::string cell = fmt::format("{}_gcn_{}_{}", graph, layers, hidden);
        makers[cell] = gcn_work(folder / graph, folder / cell, hidden, layers, Order::by_cost);
        makers[cell + "/kept"] = gcn_work(folder / graph, folder / cell, hidden, layers, Order::kept);
      }
    }
    for (const std::int64_t width : {8, 32}) {
      const std::string cell = fmt::format("{}_gat_8_{}", graph, width);
      makers[cell] = gat_work(folder / graph, folder / cell, 8, width);
    }
  }
  answer(makers);
}

void run(const std::vector<std::string>& arguments) {
  const bool writes = !arguments.empty() && arguments[0] == "write";
  if (writes && (arguments.size() == 2 || arguments.size() == 3))
    return write(arguments[1], arguments.size() == 3 ? std::stod(arguments[2]) : 1);
  if (arguments.size() != 1) throw Error("takes one folder", "bench_gnn_worker", "bench_gnn_worker [write] FOLDER");
  take_turns(arguments[0]);
}

}  // namespace
}  // namespace neap::bench

int main(int count, char** arguments) { return neap::bench::run_worker("bench_gnn_worker", count, arguments, neap::bench::run); }
