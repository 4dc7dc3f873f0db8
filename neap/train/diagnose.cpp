#include "neap/train/diagnose.h"

#include <cmath>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/runtime/at_once.h"

namespace neap {
namespace {

std::int64_t first_bad_element(const Array& array) {
  if (!is_float(array.dtype())) return -1;
  for (std::int64_t i = 0; i < array.count(); ++i) {
    if (!std::isfinite(array.get(i))) return i;
  }
  return -1;
}

std::string text(double value) { return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf"; }

}  // namespace

bool all_finite(const Array& array) { return first_bad_element(array) < 0; }

NotFinite first_not_finite(const Graph& graph, const std::vector<Array>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::int64_t at = first_bad_element(inputs[i]);
    if (at < 0) continue;
    return {fmt::format("input '{}' holds {}", graph.inputs[i].name, text(inputs[i].get(at))),
            fmt::format("element {} of {}", at, graph.type(graph.inputs[i].value).to_string())};
  }
  // Every value becomes a result, so that one run shows them all.
  Graph open = graph;
  open.outputs.clear();
  for (const NodePtr& node : graph.nodes()) {
    for (const ValueId id : node->outputs) open.add_output(id, "");
  }
  const std::vector<Array> results = run_at_once(open, inputs);
  std::unordered_map<ValueId, bool> finite;
  std::size_t next = 0;
  for (const NodePtr& node : graph.nodes()) {
    bool operands = true;
    for (const ValueId id : node->inputs) {
      if (id == no_value) continue;
      const auto known = finite.find(id);
      operands &= known != finite.end() ? known->second : !graph.value(id).constant || all_finite(*graph.value(id).constant);
    }
    for (const ValueId id : node->outputs) {
      const Array& result = results[next++];
      const std::int64_t at = first_bad_element(result);
      finite[id] = at < 0;
      if (at < 0 || !operands) continue;
      return {fmt::format("{} gives {}", node->is_map() ? "a map" : node->op, text(result.get(at))),
              fmt::format("node %{}{}, element {} of {}", id, node->origin.empty() ? "" : " (" + node->origin[0] + ")", at,
                          graph.type(id).to_string())};
    }
  }
  return {};
}

}  // namespace neap
