// Writes one graph: values get names in the order in which they appear.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/onnx/onnx.h"
#include "neap/onnx/writer.h"

namespace neap {

class ModelWriter {
 public:
  ModelWriter(const Graph& graph, const OnnxWriteOptions& options, onnx::GraphProto& to);
  void write();

  // For calls; see OnnxCall.
  std::vector<std::string> emit(const std::string& type, const std::vector<std::string>& inputs, int outputs,
                                const OnnxAttributes& attributes);
  std::string constant(const Array& elements);
  std::string sizes(const Shape& sizes);
  std::string size(const Dim& size);

 private:
  using Names = std::unordered_map<ValueId, std::string>;

  void write_inputs();
  void write_outputs();
  void name_nodes();
  void write_nodes(const Graph& graph, Names& names);
  std::vector<std::string> write_call(const Call& call, const std::vector<std::string>& inputs, const std::vector<Type>& outputs);
  bool write_by_name(OnnxCall& call);
  std::vector<std::string> write_composite(const Call& call, const std::vector<std::string>& inputs);
  std::string name_of(const Graph& graph, ValueId id, Names& names);
  std::string symbol(const std::string& name);
  std::string fresh_name();
  void rename_outputs(const std::vector<std::pair<std::string, std::string>>& wanted);

  const Graph& graph_;
  const OnnxWriteOptions& options_;
  onnx::GraphProto& to_;
  Names names_;
  std::set<std::string> taken_, made_;        // names of the graph's inputs and outputs; names that nodes made
  std::map<int, std::string> came_from_;      // position of a node in the file -> its name where it came from
  std::map<std::string, std::string> small_;  // bytes of small constants -> name
  std::map<std::string, std::string> symbols_, known_sizes_;
  std::string place_;  // of the node of the graph that is being written
  int next_ = 0, depth_ = 0;
};

}  // namespace neap
