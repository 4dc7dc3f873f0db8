#include "neap/cli/model.h"

#include <algorithm>
#include <charconv>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/data/random.h"
#include "neap/files/safetensors.h"
#include "neap/layouts/verify_components.h"
#include "neap/onnx/onnx.h"
#include "neap/runtime/verify_calls.h"
#include "neap/sparse/export.h"

namespace neap {

namespace fs = std::filesystem;

namespace {

// Where the elements are that a graph's text names by their hash.
fs::path constants_beside(const fs::path& text) { return text.string() + ".safetensors"; }

}  // namespace

void add_model_options(const Options& options, ModelArguments& arguments) {
  options.add("model", &arguments.file, "an .onnx file, or the text of a graph").required();
  options.add("--set", &arguments.sizes, "a size that the model leaves open: NAME=NUMBER").one_at_a_time();
}

Graph read_onnx_model(const std::filesystem::path& file) {
  std::map<std::string, std::string> notes;
  std::map<std::string, Array> parameters;
  Graph graph = read_onnx(file, {.parameters = &parameters, .parameters_if = sparse::plan_note, .metadata = &notes});
  const auto plan = sparse::plan_of_notes(notes, file);
  if (!plan) return graph;
  sparse::sparsify(graph, parameters, *plan);
  return sparse::with_constants(graph, parameters);
}

Graph read_model(const ModelArguments& arguments) {
  if (arguments.file.extension() == ".onnx") return read_onnx_model(arguments.file);
  const std::string text = read_file(arguments.file, std::int64_t{1} << 28);
  if (text.rfind("graph", 0) != 0) {
    throw Error("the file is no model", arguments.file.string(), "give an .onnx file, or the text of a graph as `neap show` prints it");
  }
  const fs::path constants = constants_beside(arguments.file);
  NamedArrays data;
  if (fs::exists(constants)) data = read_safetensors(constants).arrays;
  try {
    Graph graph = parse_graph(text, data);
    verify(graph);
    verify_calls(graph);
    verify_components(graph);
    return graph;
  } catch (const Error& error) {
    throw Error(error.problem(), arguments.file.string() + (error.place().empty() ? "" : ", " + error.place()), error.remedy());
  }
}

void write_model(const fs::path& file, const Graph& graph) {
  const NamedArrays constants = large_constants(graph);
  if (!constants.empty()) write_safetensors(constants_beside(file), constants);
  write_file(file, to_string(graph, {.origin = true}));
}

std::pair<std::string, std::string> name_and_value(const std::string& text, const std::string& option) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    throw Error(fmt::format("{} takes NAME=VALUE, not '{}'", option, text), "the command line");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Symbols sizes_of(const ModelArguments& arguments, const Graph& graph) {
  const std::vector<std::string> known = graph.symbols();
  Symbols sizes;
  for (const std::string& text : arguments.sizes) {
    const auto [name, value] = name_and_value(text, "--set");
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string names;
      for (const std::string& symbol : known) names += (names.empty() ? "" : ", ") + symbol;
      throw Error(fmt::format("no size of the model is called {}", name), arguments.file.string(),
                  names.empty() ? "the model has no open sizes" : "its open sizes are " + names);
    }
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    constexpr std::int64_t most = std::int64_t{1} << 40;
    if (error != std::errc() || end != value.data() + value.size() || size < 0 || size > most) {
      throw Error(fmt::format("'{}' is not a size", value), "--set " + name, fmt::format("give a whole number from 0 to {}", most));
    }
    sizes[name] = size;
  }
  return sizes;
}

Symbols with_defaults(const Graph& graph, Symbols given) {
  for (const std::string& symbol : graph.symbols()) given.emplace(symbol, 2);
  return given;
}

std::vector<Array> random_inputs(const Graph& graph, const Symbols& symbols, std::uint64_t seed) {
  std::vector<Array> arrays;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Type& type = graph.type(graph.inputs[i].value);
    Array array(type.dtype, evaluate(type.shape, symbols));
    CounterRandom random(seed, Draw::split, static_cast<std::int64_t>(i));
    for (std::int64_t k = 0; k < array.count(); ++k) {
      const std::uint32_t word = random.next();
      array.set(k, is_float(type.dtype) ? word * 0x1p-31 - 1 : static_cast<double>(word >> 31));
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

std::string file_name(const std::string& name) {
  constexpr std::size_t most = 100;
  std::string safe = name.substr(0, most);
  for (char& c : safe) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!good) c = '_';
  }
  if (safe.empty() || safe[0] == '.') safe = "_" + safe;
  return safe;
}

void add_strict_option(const Options& options, bool& strict) {
  options.add("--strict-sparse", &strict, "an error where a sparsely stored matrix is made dense, in place of a line that says so");
}

Option add_level(const Options& options, int& level) {
  return options.add("--level", &level, "of the optimiser: 0 (as written, without a compiler) to 4").between(0, 4);
}

}  // namespace neap
