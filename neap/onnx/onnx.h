// onnx/: ONNX files to graphs of operators and back, with protobuf and the ONNX schema.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "neap/ir/graph.h"

namespace neap {

struct OnnxReadOptions {
  // Sizes that the model leaves open, by their name as a symbol (see read_onnx): a number, or an expression of other symbols: {"height", 32
  // * h}.
  std::map<std::string, Dim, std::less<>> sizes;
  std::map<std::string, Shape, std::less<>> shapes;  // of inputs, where the model gives none or others are wanted
  std::map<std::string, Array, std::less<>> known;   // inputs that always have these elements; they are no inputs of the graph
  // Where to put the floating-point initializers; they become inputs of role `parameter`, with their names but for
  // characters that no text may hold. Null: they are constants.
  std::map<std::string, Array>* parameters = nullptr;
  std::string parameters_if;  // not empty: they stay constants in a file that has no note of this name
  // Where to put the model's own notes (`metadata_props`). Null: nowhere.
  std::map<std::string, std::string>* metadata = nullptr;
};

// A model as a graph of operators. Sizes that the model names are symbols (every character that a symbol may not have becomes '_'); unnamed
// ones are INPUT_AXIS. Where the model only holds together if a size H is a multiple of some m (it halves a picture and adds what it
// doubled again), the size is m*H_over_m. What is computed of sizes alone (Shape, Gather, Concat, ... into Reshape) is folded into sizes of
// the graph.
//
// The file is hostile until read: Error naming node, operator and opset for what is malformed or not supported (all of it at once);
// external data is read below the model's folder only. Reads models of opset 6 to 21; some of opset 1.
Graph read_onnx(const std::filesystem::path& path, const OnnxReadOptions& options = {});
// The same, of a file's bytes; `folder` is where external data lies.
Graph read_onnx_bytes(std::string_view bytes, const std::filesystem::path& folder, const OnnxReadOptions& options = {});

// A tensor in a file of its own (TensorProto), as ONNX's test data are.
Array read_onnx_tensor(const std::filesystem::path& path);

struct OnnxWriteOptions {
  std::map<std::string, Array> parameters;  // elements of inputs of role parameter or state, by name: written as initializers
  std::map<std::string, std::string> metadata;
  std::string producer = "neap";
};

// Writes a graph of operators as opset 17. Composites that ONNX has stay whole, others are written out as what they are composed of. Equal
// graphs give equal bytes. Error naming the node that ONNX has no operator for. The file is replaced whole.
void write_onnx(const Graph& graph, const std::filesystem::path& path, const OnnxWriteOptions& options = {});
std::string onnx_bytes(const Graph& graph, const OnnxWriteOptions& options = {});

}  // namespace neap
