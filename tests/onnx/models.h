// Small models to test with, node by node.
#pragma once
#include <onnx.pb.h>

#include <string>
#include <vector>

#include "neap/onnx/tensor.h"

namespace neap::testing {

// A size of an input: a number, or a name.
struct OnnxSize {
  std::int64_t value = -1;
  std::string name;
  OnnxSize(std::int64_t given) : value(given) {}           // NOLINT: sizes are written as plain numbers and names
  OnnxSize(int given) : value(given) {}                    // NOLINT
  OnnxSize(const char* given) : name(given) {}             // NOLINT
  OnnxSize(std::string given) : name(std::move(given)) {}  // NOLINT
};

class OnnxModel {
 public:
  explicit OnnxModel(std::int64_t opset = 17) {
    proto.set_ir_version(8);
    proto.add_opset_import()->set_version(opset);
    proto.mutable_graph()->set_name("main");
  }

  OnnxModel& input(const std::string& name, const std::vector<OnnxSize>& shape, int type = onnx::TensorProto::FLOAT) {
    describe(*proto.mutable_graph()->add_input(), name, type);
    auto& sizes = *proto.mutable_graph()->mutable_input()->rbegin()->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const OnnxSize& size : shape) {
      auto& dim = *sizes.add_dim();
      size.name.empty() ? dim.set_dim_value(size.value) : dim.set_dim_param(size.name);
    }
    return *this;
  }
  OnnxModel& output(const std::string& name, int type = onnx::TensorProto::FLOAT) {
    describe(*proto.mutable_graph()->add_output(), name, type);
    return *this;
  }
  OnnxModel& constant(const std::string& name, const Array& elements) {
    auto& tensor = *proto.mutable_graph()->add_initializer();
    tensor.set_name(name);
    write_tensor(elements, tensor);
    return *this;
  }
  onnx::NodeProto& node(const std::string& type, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
    auto& made = *proto.mutable_graph()->add_node();
    made.set_op_type(type);
    for (const std::string& input : inputs) made.add_input(input);
    for (const std::string& output : outputs) made.add_output(output);
    return made;
  }
  std::string bytes() const { return proto.SerializeAsString(); }

  onnx::ModelProto proto;

 private:
  static void describe(onnx::ValueInfoProto& info, const std::string& name, int type) {
    info.set_name(name);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(type);
  }
};

inline void set(onnx::NodeProto& node, const std::string& name, std::int64_t value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}
inline void set(onnx::NodeProto& node, const std::string& name, const std::string& value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}
inline void set(onnx::NodeProto& node, const std::string& name, const std::vector<std::int64_t>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}
inline onnx::GraphProto& set_graph(onnx::NodeProto& node, const std::string& name) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::GRAPH);
  return *attribute.mutable_g();
}

}  // namespace neap::testing
