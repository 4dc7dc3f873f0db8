// Reads one model: nodes in order, values by name in scopes, what is known folded.
#pragma once
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/onnx/onnx.h"
#include "neap/onnx/reader.h"

namespace onnx {
class FunctionProto;
class ModelProto;
class TensorProto;
class TypeProto;
class ValueInfoProto;
}  // namespace onnx

namespace neap {

// "node 'conv1' (Conv, opset 11)"; a node without a name is told by its first output.
std::string node_place(const onnx::NodeProto& node, int opset);

// What a symbol of the model is in the graph: `alias`, or `multiple` times a symbol of its own.
struct SymbolRule {
  std::string alias;
  std::int64_t multiple = 1;
};
using SymbolRules = std::map<std::string, SymbolRule, std::less<>>;

// The first node that could not be read, and pairs of sizes of its inputs that should be equal but are not as far as is known.
struct ReadFailure {
  std::size_t position = 0;
  std::vector<std::pair<Dim, Dim>> sizes;
};

class ModelReader {
 public:
  ModelReader(const onnx::ModelProto& model, std::filesystem::path folder, const OnnxReadOptions& options, const SymbolRules& rules);

  Graph read();  // Error naming all that could not be read
  const ReadFailure& failure() const { return failure_; }
  const std::set<std::string>& symbols() const { return symbols_; }  // of the model, before the rules

  // For readers of nodes.
  const std::filesystem::path& folder() const { return folder_; }
  Var materialise(Builder& build, OnnxValue& value, const std::string& place);
  const onnx::AttributeProto* resolve(
      const onnx::AttributeProto& attribute) const;  // of a function's body: what the call gave; null if nothing
  std::vector<OnnxValue> run_graph(const onnx::GraphProto& graph, std::vector<OnnxValue> inputs, const std::string& place);

 private:
  using Values = std::unordered_map<std::string, OnnxValue>;
  struct Scope {
    Values values;
    bool function = false;  // names outside are not seen
    std::map<std::string, const onnx::AttributeProto*> attributes;
  };
  using Nodes = std::vector<const onnx::NodeProto*>;

  void read_opsets();
  void read_inputs();
  void read_initializers(const onnx::GraphProto& graph);
  void read_outputs();
  Type input_type(const onnx::ValueInfoProto& input, const std::string& name);
  Dim size_of_input(const onnx::ValueInfoProto& input, int axis, const std::string& name);
  Dim symbol(const std::string& base);
  void add_input(const onnx::ValueInfoProto& input);
  void define(const std::string& name, OnnxValue value, const std::string& place);
  OnnxValue* look_up(const std::string& name);

  void run_nodes(const Nodes& nodes, const std::vector<std::string>& outputs);
  void run_node(const onnx::NodeProto& node);
  void read_node(const onnx::NodeProto& node, int opset, const std::vector<OnnxValue*>& inputs);
  void call_function(const onnx::NodeProto& node, const onnx::FunctionProto& function, const std::vector<OnnxValue*>& inputs);
  const onnx::FunctionProto* function_of(const onnx::NodeProto& node) const;
  int opset_of(const std::string& domain) const;
  void note_failure(const Error& error, const onnx::NodeProto& node, const std::vector<OnnxValue*>& inputs);
  [[noreturn]] void fail_with_all() const;

  bool fold_known(OnnxNode& node, const OnnxReader& reader, const std::vector<OnnxValue*>& inputs);
  bool fold_moves(const OnnxNode& node, const OnnxReader& reader, const std::vector<OnnxValue*>& inputs, std::vector<OnnxValue>& results);
  bool fold_constants(const onnx::NodeProto& node, int opset, const OnnxReader& reader, const std::vector<OnnxValue*>& inputs,
                      std::vector<OnnxValue>& results);
  std::string fresh_name(const std::string& wanted);

  const onnx::ModelProto& model_;
  std::filesystem::path folder_;
  const OnnxReadOptions& options_;
  const SymbolRules& rules_;
  std::map<std::string, std::int64_t> opsets_;
  std::map<std::pair<std::string, std::string>, const onnx::FunctionProto*> functions_;
  Graph graph_;
  Builder build_;
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::set<std::string> symbols_, names_;
  std::vector<Error> errors_;
  std::size_t error_count_ = 0, nodes_run_ = 0;
  std::int64_t fold_budget_ = 10'000'000;
  ReadFailure failure_;
};

// Values of these nodes in an order in which they can be read, only those that `outputs` need; `captured` are the names that subgraphs take
// from outside. Error on a name that two nodes make, and on a cycle.
std::vector<const onnx::NodeProto*> order_nodes(const std::vector<const onnx::NodeProto*>& nodes, const std::vector<std::string>& outputs);

// The interpreter's results of a small graph without inputs; nothing where that is too much work for reading a model.
std::optional<std::vector<Array>> fold(Graph& graph, const std::vector<Var>& results, std::int64_t input_elements, std::int64_t& budget);

}  // namespace neap
