#include "neap/train/vertex_training.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/data/array_dataset.h"
#include "neap/gnn/build.h"
#include "neap/gnn/normalize.h"
#include "neap/gnn/reorder.h"
#include "neap/tensor/compile.h"

namespace neap::gnn {
namespace {

// Names of what an Edges of the network is made of, in the order in which `edges_at` takes them.
void add_pattern(FixedInputs& fixed, const std::string& name, const Csr& csr, const Transpose& transposed) {
  fixed.emplace_back(name + "/offsets", csr.offsets);
  fixed.emplace_back(name + "/columns", csr.indices);
  fixed.emplace_back(name + "/t_offsets", transposed.csr.offsets);
  fixed.emplace_back(name + "/t_rows", transposed.csr.indices);
  fixed.emplace_back(name + "/t_order", transposed.entries);
}

bool wants_self_loops(const std::string& model) { return model == "gcn" || model == "gat" || model == "gatv2"; }

// What features flow along.
Graph prepared(const GraphData& data, const VertexTrainingOptions& options) {
  Graph graph = data.graph;
  if (options.both_ways && !graph.symmetric()) graph = symmetrized(graph);
  return wants_self_loops(options.network.model) ? with_self_loops(graph) : graph;
}

Measures measured(const Tensor& logits, const Tensor& labels) {
  const Scope scope("loss");
  const Tensor hits = argmax(logits, 1) == labels;
  return {call("cross_entropy", {logits, labels}), {{"correct", sum(hits.cast(DType::f32))}}};
}

}  // namespace

GraphData structure_only(const GraphData& data, std::uint64_t seed, std::int64_t width) {
  GraphData bare = data;
  bare.sparse = {};
  bare.groups = {};
  bare.feature_names = {};
  bare.dense = random_features(data.vertices(), width, seed);
  return bare;
}

VertexTraining::VertexTraining(const GraphData& data, const VertexTrainingOptions& options)
    : options_(options),
      uses_edges_(options.network.model != "mlp"),
      sparse_(data.is_sparse()),
      labels_(data.labels),
      training_vertices_(data.training),
      class_names_(data.class_names),
      place_(data.place),
      rule_(AdamOptions{.weight_decay = options.decay}) {
  check(data);
  check_options(data);
  if (uses_edges_) {
    const Graph graph = prepared(data, options_);
    edge_weights_ = weights_for_samples(graph);
    add_edges(graph);
    make_batches(data, graph);
    if (!batches_) near_part_ = neap::gnn::near_part(graph, {.row_bytes = options.network.hidden * size_of(DType::f32)});
  }
  add_features(data);
  options_.network.sparse_input = sparse_;
  network_ = std::make_unique<GraphNetwork>(data.feature_count(), static_cast<std::int64_t>(class_names_.size()), options_.network);
  training_ = dataset(data.training, "training");
  validation_ = dataset(data.validation, "validation");
  trainer_ = batches_ ? std::make_unique<Trainer>(*network_, batch_objective(), rule_, batches_->examples, nullptr, trainer_options(data))
                      : std::make_unique<Trainer>(*network_, whole_objective(), rule_, training_, validation_, trainer_options(data));
}

void VertexTraining::check_options(const GraphData& data) const {
  if (labels_.count() == 0)
    throw Error("the vertices have no labels", place_, "give a graph with labels: neap data graph --from FILE --labels FILE");
  if (data.feature_count() == 0) throw Error("the vertices have no features", place_, "give some, or random ones: --features random");
  const int ways = (options_.fan_outs.empty() ? 0 : 1) + (options_.layer_sizes.empty() ? 0 : 1) + (options_.clusters > 0 ? 1 : 0);
  if (ways == 0) return;
  if (!uses_edges_) throw Error("an mlp sees no neighbours to sample", place_, "train it without samples and clusters");
  if (ways > 1)
    throw Error("several of samples, layer-wise samples and clusters", place_, "give one of --sample, --layer-sample and --clusters");
  const std::vector<std::int64_t>& sizes = options_.fan_outs.empty() ? options_.layer_sizes : options_.fan_outs;
  if (options_.clusters == 0 && static_cast<std::int64_t>(sizes.size()) != options_.network.layers) {
    throw Error(fmt::format("sizes of samples for {} of {} layers", sizes.size(), options_.network.layers), place_,
                "give one for each layer");
  }
  if (!options_.layer_sizes.empty() && (options_.network.model == "gat" || options_.network.model == "gatv2")) {
    throw Error(fmt::format("what is drawn for a whole layer is weighed, and {} takes no weights of edges", options_.network.model), place_,
                "draw neighbours of each vertex: --sample");
  }
}

// Of the edges, as the whole graph has them, so that a sample estimates what the whole graph gives: a gcn's are normalised; a layer's means
// are sums with a weight for each edge.
Array VertexTraining::weights_for_samples(const Graph& graph) {
  const bool layers = !options_.layer_sizes.empty();
  GraphNetworkOptions& network = options_.network;
  if (network.model == "gcn" && (layers || !options_.fan_outs.empty())) {
    network.normalize = EdgeNorm::given;
    return normalized_weights(graph, Normalization::symmetric, network.dtype);
  }
  if (!layers) return {};
  if (network.model == "sage" && network.aggregate == Reduce::mean) {
    network.aggregate = Reduce::sum;
    return normalized_weights(graph, Normalization::row, network.dtype);
  }
  return Array::full(network.dtype, {graph.edges()}, 1);
}

void VertexTraining::make_batches(const GraphData& data, const Graph& graph) {
  if (options_.fan_outs.empty() && options_.layer_sizes.empty() && options_.clusters == 0) return;
  GraphData along = data;
  along.graph = graph;
  const auto shared = std::make_shared<const GraphData>(std::move(along));
  if (options_.clusters > 0) {
    batches_ = cluster_batches(shared, options_.clusters, options_.batch, options_.seed);
    return;
  }
  const SampleVertices sampler = options_.layer_sizes.empty() ? neighbour_sampler(graph, options_.fan_outs, options_.seed)
                                                              : layer_sampler(graph, options_.layer_sizes, edge_weights_, options_.seed);
  batches_ = sampled_batches(shared, sampler, static_cast<std::size_t>(options_.network.layers), options_.batch, edge_weights_);
}

Objective VertexTraining::whole_objective() {
  return [this](const Tensors& inputs) { return measured(take(apply({inputs.begin() + 2, inputs.end()}), inputs[0]), inputs[1]); };
}

Objective VertexTraining::batch_objective() {
  return [this](const Tensors& inputs) { return measured(batches_->logits(*network_, inputs), inputs[0]); };
}

TrainerOptions VertexTraining::trainer_options(const GraphData& data) {
  TrainerOptions made{.epochs = options_.epochs,
                      .batch = training_->count(),
                      .seed = options_.seed,
                      .schedule = constant_rate(options_.rate),
                      .shuffle = false,
                      .evaluation_batch = validation_->count(),
                      .keep_best = "correct",
                      .patience = options_.patience,
                      .save_every = options_.save_every,
                      .folder = options_.folder,
                      .progress = false,
                      .level = options_.level,
                      .after_epoch = options_.after_epoch};
  if (!batches_) {
    made.fixed = fixed_;
    return made;
  }
  made.batch = batches_->batch;
  made.shuffle = batches_->shuffle;
  made.inputs = batches_->inputs;
  made.prepare = batches_->prepare;
  made.identity = {{"data", data.version().hex()},
                   {"fan-outs", fmt::format("{}", fmt::join(options_.fan_outs, ","))},
                   {"layer-wise", fmt::format("{}", fmt::join(options_.layer_sizes, ","))},
                   {"clusters", std::to_string(options_.clusters)},
                   {"both ways", options_.both_ways ? "yes" : "no"}};
  made.evaluate = [this](const NamedArrays& parameters) {
    if (!evaluator_) evaluator_.emplace(*network_, whole_objective(), validation_, validation_->count(), options_.level, fixed_);
    return evaluator_->run(parameters);
  };
  return made;
}

std::vector<Array> VertexTraining::batch() const {
  if (!batches_) return training_->range(0, training_->count());
  Batch first;
  for (std::int64_t i = 0; i < batches_->batch; ++i) first.indices.push_back(i);
  first.arrays = batches_->examples->batch(first.indices);
  batches_->prepare(first);
  return first.arrays;
}

void VertexTraining::add_edges(const Graph& graph) {
  add_pattern(fixed_, "graph", graph.incoming(), graph.outgoing());
  if (edge_weights_.rank() > 0) fixed_.emplace_back("graph/weights", edge_weights_);
}

void VertexTraining::add_features(const GraphData& data) {
  if (!sparse_) {
    fixed_.emplace_back("features", data.dense);
    return;
  }
  add_pattern(fixed_, "features", data.sparse.csr, transpose(data.sparse.csr));
  fixed_.emplace_back("features/values", data.sparse.values);
}

Tensor VertexTraining::apply(const Tensors& fixed) {
  std::size_t at = 0;
  const Edges edges = uses_edges_ ? edges_at(fixed, at, edge_weights_.rank() > 0) : Edges();
  return sparse_ ? (*network_)(edges_at(fixed, at, true), edges) : (*network_)(fixed[at], edges);
}

DatasetPtr VertexTraining::dataset(const Array& vertices, const std::string& what) const {
  const std::int64_t count = vertices.count();
  if (count == 0) throw Error(fmt::format("there are no {} vertices", what), place_, "split the vertices: --split 0.5,0.2");
  Array rows(DType::i64, {count}), labels(DType::i64, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    rows.set_int(i, vertices.get_int(i));
    labels.set_int(i, labels_.get_int(vertices.get_int(i)));
  }
  return array_dataset({"vertices", "labels"}, {rows, labels}, class_names_, place_);
}

Array VertexTraining::logits() {
  const neap::Graph graph = prediction_step(*network_, inputs_of(fixed_), [this](const Tensors& inputs) { return apply(inputs); });
  std::vector<Array> inputs;
  for (const auto& [name, array] : fixed_) inputs.push_back(array);
  for (const auto& all : {network_->parameters(), network_->buffers()}) {
    for (const Parameter* parameter : all) inputs.push_back(parameter->value().array());
  }
  return make_executable(graph, options_.level).run(inputs)[0];
}

std::vector<std::int64_t> VertexTraining::predicted(const Array& logits, const Array& vertices) {
  std::vector<std::int64_t> best;
  const std::int64_t classes = logits.size(1);
  for (std::int64_t i = 0; i < vertices.count(); ++i) {
    const std::int64_t row = vertices.get_int(i) * classes;
    std::int64_t most = 0;
    for (std::int64_t c = 1; c < classes; ++c) most = logits.get(row + c) > logits.get(row + most) ? c : most;
    best.push_back(most);
  }
  return best;
}

double VertexTraining::accuracy(const Array& logits, const Array& vertices) const {
  const std::vector<std::int64_t> best = predicted(logits, vertices);
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < vertices.count(); ++i)
    right += best[static_cast<std::size_t>(i)] == labels_.get_int(vertices.get_int(i)) ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(std::max<std::int64_t>(1, vertices.count()));
}

double VertexTraining::majority(const Array& vertices) const {
  std::map<std::int64_t, std::int64_t> counts;
  for (std::int64_t i = 0; i < training_vertices_.count(); ++i) ++counts[labels_.get_int(training_vertices_.get_int(i))];
  const std::int64_t named =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < vertices.count(); ++i) right += labels_.get_int(vertices.get_int(i)) == named ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(std::max<std::int64_t>(1, vertices.count()));
}

}  // namespace neap::gnn
