// Training on a graph, of which class each vertex is. On the whole graph at once, it and its features are fixed inputs of the step, and the
// data are which vertices count; in samples or clusters a step takes a part of it (vertex_batches.h). Measured on the whole graph always.
#pragma once
#include <memory>

#include "neap/gnn/graph_data.h"
#include "neap/nn/graph_network.h"
#include "neap/optim/adam.h"
#include "neap/train/trainer.h"
#include "neap/train/vertex_batches.h"

namespace neap::gnn {

struct VertexTrainingOptions {
  GraphNetworkOptions network;            // `sparse_input` follows from the data
  std::int64_t epochs = 100;              // each sees all training vertices: in one step, or
  std::vector<std::int64_t> fan_outs;     // in steps on samples of so many neighbours by layer,
  std::vector<std::int64_t> layer_sizes;  // or of so many vertices by layer for all that read them together,
  std::int64_t clusters = 0;              // or in steps on some of so many clusters
  std::int64_t batch = 512;               // training vertices, or clusters, a step
  double rate = 0.01, decay = 5e-4;       // of Adam
  std::uint64_t seed = 0;
  std::int64_t patience = 0;                            // epochs without a better validation after which training ends; 0: never
  bool both_ways = true;                                // features flow along edges and against them
  std::filesystem::path folder;                         // of the checkpoint; empty: none is kept
  std::int64_t save_every = 20;                         // epochs
  int level = 4;                                        // of the optimizer
  std::function<void(const EpochRecord&)> after_epoch;  // `test` is the validation
};

// The same graph with random features in place of its own: what its structure alone is worth.
GraphData structure_only(const GraphData& data, std::uint64_t seed, std::int64_t width = 48);

class VertexTraining {
 public:
  // Error where the data have no labels, no training or validation vertices, or no features; on several ways to cut at once, or of a mlp;
  // on other numbers of samples than layers; on layer-wise samples of gat and gatv2, which take no weights of edges. gcn, gat and gatv2 get
  // self loops where there are none; mlp no edges. A sampled gcn has the whole graph's normalisation, a layer-wise sampled sage its means.
  // The parameters at the end are those of the epoch with the best validation.
  VertexTraining(const GraphData& data, const VertexTrainingOptions& options);

  Trainer& trainer() { return *trainer_; }
  GraphNetwork& network() { return *network_; }
  const FixedInputs& fixed() const { return fixed_; }  // the whole graph: of steps without samples and clusters, and of what is measured
  std::vector<Array> batch() const;                    // what a step takes beside them
  double rate() const { return options_.rate; }
  int level() const { return options_.level; }
  double near_part() const { return near_part_; }  // of features of the hidden width, where a step takes the whole graph (reorder.h)
  Outcome run() { return trainer_->run(); }
  Array logits();  // [vertices, classes], in evaluation mode
  // Of which class each of these vertices is taken to be: the first of the largest logits.
  static std::vector<std::int64_t> predicted(const Array& logits, const Array& vertices);
  double accuracy(const Array& logits, const Array& vertices) const;
  // Of always naming the class that most training vertices have.
  double majority(const Array& vertices) const;

 private:
  void check_options(const GraphData& data) const;
  Array weights_for_samples(const Graph& graph);
  void add_edges(const Graph& graph);
  void add_features(const GraphData& data);
  void make_batches(const GraphData& data, const Graph& graph);
  Objective whole_objective();
  Objective batch_objective();
  TrainerOptions trainer_options(const GraphData& data);
  Tensor apply(const Tensors& fixed);
  DatasetPtr dataset(const Array& vertices, const std::string& what) const;

  VertexTrainingOptions options_;
  bool uses_edges_, sparse_;
  double near_part_ = 0;
  Array edge_weights_;  // of the whole graph, for what is sampled with weights; without elements otherwise
  Array labels_, training_vertices_;
  std::vector<std::string> class_names_;
  std::string place_;
  FixedInputs fixed_;
  std::unique_ptr<GraphNetwork> network_;
  Adam rule_;
  DatasetPtr training_, validation_;
  std::optional<VertexBatches> batches_;
  std::optional<Evaluator> evaluator_;  // where steps see parts of the graph
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace neap::gnn
