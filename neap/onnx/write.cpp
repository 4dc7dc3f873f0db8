// From a graph to the bytes of a file, and the registry of writers.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx.pb.h>

#include "neap/base/file.h"
#include "neap/onnx/model_writer.h"

namespace neap {
namespace {

constexpr std::size_t most_written = (std::size_t{1} << 31) - 1;  // protobuf's own limit
constexpr int ir_version = 8;                                     // that of opset 17

std::map<std::string, OnnxWrite>& writer_registry() {
  static std::map<std::string, OnnxWrite> writers;
  return writers;
}

}  // namespace

RegisterOnnxWriter::RegisterOnnxWriter(const char* op, OnnxWrite write) {
  const bool fresh = writer_registry().emplace(op, std::move(write)).second;
  NEAP_ASSERT(fresh, " two writers of {}", op);
}

const OnnxWrite* find_onnx_writer(const std::string& op) {
  const auto found = writer_registry().find(op);
  return found == writer_registry().end() ? nullptr : &found->second;
}

std::string onnx_bytes(const Graph& graph, const OnnxWriteOptions& options) {
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name(options.producer);
  model.add_opset_import()->set_version(written_opset);
  for (const auto& [key, value] : options.metadata) {
    auto* const note = model.add_metadata_props();
    note->set_key(key);
    note->set_value(value);
  }
  ModelWriter(graph, options, *model.mutable_graph()).write();
  if (model.ByteSizeLong() > most_written) throw Error("the model is larger than 2 GB, which ONNX files cannot be", "graph " + graph.name);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!model.SerializeToCodedStream(&coded)) throw Error("the model cannot be written", "graph " + graph.name);
  }
  return bytes;
}

void write_onnx(const Graph& graph, const std::filesystem::path& path, const OnnxWriteOptions& options) {
  write_file(path, onnx_bytes(graph, options));
}

}  // namespace neap
