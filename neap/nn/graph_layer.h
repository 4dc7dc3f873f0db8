// A graph of operators as a layer: a network that was read from a file, trained further.
#pragma once
#include <map>
#include <string>

#include "neap/nn/module.h"

namespace neap {

class GraphLayer : public Layer {
 public:
  // The graph takes one tensor, its only input of role `input`; its first output is the layer's. Inputs of role `parameter` become
  // parameters, and start from `values` (by the input's name) whatever the seed; those that are the statistics of a batch norm, and
  // inputs of role `state`, become buffers, which training leaves as they are. Error if the graph is not so.
  GraphLayer(Graph graph, const std::map<std::string, Array>& values);

  const Type& input_type() const { return graph_.type(graph_.inputs[data_].value); }

 protected:
  Tensor forward(const Tensor& x) override;  // Error where x does not fit the graph's input

 private:
  Graph graph_;
  std::size_t data_ = 0;                // position of the data among the graph's inputs
  std::vector<Parameter*> parameters_;  // of the other inputs, in order; null for the data
};

}  // namespace neap
