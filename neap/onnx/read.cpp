// From the bytes of a file to a graph: parsing with limits, and reading again with sizes that make the model hold together.
#include <google/protobuf/io/coded_stream.h>
#include <onnx.pb.h>

#include <algorithm>

#include "neap/base/file.h"
#include "neap/onnx/model_reader.h"
#include "neap/onnx/tensor.h"

namespace neap {
namespace {

constexpr std::int64_t most_bytes = (std::int64_t{1} << 31) - 1;  // protobuf's own limit
constexpr int deepest_message = 100, most_readings = 40, most_nodes_to_read_again = 20'000;
constexpr std::int64_t largest_multiple = 64;

template <class Message>
void parse(std::string_view bytes, Message& message, const char* what) {
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(deepest_message);
  if (!message.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw Error(fmt::format("this is not {}", what), "", "the file is truncated, damaged or of another kind");
}

Error at_file(const Error& error, const std::filesystem::path& path) {
  return {error.problem(), error.place().empty() ? path.string() : path.string() + ", " + error.place(), error.remedy()};
}

// Changes the rules so that sizes that should be equal may become so; false if there is nothing (more) to try.
bool adjust(SymbolRules& rules, const ModelReader& reader) {
  std::map<std::string, std::string, std::less<>> base_of;  // symbol in the graph -> of the model
  for (const std::string& base : reader.symbols()) {
    const auto rule = rules.find(base);
    const bool multiple = rule != rules.end() && rule->second.alias.empty();
    const std::string symbol = multiple ? fmt::format("{}_over_{}", base, rule->second.multiple) : base;
    if (!base_of.emplace(symbol, base).second) return false;  // the model has a name like our own
  }
  const auto plain = [](const Dim& size) { return size.symbols().size() == 1 && size == Dim::symbol(size.symbols()[0]); };
  for (const auto& [a, b] : reader.failure().sizes) {
    if (!plain(a) || !plain(b)) continue;
    const std::string &stays = base_of[a.symbols()[0]], &goes = base_of[b.symbols()[0]];
    rules[goes] = {.alias = stays};
    return true;
  }
  std::set<std::string> bases;
  for (const auto& [a, b] : reader.failure().sizes) {
    for (const std::string& symbol : a.symbols()) bases.insert(base_of[symbol]);
    for (const std::string& symbol : b.symbols()) bases.insert(base_of[symbol]);
  }
  bool changed = false;
  for (const std::string& base : bases) {
    SymbolRule& rule = rules[base];
    if (!rule.alias.empty() || rule.multiple >= largest_multiple) continue;
    rule.multiple *= 2;
    changed = true;
  }
  return changed;
}

Graph read_model(const onnx::ModelProto& model, const std::filesystem::path& folder, OnnxReadOptions options) {
  const auto& notes = model.metadata_props();
  if (options.metadata != nullptr) {
    for (const auto& note : notes) (*options.metadata)[note.key()] = note.value();
  }
  const auto wanted = [&](const auto& note) { return note.key() == options.parameters_if; };
  if (!options.parameters_if.empty() && std::none_of(notes.begin(), notes.end(), wanted)) options.parameters = nullptr;
  SymbolRules rules;
  std::optional<Error> first;
  for (int reading = 0;; ++reading) {
    if (options.parameters != nullptr) options.parameters->clear();
    ModelReader reader(model, folder, options, rules);
    try {
      return reader.read();
    } catch (const Error& error) {
      if (!first) first = error;
      const bool hopeless = reading >= most_readings || model.graph().node_size() > most_nodes_to_read_again;
      if (hopeless || !adjust(rules, reader)) throw *first;
    }
  }
}

}  // namespace

Graph read_onnx_bytes(std::string_view bytes, const std::filesystem::path& folder, const OnnxReadOptions& options) {
  if (static_cast<std::int64_t>(bytes.size()) > most_bytes)
    throw Error("the model is larger than 2 GB", "", "put its weights into external data");
  onnx::ModelProto model;
  parse(bytes, model, "an ONNX model");
  return read_model(model, folder, options);
}

Graph read_onnx(const std::filesystem::path& path, const OnnxReadOptions& options) {
  const std::string bytes = read_file(path, most_bytes);
  try {
    return read_onnx_bytes(bytes, path.has_parent_path() ? path.parent_path() : ".", options);
  } catch (const Error& error) {
    throw at_file(error, path);
  }
}

Array read_onnx_tensor(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, most_bytes);
  try {
    onnx::TensorProto tensor;
    parse(bytes, tensor, "an ONNX tensor");
    return read_tensor(tensor, path.has_parent_path() ? path.parent_path() : ".", "");
  } catch (const Error& error) {
    throw at_file(error, path);
  }
}

}  // namespace neap
