// Computes, once and now, what depends on constants only; a copy in another layout is the same constant, laid out so. What would make a
// large constant of small ones (a number expanded to a tensor) stays as it is: reading it would cost more than making it. A matrix that is
// stored sparsely is made whole where nothing multiplies it as it is stored.
#include <algorithm>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/ops/interpreter.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fold_constants_transformation {
namespace {

constexpr double most_flops = 1e8;  // of one node: the interpreter takes some ten nanoseconds each

bool is_constant_shape(const Type& type) {
  return std::all_of(type.shape.begin(), type.shape.end(), [](const Dim& size) { return size.is_constant(); });
}

// Whether the node's result depends on the sizes at which the graph runs.
bool depends_on_symbols(const Node& node) {
  for (const auto& [name, attribute] : node.attributes) {
    const auto* dims = std::get_if<std::vector<Dim>>(&attribute);
    if (dims != nullptr && std::any_of(dims->begin(), dims->end(), [](const Dim& d) { return !d.is_constant(); })) return true;
  }
  if (!node.is_map()) return false;
  bool found = std::any_of(node.map->axes.begin(), node.map->axes.end(), [](const Axis& axis) { return !axis.extent.is_constant(); });
  visit_map(*node.map, [&](const Expr& e) {
    found |= e->op == Scalar::size;
    for (const Axis& axis : e->axes) found |= !axis.extent.is_constant();
  });
  return found;
}

// Why a node of constants is not computed now; empty where it is.
std::string refusal(const Graph& graph, const Node& node, const std::vector<Array>& operands, const Pass& pass,
                    std::int64_t most_elements) {
  if (depends_on_symbols(node)) return "it depends on a size that is not known";
  std::int64_t given = 0, made = 0;
  for (const Array& operand : operands) given += operand.count();
  for (const ValueId id : node.outputs) {
    if (!is_constant_shape(graph.type(id))) return "its size is not known";
    made += element_count(graph.type(id).shape).constant();
  }
  std::string_view what;
  const bool is_matrix = !node.is_map() && layout_of_operator(node.op, what) != nullptr && what == "dense";  // scattered: slow to make
  if (made > std::max(most_elements, given) && !is_matrix) {
    return fmt::format("it would make {} elements of {}, which are quicker made than read", made, given);
  }
  if (const double flops = pass.model.node(graph, node).flops; flops > most_flops) {
    return fmt::format("{:.3g} flops are too many for the interpreter", flops);
  }
  return "";
}

// Whether a map copies its operand whole, element by element: only the layout changes.
bool is_copy(const Graph& graph, const Node& node) {
  if (!node.is_map() || node.inputs.size() != 1 || node.outputs.size() != 1 || node.map->stages.size() != 1) return false;
  const Type &from = graph.type(node.inputs[0]), &to = graph.type(node.outputs[0]);
  const Stage& stage = node.map->stages[0];
  if (from.dtype != to.dtype || from.shape != to.shape || stage.value->op != Scalar::read || node.map->axes.size() != to.shape.size())
    return false;
  std::vector<Expr> axes;
  for (const Axis& axis : node.map->axes) axes.push_back(axis_position(axis));
  const auto in_order = [&](const std::vector<Expr>& index) {
    return std::equal(index.begin(), index.end(), axes.begin(), axes.end(), same);
  };
  return in_order(stage.index) && in_order(stage.value->args);
}

std::vector<Array> compute(const Graph& graph, const Node& node, const std::vector<Array>& operands) {
  Graph single;
  Node copy = node;
  copy.implementation.clear();
  std::size_t next = 0;
  std::unordered_map<ValueId, ValueId> input;
  std::vector<Array> given;
  for (ValueId& id : copy.inputs) {
    if (id == no_value) continue;
    const Array& elements = operands[next++];
    const auto known = input.find(id);
    if (known == input.end()) {
      Type type = graph.type(id);
      type.layout = {};
      given.push_back(elements);
      id = input[id] = single.add_input(fmt::format("x{}", next), std::move(type));
    } else {
      id = known->second;
    }
  }
  for (ValueId& id : copy.outputs) {
    Type type = graph.type(id);
    type.layout = {};
    id = single.add_value(std::move(type));
    single.add_output(id, fmt::format("y{}", id));
  }
  single.append(std::move(copy));
  return interpret(single, given);
}

int fold(Graph& graph, const Parameters& parameters, Pass& pass) {
  Edit edit;
  std::unordered_map<ValueId, Array> known;
  const auto elements = [&](ValueId id) -> const Array* {
    const auto found = known.find(id);
    if (found != known.end()) return &found->second;
    const Value& value = graph.value(id);
    return value.constant ? &*value.constant : nullptr;
  };
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const NodePtr node = graph.nodes()[i];
    std::vector<Array> operands;
    bool constant = true;
    for (const ValueId id : node->inputs) {
      const Array* array = id == no_value ? nullptr : elements(id);
      if (array != nullptr) operands.push_back(*array);
      constant &= id == no_value || array != nullptr;
    }
    if (!constant || node->epilogue != nullptr) continue;
    if (std::string reason = refusal(graph, *node, operands, pass, parameters.at("most_elements")); !reason.empty()) {
      pass.refuse(graph, *node, std::move(reason));
      continue;
    }
    const std::vector<Array> results = is_copy(graph, *node) ? operands : compute(graph, *node, operands);
    edit.erase.insert(i);
    for (std::size_t k = 0; k < results.size(); ++k) {
      const Value made = graph.value(node->outputs[k]);
      known[node->outputs[k]] = results[k];
      edit.replace[node->outputs[k]] = graph.add_constant(results[k], made.name, made.type.layout);
    }
  }
  if (edit.erase.empty()) return 0;
  neap::apply(graph, edit);
  return static_cast<int>(edit.erase.size());
}

const RegisterTransformation fold_constants{
    {.name = "fold_constants",
     .level = 2,
     .about = "computes now what depends on constants only",
     .parameters = {{"most_elements", 1024, 1, std::int64_t{1} << 30, "largest result where it is larger than its operands together"}},
     .needs_gain = false,
     .apply_everywhere = fold}};

}  // namespace
}  // namespace neap::fold_constants_transformation
