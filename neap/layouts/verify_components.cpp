#include "neap/layouts/verify_components.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/layouts/sparse_layout.h"

namespace neap {
namespace {

bool is_known(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& size) { return size.is_constant(); });
}

// Of a call with components from operand `first` - 1 or, without values, `first` on; empty where not all places are known. Values that are
// not known are of their sizes.
std::vector<Array> components_of(const Graph& graph, const Node& node, const Call& call, const SparseLayout& layout, int first) {
  const auto operand = [&](int index) -> const Value& { return graph.value(node.inputs[static_cast<std::size_t>(index)]); };
  const bool takes_values = call.op().inputs[static_cast<std::size_t>(first) - 1].name == layout.components[0].name;
  std::vector<Array> components;
  if (takes_values && operand(first - 1).constant) {
    components.push_back(*operand(first - 1).constant);
  } else {
    if (!layout.values_shape || !is_known(layout.values_shape(call, first))) return {};
    components.emplace_back(takes_values ? call.input(first - 1).dtype : DType::f32, evaluate(layout.values_shape(call, first), {}));
  }
  for (int place = first; place < call.input_count(); ++place) {
    if (!operand(place).constant) return {};
    components.push_back(*operand(place).constant);
  }
  return components;
}

// The operand that the problem of a check begins with; "" where it is none.
std::string name_of_bad(const Graph& graph, const Node& node, const SparseLayout& layout, int first, const std::string& problem) {
  for (std::size_t i = 1; i < layout.components.size(); ++i) {
    if (problem.starts_with(layout.components[i].name + ":"))
      return value_names(graph)[static_cast<std::size_t>(node.inputs[static_cast<std::size_t>(first) + i - 1])];
  }
  return "";
}

void verify_call(const Graph& graph, const Node& node, const SparseLayout& layout, int first) {
  const Call call = make_call(graph, node);
  if (!is_known(call.dims("size"))) return;
  const std::vector<Array> components = components_of(graph, node, call, layout, first);
  if (components.empty()) return;
  try {
    layout.check(components, evaluate(call.dims("size"), {}), choice_of(layout, call).parameters);
  } catch (const Error& error) {
    const std::string name = name_of_bad(graph, node, layout, first, error.problem());
    throw Error(error.problem(), place_of(graph, node) + (name.empty() ? "" : ", constant " + name), error.remedy());
  }
}

}  // namespace

void verify_components(const Graph& graph) {
  for (const NodePtr& node : graph.nodes()) {
    if (node->is_map()) continue;
    int first = 0;
    if (const SparseLayout* const layout = layout_of_places(node->op, first)) verify_call(graph, *node, *layout, first);
  }
}

}  // namespace neap
