#include "neap/nn/graph_layer.h"

#include <algorithm>
#include <set>

#include "neap/base/error.h"
#include "neap/tensor/record.h"
#include "neap/tensor/trace.h"

namespace neap {
namespace {

using Replacement = std::map<std::string, Dim, std::less<>>;

// What each symbol of `type` is where a value of `shape` is given.
Replacement matched(const Type& type, const Shape& shape, const std::string& place) {
  const auto misfit = [&] {
    return Error(fmt::format("the network takes {}, {} is given", type.to_string(), to_string(shape)), place, "give data of that shape");
  };
  if (shape.size() != type.shape.size()) throw misfit();
  Replacement found;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::vector<std::string> symbols = type.shape[i].symbols();
    if (symbols.size() != 1 || found.count(symbols[0]) != 0) continue;
    const std::int64_t multiple = type.shape[i].evaluate({{symbols[0], 1}});
    Dim quotient;
    if (multiple < 1 || !(type.shape[i] == Dim(multiple) * Dim::symbol(symbols[0])) || !Dim::divide_exactly(shape[i], multiple, quotient)) {
      throw misfit();
    }
    found.emplace(symbols[0], quotient);
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!(type.shape[i].substitute(found) == shape[i])) throw misfit();
  }
  return found;
}

Type replaced(Type type, const Replacement& sizes) {
  for (Dim& size : type.shape) size = size.substitute(sizes);
  return type;
}

Graph replaced(Graph graph, const Replacement& sizes) {
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (graph.has_value(id)) graph.set_type(id, replaced(graph.type(id), sizes));
  }
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    Node node = *graph.nodes()[i];
    for (auto& [name, value] : node.attributes) {
      if (auto* dims = std::get_if<std::vector<Dim>>(&value)) {
        for (Dim& dim : *dims) dim = dim.substitute(sizes);
      }
    }
    graph.replace_node(i, std::move(node));
  }
  return graph;
}

// Means and variances that a batch norm only reads.
std::set<ValueId> statistics(const Graph& graph) {
  std::set<ValueId> found;
  for (const NodePtr& node : graph.nodes()) {
    if (node->op == "batch_norm_inference") found.insert(node->inputs.begin() + 3, node->inputs.end());
  }
  return found;
}

// As a module's names must be: letters, digits, '_', and '.' between these.
std::string part_name(const std::string& name, std::set<std::string>& taken) {
  std::string made = name;
  bool begins = true;  // a part of the name
  for (char& c : made) {
    const bool ends = !begins && c == '.' && &c != &made.back();
    if (!ends && std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    begins = ends;
  }
  const std::string base = made;
  for (int i = 2; made.empty() || !taken.insert(made).second; ++i) made = fmt::format("{}_{}", base, i);
  return made;
}

}  // namespace

GraphLayer::GraphLayer(Graph graph, const std::map<std::string, Array>& values) : graph_(std::move(graph)) {
  const std::string place = "graph " + graph_.name;
  if (graph_.outputs.empty()) throw Error("the network has no output", place);
  for (const NodePtr& node : graph_.nodes()) {
    if (node->is_map())
      throw Error("the network is not one of operators", place_of(graph_, *node), "give it as it was before it was optimised");
  }
  const std::set<ValueId> fixed = statistics(graph_);
  std::set<std::string> taken;
  std::string data;
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
    const Input& input = graph_.inputs[i];
    if (input.role == Role::input) {
      data += (data.empty() ? "" : ", ") + input.name;
      data_ = i;
      parameters_.push_back(nullptr);
      continue;
    }
    const auto found = values.find(input.name);
    if (found == values.end()) throw Error(fmt::format("'{}' has no value", input.name), place);
    const Initializer first = [elements = found->second](const Draws&, std::int64_t at) { return elements.get(at); };
    const bool trained = input.role == Role::parameter && fixed.count(input.value) == 0;
    const std::string name = part_name(input.name, taken);
    const Type& type = graph_.type(input.value);
    parameters_.push_back(trained ? &parameter(name, type, first) : &buffer(name, type, first));
  }
  if (std::count(parameters_.begin(), parameters_.end(), nullptr) != 1) {
    throw Error(data.empty() ? "the network takes no input" : "the network takes several inputs: " + data, place,
                "give a network of one input, the examples");
  }
}

Tensor GraphLayer::forward(const Tensor& x) {
  const Type& type = input_type();
  if (x.dtype() != type.dtype) {
    throw Error(fmt::format("the network takes {}, {} is given", type.to_string(), x.type().to_string()), "graph " + graph_.name,
                "give data of that dtype");
  }
  std::vector<Tensor> inputs;
  for (const Parameter* parameter : parameters_) inputs.push_back(parameter == nullptr ? x : parameter->value());
  return record_graph(replaced(graph_, matched(type, x.shape(), "graph " + graph_.name)), inputs).front();
}

}  // namespace neap
