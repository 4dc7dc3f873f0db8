// A graph network by name: layers of one kind, with an activation and dropout between them.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "neap/nn/dropout.h"
#include "neap/nn/edge_norm.h"
#include "neap/nn/graph_convolution.h"
#include "neap/nn/jumping_knowledge.h"
#include "neap/nn/linear.h"
#include "neap/nn/sparse_linear.h"

namespace neap {

struct GraphNetworkOptions {
  std::string model = "sage";  // gcn, sage, gat, gatv2, gin, or mlp: without edges, what the others must be better than
  std::int64_t layers = 2;
  std::int64_t hidden = 64;                  // width between layers; heads share it
  std::int64_t heads = 4;                    // gat, gatv2; the last layer's results are the mean of its heads
  double dropout = 0;                        // of each layer's features
  EdgeNorm normalize = EdgeNorm::symmetric;  // gcn
  Reduce aggregate = Reduce::mean;           // sage
  Jumping jumping = Jumping::none;           // other than none: a last product makes `out` of what all layers found
  bool sparse_input = false;  // features come as sparse rows; a product and an activation make `hidden` of them ahead of the layers
  DType dtype = DType::f32;
};
const std::vector<std::string>& graph_models();  // the names above

class GraphNetwork : public Module {
 public:
  // Error on a model that there is not, on less than one layer, and on heads that do not divide the width.
  GraphNetwork(std::int64_t in, std::int64_t out, GraphNetworkOptions options = {});
  Tensor operator()(const Tensor& x, const Edges& edges);  // [N, in] -> [N, out]
  Tensor operator()(const Edges& x, const Edges& edges);   // of sparse rows; Error unless it was made for them
  // Of a sample: each layer has edges of its own, from the vertices before it to the first of them, which are its targets; x is of the
  // first layer's sources. [targets of the last, out]. Error unless there is a block for each layer.
  Tensor operator()(const Tensor& x, const std::vector<Edges>& blocks);
  Tensor operator()(const Edges& x, const std::vector<Edges>& blocks);

 private:
  struct Step {
    std::function<Tensor(const Tensor& source, const Tensor& target, const Edges& edges)> run;
    Dropout* dropout = nullptr;
  };
  Step make_step(std::int64_t index, std::int64_t in, std::int64_t out, bool last);
  void check_features(bool sparse) const;
  void check_blocks(const std::vector<Edges>& blocks) const;
  Tensor run(Tensor x, const Edges* whole, const std::vector<Edges>& blocks);  // along the whole graph, or block by block
  Tensor activated(const Tensor& x) const;

  GraphNetworkOptions options_;
  SparseLinear* encode_ = nullptr;
  std::vector<Step> steps_;
  Linear* head_ = nullptr;
};

}  // namespace neap
