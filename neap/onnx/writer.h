// What writes one operator of a graph as nodes of ONNX, and how it registers itself.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "neap/ops/builder.h"

namespace onnx {
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace neap {

constexpr int written_opset = 17;

struct OnnxAttribute {
  std::string name;
  std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>, Array> value;
};
using OnnxAttributes = std::vector<OnnxAttribute>;

class ModelWriter;

// One call to be written: its operands by their names in the model (empty: absent).
class OnnxCall {
 public:
  OnnxCall(ModelWriter& writer, const Call& call, std::vector<std::string> inputs, std::vector<Type> outputs)
      : writer_(&writer), call_(&call), inputs_(std::move(inputs)), types_(std::move(outputs)) {}

  const Call& call() const { return *call_; }
  const std::string& input(int index) const { return inputs_[static_cast<std::size_t>(index)]; }
  const std::vector<std::string>& inputs() const { return inputs_; }
  const Type& output_type(int index) const { return types_[static_cast<std::size_t>(index)]; }
  int output_count() const { return static_cast<int>(types_.size()); }

  // Appends a node and gives the name of its output; the first of several.
  std::string emit(const std::string& type, const std::vector<std::string>& inputs, const OnnxAttributes& attributes = {}) const;
  std::vector<std::string> emit_many(const std::string& type, const std::vector<std::string>& inputs, int outputs,
                                     const OnnxAttributes& attributes = {}) const;
  std::string constant(const Array& elements) const;
  std::string number(DType dtype, double value) const { return constant(Array::full(dtype, {}, value)); }
  std::string integers(const std::vector<std::int64_t>& values) const { return constant(Array::of(values)); }
  std::string sizes(const Shape& sizes) const;  // a list of i64; computed of the inputs' shapes where it holds symbols
  std::string size(const Dim& size) const;      // one number
  void give(std::string name) { outputs_.push_back(std::move(name)); }  // the next output
  const std::vector<std::string>& outputs() const { return outputs_; }

 private:
  ModelWriter* writer_;
  const Call* call_;
  std::vector<std::string> inputs_;
  std::vector<Type> types_;
  std::vector<std::string> outputs_;
};

// Writes the call, or gives false: then it is written as what it is composed of, or as its expression. Operators without a writer are
// written by their OnnxName first.
using OnnxWrite = std::function<bool(OnnxCall&)>;
struct RegisterOnnxWriter {
  RegisterOnnxWriter(const char* op, OnnxWrite write);
};
const OnnxWrite* find_onnx_writer(const std::string& op);

// Writes a map of one output whose operands are read elementwise; false if it is of another kind or uses what ONNX does not have.
bool write_expression(OnnxCall& call, const Map& map);

}  // namespace neap
