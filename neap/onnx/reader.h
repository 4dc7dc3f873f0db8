// What an ONNX operator's reader sees and how it registers itself.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "neap/onnx/known.h"
#include "neap/ops/builder.h"

namespace onnx {
class AttributeProto;
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace neap {

class ModelReader;

// A value of the model while it is read: a tensor of the graph, elements that are known, or a sequence of values.
struct OnnxValue {
  Var var;                           // empty until somebody needs the tensor
  std::optional<Array> constant;     // elements
  std::string name;                  // in the model
  std::optional<KnownTensor> known;  // elements that are sizes; not where `constant` is set
  bool parameter = false;            // `constant` is a trained parameter, an input of the graph
  bool is_sequence = false;
  std::vector<OnnxValue> sequence;
  std::string failed;  // why there is none: the node that makes it could not be read
};

// One node of the model. Attributes are read by name with ONNX's default; one of another kind than asked for, or one that no one asks for,
// is an Error.
class OnnxNode {
 public:
  OnnxNode(ModelReader& reader, Builder& build, const onnx::NodeProto& proto, int opset, std::vector<OnnxValue*> inputs);

  Builder& build() const { return *build_; }
  ModelReader& reader() const { return *reader_; }
  const onnx::NodeProto& proto() const { return *proto_; }
  const std::string& type() const;
  int opset() const { return opset_; }
  std::string place() const;  // "node 'conv1' (Conv, opset 11)"
  [[noreturn]] void fail(const std::string& problem, const std::string& remedy = "") const;

  int input_count() const { return static_cast<int>(inputs_.size()); }  // without absent ones at the end
  int output_count() const;                                             // asked for, without absent ones at the end
  bool wants(int output) const;
  bool has(int input) const { return input < input_count() && inputs_[static_cast<std::size_t>(input)] != nullptr; }
  const OnnxValue& value(int input) const;  // Error if absent
  Var input(int input) const;               // as a tensor of the graph
  Var tensor_of(OnnxValue& value) const;    // likewise, of an element of a sequence or a result of an inner graph
  std::vector<Var> inputs() const;          // all; absent ones empty
  Type type(int input) const;
  int rank(int input) const { return type(input).rank(); }
  // Elements of an input that must be known now. Errors name the input and say how to fix it.
  std::optional<Array> constant_or_none(int input) const;
  Array constant(int input) const;
  std::vector<std::int64_t> integers(int input) const;
  std::vector<double> numbers(int input) const;
  std::vector<Dim> sizes(int input) const;  // may hold symbols
  std::optional<KnownTensor> known(int input) const;

  bool has(const char* attribute) const;
  std::int64_t integer(const char* attribute, std::int64_t otherwise) const;
  bool flag(const char* attribute, bool otherwise) const { return integer(attribute, otherwise ? 1 : 0) != 0; }
  double number(const char* attribute, double otherwise) const;
  std::string text(const char* attribute, const std::string& otherwise) const;
  std::vector<std::int64_t> integers(const char* attribute, const std::vector<std::int64_t>& otherwise) const;
  std::vector<double> numbers(const char* attribute, const std::vector<double>& otherwise) const;
  std::vector<std::string> texts(const char* attribute) const;
  std::optional<Array> tensor(const char* attribute) const;
  DType dtype(const char* attribute, DType otherwise) const;
  const onnx::GraphProto* graph(const char* attribute) const;  // null if absent
  void ignore(const char* attribute) const { find(attribute); }
  int axis(std::int64_t given, int rank) const;  // made non-negative; Error if there is no such axis
  std::vector<std::int64_t> axes(const std::vector<std::int64_t>& given, int rank) const;  // likewise; Error on repetition

  void give(Var result) { give(OnnxValue{.var = result}); }  // the next output
  void give(Array constant) { give(OnnxValue{.constant = std::move(constant)}); }
  void give(KnownTensor known);
  void give(OnnxValue value) { outputs_.push_back(std::move(value)); }
  std::vector<OnnxValue>& outputs() { return outputs_; }
  void check_attributes() const;  // Error if one was never asked for

 private:
  const onnx::AttributeProto* find(const char* attribute) const;
  const onnx::AttributeProto* find(const char* attribute, int kind, const char* kind_name) const;
  ModelReader* reader_;
  Builder* build_;
  const onnx::NodeProto* proto_;
  int opset_;
  std::vector<OnnxValue*> inputs_;
  std::vector<OnnxValue> outputs_;
  mutable std::vector<const onnx::AttributeProto*> asked_;
};

// What a node draws its random numbers by. ONNX does not say which numbers a seed stands for: here they are Neap's, the same in every run.
struct RandomSource {
  Var seed;
  std::int64_t stream;
};
// Nodes with one seed draw the same numbers; those without draw independently of all others.
RandomSource random_source(const OnnxNode& node, std::optional<std::int64_t> seed);

// How an operator of ONNX is read. The entry of the highest `since` that is not above the model's opset counts.
struct OnnxReader {
  std::string type;
  int since = 1;
  std::function<void(OnnxNode&)> read;
  // Only moves elements of these inputs (-1: of all), by its other inputs and attributes: then it moves sizes as well.
  std::optional<int> moves;
  bool fold = true;  // may be computed at once where all inputs are known
};

// Static objects of this type put readers into the registry: `static const RegisterOnnx shape{{.type = "Shape", .read = ...}};`
struct RegisterOnnx {
  explicit RegisterOnnx(OnnxReader reader);
};
// An explicit reader, else the OnnxName of an operator (ops/operator.h); null if there is none.
const OnnxReader* find_onnx_reader(const std::string& type, int opset);

}  // namespace neap
