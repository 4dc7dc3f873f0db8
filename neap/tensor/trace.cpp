#include "neap/tensor/trace.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "neap/base/error.h"
#include "neap/tensor/record.h"

namespace neap {
namespace {

class Writer {
 public:
  Writer(const std::vector<TracedInput>& inputs, const TraceOptions& options) : options_(options) {
    made_.graph.name = options.name;
    for (const TracedInput& input : inputs) {
      ids_[{input.tensor.record().get(), input.tensor.output()}] = made_.graph.add_input(input.name, input.tensor.type(), input.role);
    }
  }

  Traced write(const std::vector<TracedOutput>& outputs) {
    for (const TracedOutput& output : outputs) collect(output.tensor);
    std::sort(order_.begin(), order_.end(), [](const Record* a, const Record* b) { return a->sequence < b->sequence; });
    for (const Record* record : order_) append(*record);
    for (const TracedOutput& output : outputs) made_.graph.add_output(id_of(output.tensor), output.name, output.updates);
    return std::move(made_);
  }

 private:
  using Key = std::pair<const Record*, int>;

  bool given(const Record& record) const { return record.computed() || record.sequence < options_.capture_before; }

  // Without recursion: chains may be long.
  void collect(const Tensor& root) {
    std::vector<Tensor> waiting{root};
    while (!waiting.empty()) {
      const Tensor tensor = std::move(waiting.back());
      waiting.pop_back();
      if (!tensor || ids_.count({tensor.record().get(), tensor.output()}) != 0) continue;
      const Record& record = *tensor.record();
      if (given(record)) {
        ids_[{&record, tensor.output()}] = add_given(tensor);
        continue;
      }
      if (record.is_placeholder()) {
        throw Error(fmt::format("the value of '{}' ({}) is asked for, but it is an argument of a function that is being traced",
                                record.name, tensor.type().to_string()),
                    options_.name, "return it from the function, or give it as an input");
      }
      if (!seen_.insert(&record).second) continue;
      order_.push_back(&record);
      waiting.insert(waiting.end(), record.inputs.begin(), record.inputs.end());
    }
  }

  ValueId add_given(const Tensor& tensor) {
    if (!options_.capture) return add_constant(tensor.array());
    // Numbers are part of the program, tensors are its surroundings.
    if (tensor.computed() && tensor.rank() == 0) return add_constant(tensor.array());
    made_.captured.push_back(tensor);
    return made_.graph.add_input(fmt::format("captured/{}", made_.captured.size() - 1), tensor.type());
  }

  ValueId add_constant(const Array& elements) {
    if (elements.rank() != 0) return made_.graph.add_constant(elements);
    const std::string bytes(reinterpret_cast<const char*>(elements.raw()), static_cast<std::size_t>(elements.bytes()));
    const auto [at, fresh] = numbers_.try_emplace({elements.dtype(), bytes}, no_value);
    if (fresh) at->second = made_.graph.add_constant(elements);
    return at->second;
  }

  ValueId id_of(const Tensor& tensor) const { return tensor ? ids_.at({tensor.record().get(), tensor.output()}) : no_value; }

  void append(const Record& record) {
    Node node = record.node;
    node.inputs.clear();
    node.outputs.clear();
    for (const Tensor& input : record.inputs) node.inputs.push_back(id_of(input));
    for (std::size_t i = 0; i < record.types.size(); ++i) {
      node.outputs.push_back(made_.graph.add_value(record.types[i]));
      ids_.emplace(Key{&record, static_cast<int>(i)}, node.outputs.back());
    }
    made_.graph.append(std::move(node));
  }

  const TraceOptions& options_;
  Traced made_;
  std::map<Key, ValueId> ids_;
  std::unordered_set<const Record*> seen_;
  std::vector<const Record*> order_;
  std::map<std::pair<DType, std::string>, ValueId> numbers_;
};

}  // namespace

Traced to_graph(const std::vector<TracedInput>& inputs, const std::vector<TracedOutput>& outputs, const TraceOptions& options) {
  return Writer(inputs, options).write(outputs);
}

bool computable(const std::vector<Tensor>& tensors) {
  std::vector<const Record*> waiting;
  std::unordered_set<const Record*> seen;
  const auto visit = [&](const Tensor& tensor) {
    if (tensor && !tensor.computed() && seen.insert(tensor.record().get()).second) waiting.push_back(tensor.record().get());
  };
  for (const Tensor& tensor : tensors) visit(tensor);
  while (!waiting.empty()) {
    const Record* record = waiting.back();
    waiting.pop_back();
    if (record->is_placeholder()) return false;
    for (const Tensor& input : record->inputs) visit(input);
  }
  return true;
}

std::vector<Tensor> record_graph(const Graph& graph, const std::vector<Tensor>& inputs) {
  NEAP_ASSERT(inputs.size() == graph.inputs.size(), " {} inputs for {}", inputs.size(), graph.name);
  std::unordered_map<ValueId, Tensor> tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i) tensors[graph.inputs[i].value] = inputs[i];
  const auto tensor_of = [&](ValueId id) -> Tensor {
    if (id == no_value) return {};
    const auto found = tensors.find(id);
    if (found != tensors.end()) return found->second;
    NEAP_ASSERT(graph.value(id).constant.has_value(), " value %{} is used before it is made", id);
    return tensors[id] = *graph.value(id).constant;
  };
  for (const NodePtr& node : graph.nodes()) {
    std::vector<Tensor> operands;
    for (const ValueId id : node->inputs) operands.push_back(tensor_of(id));
    std::vector<Type> types;
    for (const ValueId id : node->outputs) types.push_back(graph.type(id));
    const std::vector<Tensor> made = make_record(*node, std::move(operands), std::move(types));
    for (std::size_t i = 0; i < made.size(); ++i) tensors[node->outputs[i]] = made[i];
  }
  std::vector<Tensor> outputs;
  for (const Output& output : graph.outputs) outputs.push_back(tensor_of(output.value));
  return outputs;
}

}  // namespace neap
