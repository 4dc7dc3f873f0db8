// What commands on models share: reading them, sizes given by hand, arrays for their inputs.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "neap/cli/command.h"
#include "neap/ir/graph.h"

namespace neap {

struct ModelArguments {
  std::filesystem::path file;      // .onnx, or the text of a graph, its large constants beside it (see write_model)
  std::vector<std::string> sizes;  // "N=2"
};
void add_model_options(const Options& options, ModelArguments& arguments);

// The model as a graph of operators; weights that were sparsified in their layouts. Sizes given by hand stay symbols of the graph: see
// symbols_of.
Graph read_model(const ModelArguments& arguments);
// A graph's text, which read_model reads back; constants that the text only names are written first, to FILE.safetensors.
void write_model(const std::filesystem::path& file, const Graph& graph);
// The sizes given by hand. Error on what is not NAME=NUMBER, or names no symbol of the graph.
Symbols sizes_of(const ModelArguments& arguments, const Graph& graph);

// Sizes for all symbols: those given, else 2 (a size that is nobody's special case).
Symbols with_defaults(const Graph& graph, Symbols given);

// An array for each input: floats uniform in -1 .. 1, integers and bools 0 or 1; the same for the same seed.
std::vector<Array> random_inputs(const Graph& graph, const Symbols& symbols, std::uint64_t seed);

struct InputArguments {
  std::vector<std::string> files;  // "x=x.npy"
  bool random = false;             // random elements for the inputs that are not given
  std::uint64_t seed = 0;
};
void add_input_options(const Options& options, InputArguments& arguments);
// In the graph's order. Error naming the input that is missing or does not fit.
std::vector<Array> gather_inputs(const Graph& graph, const ModelArguments& model, const InputArguments& given);

// "NAME=VALUE" cut at the first '='; Error saying what `option` takes.
std::pair<std::string, std::string> name_and_value(const std::string& text, const std::string& option);

// A name as a file's: letters, digits, '_', '-', '.' (not first); others become '_'.
std::string file_name(const std::string& name);

// --strict-sparse: a sparse matrix that is made dense is an error.
void add_strict_option(const Options& options, bool& strict);

// A level 0 to 4 of the optimiser.
Option add_level(const Options& options, int& level);

}  // namespace neap
