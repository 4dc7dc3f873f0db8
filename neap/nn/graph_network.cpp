#include "neap/nn/graph_network.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/nn/gat_conv.h"
#include "neap/nn/gcn_conv.h"
#include "neap/nn/gin_conv.h"
#include "neap/nn/sage_conv.h"
#include "neap/nn/sequential.h"

namespace neap {
namespace {

std::unique_ptr<Layer> perceptron(std::int64_t in, std::int64_t hidden, std::int64_t out, DType dtype) {
  auto made = std::make_unique<Sequential>();
  made->then<Linear>("first", in, hidden, LinearOptions{true, dtype}).then<Activation>("relu", "relu");
  made->then<Linear>("second", hidden, out, LinearOptions{true, dtype});
  return made;
}

Tensor first_rows(const Tensor& x, const Dim& count) {
  return call("slice", {x}, {{"starts", Shape{Dim(0)}}, {"stops", Shape{count}}, {"axes", std::vector<std::int64_t>{0}}});
}

}  // namespace

const std::vector<std::string>& graph_models() {
  static const std::vector<std::string> names{"gcn", "sage", "gat", "gatv2", "gin", "mlp"};
  return names;
}

GraphNetwork::GraphNetwork(std::int64_t in, std::int64_t out, GraphNetworkOptions options) : options_(std::move(options)) {
  const std::vector<std::string>& known = graph_models();
  if (std::find(known.begin(), known.end(), options_.model) == known.end()) {
    throw Error(fmt::format("there is no graph network '{}'", options_.model), "", fmt::format("there are {}", fmt::join(known, ", ")));
  }
  if (options_.layers < 1 || options_.hidden < 1) {
    throw Error(fmt::format("{} layers of width {}", options_.layers, options_.hidden), "graph network", "at least 1 of each");
  }
  const bool attends = options_.model == "gat" || options_.model == "gatv2";
  if (attends && (options_.heads < 1 || options_.hidden % options_.heads != 0)) {
    throw Error(fmt::format("a width of {} does not divide into {} heads", options_.hidden, options_.heads), "graph network");
  }
  std::int64_t width = in;
  if (options_.sparse_input) {
    encode_ = &add<SparseLinear>("encode", in, options_.hidden, SparseLinearOptions{true, options_.dtype});
    width = options_.hidden;
  }
  const bool has_head = options_.jumping != Jumping::none;
  for (std::int64_t i = 0; i < options_.layers; ++i) {
    const bool last = i + 1 == options_.layers && !has_head;
    const std::int64_t to = last ? out : options_.hidden;
    steps_.push_back(make_step(i, width, to, last));
    width = to;
  }
  if (!has_head) return;
  const std::int64_t joined = options_.jumping == Jumping::concat ? options_.layers * options_.hidden : options_.hidden;
  head_ = &add<Linear>("head", joined, out, LinearOptions{true, options_.dtype});
}

GraphNetwork::Step GraphNetwork::make_step(std::int64_t index, std::int64_t in, std::int64_t out, bool last) {
  const std::string name = fmt::format("layer{}", index + 1);
  const DType dtype = options_.dtype;
  Step step;
  if (options_.dropout > 0) step.dropout = &add<Dropout>(fmt::format("dropout{}", index + 1), options_.dropout);
  const auto along_edges = [&](GraphConvolution& layer) {
    step.run = [&layer](const Tensor& source, const Tensor& target, const Edges& edges) { return layer(source, target, edges); };
  };
  const GATOptions attention{.heads = options_.heads, .concat = !last, .dtype = dtype};
  const std::int64_t per_head = last ? out : out / options_.heads;
  if (options_.model == "gcn") {
    along_edges(add<GCNConv>(name, in, out, GCNOptions{.normalize = options_.normalize, .dtype = dtype}));
  } else if (options_.model == "sage") {
    along_edges(add<SAGEConv>(name, in, out, SAGEOptions{.aggregate = options_.aggregate, .dtype = dtype}));
  } else if (options_.model == "gat") {
    along_edges(add<GATConv>(name, in, per_head, attention));
  } else if (options_.model == "gatv2") {
    along_edges(add<GATv2Conv>(name, in, per_head, attention));
  } else if (options_.model == "gin") {
    along_edges(add<GINConv>(name, perceptron(in, options_.hidden, out, dtype), GINOptions{.train_epsilon = true, .dtype = dtype}));
  } else {
    Linear& layer = add<Linear>(name, in, out, LinearOptions{true, dtype});
    step.run = [&layer](const Tensor&, const Tensor& target, const Edges&) { return layer(target); };
  }
  return step;
}

Tensor GraphNetwork::activated(const Tensor& x) const {
  return options_.model == "gat" || options_.model == "gatv2" ? call("elu", {x}) : relu(x);
}

void GraphNetwork::check_features(bool sparse) const {
  if (sparse == (encode_ != nullptr)) return;
  if (sparse) throw Error("the network was made for dense features", path(), "give a tensor, or make it with sparse_input");
  throw Error("the network was made for sparse features", path(), "give rows of Edges, or make it without sparse_input");
}

void GraphNetwork::check_blocks(const std::vector<Edges>& blocks) const {
  if (blocks.size() == steps_.size()) return;
  throw Error(fmt::format("a sample of {} blocks for {} layers", blocks.size(), steps_.size()), path(), "sample once for each layer");
}

Tensor GraphNetwork::operator()(const Tensor& x, const Edges& edges) {
  check_features(false);
  return run(x, &edges, {});
}

Tensor GraphNetwork::operator()(const Edges& x, const Edges& edges) {
  check_features(true);
  return run(activated((*encode_)(x)), &edges, {});
}

Tensor GraphNetwork::operator()(const Tensor& x, const std::vector<Edges>& blocks) {
  check_features(false);
  check_blocks(blocks);
  return run(x, nullptr, blocks);
}

Tensor GraphNetwork::operator()(const Edges& x, const std::vector<Edges>& blocks) {
  check_features(true);
  check_blocks(blocks);
  return run(activated((*encode_)(x)), nullptr, blocks);
}

Tensor GraphNetwork::run(Tensor x, const Edges* whole, const std::vector<Edges>& blocks) {
  const Scope scope(path());
  std::vector<Tensor> found;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].dropout != nullptr) x = (*steps_[i].dropout)(x);
    x = whole != nullptr ? steps_[i].run(x, x, *whole) : steps_[i].run(x, first_rows(x, blocks[i].targets()), blocks[i]);
    if (i + 1 < steps_.size() || head_ != nullptr) x = activated(x);
    found.push_back(x);
  }
  if (head_ == nullptr) return x;
  if (whole == nullptr) {
    for (Tensor& layer : found) layer = first_rows(layer, blocks.back().targets());
  }
  return (*head_)(jumping_knowledge(found, options_.jumping));
}

}  // namespace neap
