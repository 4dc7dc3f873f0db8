// Arrays for a model's inputs: from files, or random.
#include <algorithm>
#include <map>

#include "neap/base/error.h"
#include "neap/cli/model.h"
#include "neap/files/npy.h"
#include "neap/ops/interpreter.h"

namespace neap {
namespace {

std::string input_names(const Graph& graph) {
  std::string names;
  for (const Input& input : graph.inputs) names += (names.empty() ? "" : ", ") + input.name;
  return names;
}

// What says that sizes do not fit says of which model.
void fit(const ModelArguments& model, const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    throw Error(error.problem(), model.file.string(), "give arrays of the sizes that the model takes");
  }
}

}  // namespace

void add_input_options(const Options& options, InputArguments& arguments) {
  options.add("--input", &arguments.files, "NAME=FILE.npy").one_at_a_time();
  options.add("--seed", &arguments.seed, "of the random inputs").shows_default();
}

std::vector<Array> gather_inputs(const Graph& graph, const ModelArguments& model, const InputArguments& given) {
  std::map<std::string, Array> named;
  for (const std::string& text : given.files) {
    const auto [name, file] = name_and_value(text, "--input");
    const bool known = std::any_of(graph.inputs.begin(), graph.inputs.end(), [&, n = name](const Input& input) { return input.name == n; });
    if (!known) throw Error(fmt::format("the model has no input '{}'", name), model.file.string(), "its inputs are " + input_names(graph));
    if (!named.emplace(name, read_npy(file)).second) throw Error(fmt::format("input '{}' is given twice", name), "--input " + text);
  }
  Symbols symbols = sizes_of(model, graph);
  for (const Input& input : graph.inputs) {
    if (const auto found = named.find(input.name); found != named.end()) {
      fit(model, [&] { bind(graph.type(input.value).shape, found->second.sizes(), symbols, "input '" + input.name + "'"); });
    }
  }
  if (!given.random && named.size() < graph.inputs.size()) {
    throw Error("not every input of the model is given", model.file.string(),
                "it takes " + input_names(graph) + ": --input NAME=FILE.npy, or --random-inputs");
  }
  std::vector<Array> arrays;
  if (given.random) arrays = random_inputs(graph, with_defaults(graph, symbols), given.seed);
  arrays.resize(graph.inputs.size());
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const auto found = named.find(graph.inputs[i].name);
    if (found == named.end()) continue;
    const DType wanted = graph.type(graph.inputs[i].value).dtype;
    if (found->second.dtype() != wanted) {
      throw Error(fmt::format("input '{}' is {}, the file holds {}", found->first, name(wanted), name(found->second.dtype())),
                  model.file.string(), "convert the file");
    }
    arrays[i] = found->second;
  }
  Symbols bound;
  fit(model, [&] { bound = bind_inputs(graph, arrays); });
  for (const auto& [name, size] : sizes_of(model, graph)) {
    if (bound.at(name) != size)
      throw Error(fmt::format("{} is {} in the inputs, {} by --set", name, bound.at(name), size), "--set " + name);
  }
  return arrays;
}

}  // namespace neap
