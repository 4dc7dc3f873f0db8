#include "neap/runtime/at_once.h"

#include <unordered_map>

#include "neap/base/error.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/blocked_map.h"
#include "neap/runtime/library.h"

namespace neap {
namespace {

std::string place(const Graph& graph, const Node& node) {
  return fmt::format("node %{} ({}{}) of graph {}", node.outputs.empty() ? no_value : node.outputs[0], node.is_map() ? "map" : node.op,
                     node.origin.empty() ? "" : ", from " + node.origin[0], graph.name);
}

Type row_major(Type type) {
  type.layout = {};
  return type;
}

class Run {
 public:
  Run(const Graph& graph, const Symbols& symbols) : graph_(graph), symbols_(symbols) {}

  std::vector<Array> run(const std::vector<Array>& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) values_[graph_.inputs[i].value] = inputs[i];
    for (const NodePtr& node : graph_.nodes()) {
      try {
        run_node(*node);
      } catch (const Error& error) {
        if (!error.place().empty()) throw;
        throw Error(error.problem(), place(graph_, *node), error.remedy());
      }
    }
    std::vector<Array> results;
    for (const Output& output : graph_.outputs) results.push_back(value_of(output.value));
    return results;
  }

 private:
  Array value_of(ValueId id) const {
    if (id == no_value) return {};
    const auto found = values_.find(id);
    if (found != values_.end()) return found->second;
    NEAP_ASSERT(graph_.value(id).constant.has_value(), " value %{} is used before it is made", id);
    return *graph_.value(id).constant;
  }

  void run_node(const Node& node) {
    std::vector<Array> operands;
    for (const ValueId id : node.inputs) operands.push_back(value_of(id));
    std::vector<Type> outputs;
    for (const ValueId id : node.outputs) outputs.push_back(row_major(graph_.type(id)));
    std::vector<Array> results = node.is_map() ? run_map(*node.map, operands, outputs) : run_call(node, operands, outputs);
    if (node.epilogue != nullptr) {
      std::vector<Array> epilogue_operands{results[0]};
      epilogue_operands.insert(epilogue_operands.end(), operands.begin() + node.epilogue_first, operands.end());
      results = run_map(*node.epilogue, epilogue_operands, outputs);
    }
    for (std::size_t i = 0; i < results.size(); ++i) values_[node.outputs[i]] = std::move(results[i]);
  }

  std::vector<Array> run_call(const Node& node, const std::vector<Array>& operands, const std::vector<Type>& outputs) {
    std::vector<Type> inputs;
    std::vector<bool> present;
    for (const ValueId id : node.inputs) {
      present.push_back(id != no_value);
      inputs.push_back(id == no_value ? Type{} : row_major(graph_.type(id)));
    }
    const Call call(find_operator(node.op), inputs, present, node.attributes);
    if (const Implementation* library = choose_implementation(call, inputs, outputs)) {
      return run_library(*library->prepare(call, inputs, outputs, symbols_), operands, outputs);
    }
    if (call.op().define != nullptr) return run_map(define(call).map, operands, outputs);
    return run_composite(call, operands);
  }

  std::vector<Array> run_map(const Map& map, const std::vector<Array>& operands, const std::vector<Type>& outputs) const {
    std::vector<Type> inputs;
    for (const Array& operand : operands) inputs.push_back({operand.dtype(), Shape(operand.sizes().begin(), operand.sizes().end()), {}});
    const auto blocked = BlockedMap::make(map, inputs, outputs, symbols_);
    if (blocked == nullptr) return interpret_map(map, operands, outputs, symbols_);
    std::vector<const void*> from;
    for (const Array& operand : operands) from.push_back(operand.raw());
    std::vector<Array> results;
    std::vector<void*> to;
    for (const Type& type : outputs) to.push_back(results.emplace_back(type.dtype, evaluate(type.shape, symbols_)).raw());
    blocked->run(from, to);
    return results;
  }

  std::vector<Array> run_library(LibraryCall& library, const std::vector<Array>& operands, const std::vector<Type>& outputs) const {
    std::vector<const void*> from;
    for (const Array& operand : operands) from.push_back(operand.raw());
    std::vector<Array> results;
    std::vector<void*> to;
    for (const Type& type : outputs) to.push_back(results.emplace_back(type.dtype, evaluate(type.shape, symbols_)).raw());
    library.run(from, to);
    return results;
  }

  std::vector<Array> run_composite(const Call& call, const std::vector<Array>& operands) const {
    Graph body;
    Builder build(body);
    std::vector<Var> arguments;
    std::vector<Array> given;
    for (int i = 0; i < call.input_count(); ++i) {
      arguments.push_back(call.has(i) ? build.input(fmt::format("x{}", i), call.input(i)) : Var());
      if (call.has(i)) given.push_back(operands[static_cast<std::size_t>(i)]);
    }
    for (const Var& output : call.op().compose(build, arguments, call))
      body.add_output(output.id(), fmt::format("y{}", body.outputs.size()));
    return Run(body, symbols_).run(given);
  }

  const Graph& graph_;
  const Symbols& symbols_;
  std::unordered_map<ValueId, Array> values_;
};

}  // namespace

std::vector<Array> run_at_once(const Graph& graph, const std::vector<Array>& inputs) {
  const Symbols symbols = bind_inputs(graph, inputs);
  return Run(graph, symbols).run(inputs);
}

}  // namespace neap
