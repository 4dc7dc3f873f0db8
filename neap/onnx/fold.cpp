// Computes at once what is known while a model is read.
#include <onnx.pb.h>

#include <algorithm>

#include "neap/onnx/model_reader.h"
#include "neap/ops/interpreter.h"

namespace neap {
namespace {

bool small(const Type& type, std::int64_t limit) {
  const Dim count = element_count(type.shape);
  return count.is_constant() && count.constant() <= limit;
}

const std::set<std::string>& arithmetic() {
  static const std::set<std::string> names{
      "Add", "Sub",      "Mul", "Div", "Mod",   "Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And",      "Or", "Not", "Min",
      "Max", "Identity", "Neg", "Abs", "Floor", "Ceil",  "Cast", "Where",   "Sum",         "ReduceProd",     "ReduceSum"};
  return names;
}

const std::set<std::string>& comparisons() {
  static const std::set<std::string> names{"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "And", "Or", "Not"};
  return names;
}

// What a node keeps of the axes when it reduces a list of sizes to one number; nothing where it does something else.
std::optional<bool> keeps_axis(const OnnxNode& node) {
  if (node.rank(0) > 1 || (node.has(1) && node.constant_or_none(1) && node.constant(1).count() > 1)) return std::nullopt;
  node.ignore("axes");
  node.ignore("noop_with_empty_axes");
  return node.rank(0) == 1 && node.flag("keepdims", true);
}

}  // namespace

std::optional<std::vector<Array>> fold(Graph& graph, const std::vector<Var>& results, std::int64_t input_elements, std::int64_t& budget) {
  std::int64_t work = 1;
  for (const NodePtr& node : graph.nodes()) {
    for (const ValueId output : node->outputs) {
      if (!small(graph.type(output), 64 * most_known_elements)) return std::nullopt;
      work += element_count(graph.type(output).shape).constant();
    }
  }
  for (const Var& result : results) {
    if (!small(result.type(), most_known_elements)) return std::nullopt;
    graph.add_output(result.id(), fmt::format("y{}", graph.outputs.size()));
  }
  work *= input_elements + 1;
  if (work > budget) return std::nullopt;
  budget -= work;
  return interpret(graph, {});
}

bool ModelReader::fold_known(OnnxNode& node, const OnnxReader& reader, const std::vector<OnnxValue*>& inputs) {
  const std::string& type = node.type();
  std::vector<OnnxValue> results;
  bool symbolic = false;
  std::vector<KnownTensor> operands;
  for (int i = 0; i < node.input_count(); ++i) {
    if (!node.has(i)) continue;
    symbolic = symbolic || node.value(i).known.has_value();
    if (std::optional<KnownTensor> known = node.known(i)) operands.push_back(std::move(*known));
  }
  if (!symbolic) return false;
  if (fold_moves(node, reader, inputs, results)) {
    for (OnnxValue& result : results) node.give(std::move(result));
    return true;
  }
  const bool reduces = type == "ReduceProd" || type == "ReduceSum";
  if (arithmetic().count(type) == 0 || node.opset() < 7 || static_cast<int>(operands.size()) != node.input_count()) return false;
  DType dtype = operands.back().dtype;
  if (comparisons().count(type) != 0) dtype = DType::boolean;
  if (type == "Cast") dtype = node.dtype("to", DType::f32);
  if (type == "Mod") node.ignore("fmod");
  bool keeps = false;
  if (reduces) {
    const std::optional<bool> answer = keeps_axis(node);
    if (!answer) return false;
    keeps = *answer;
    operands.resize(1);
    dtype = operands[0].dtype;
  }
  std::optional<KnownTensor> result = known_arithmetic(type, operands, dtype);
  if (!result) return false;
  if (keeps) result->sizes = {1};
  node.give(std::move(*result));
  return true;
}

// Moves the positions of elements in their stead, and looks what came where.
bool ModelReader::fold_moves(const OnnxNode& node, const OnnxReader& reader, const std::vector<OnnxValue*>& inputs,
                             std::vector<OnnxValue>& results) {
  if (!reader.moves) return false;
  std::vector<KnownNumber> elements;
  std::vector<OnnxValue> stand_ins(inputs.size());
  std::vector<OnnxValue*> replaced = inputs;
  DType dtype{};
  for (int i = 0; i < node.input_count(); ++i) {
    if (!node.has(i)) continue;
    if (*reader.moves >= 0 && *reader.moves != i) {
      if (!node.constant_or_none(i)) return false;
      continue;
    }
    const std::optional<KnownTensor> known = node.known(i);
    if (!known) return false;
    dtype = known->dtype;
    Array ids(DType::i64, known->sizes);
    for (std::int64_t k = 0; k < ids.count(); ++k) ids.set_int(k, static_cast<std::int64_t>(elements.size()) + k);
    elements.insert(elements.end(), known->elements.begin(), known->elements.end());
    stand_ins[static_cast<std::size_t>(i)].constant = std::move(ids);
    replaced[static_cast<std::size_t>(i)] = &stand_ins[static_cast<std::size_t>(i)];
  }
  std::vector<OnnxValue> moved;
  if (!fold_constants(node.proto(), node.opset(), reader, replaced, moved)) return false;
  for (const OnnxValue& ids : moved) {
    if (!ids.constant || ids.constant->dtype() != DType::i64) return false;
    KnownTensor result{dtype, ids.constant->sizes(), {}};
    for (std::int64_t k = 0; k < ids.constant->count(); ++k)
      result.elements.push_back(elements.at(static_cast<std::size_t>(ids.constant->get_int(k))));
    OnnxValue value;
    if (result.is_constant()) {
      value.constant = array_of(result);
    } else {
      value.known = std::move(result);
    }
    results.push_back(std::move(value));
  }
  for (const auto& attribute : node.proto().attribute()) node.ignore(attribute.name().c_str());
  return true;
}

bool ModelReader::fold_constants(const onnx::NodeProto& proto, int opset, const OnnxReader& reader, const std::vector<OnnxValue*>& inputs,
                                 std::vector<OnnxValue>& results) {
  if (!reader.fold) return false;
  std::int64_t elements = 0, present = 0;
  for (const OnnxValue* input : inputs) {
    if (input == nullptr) continue;
    if (!input->constant || input->parameter || input->constant->count() > most_known_elements) return false;
    if (options_.parameters != nullptr && is_float(input->constant->dtype()) && input->constant->count() > 1) return false;
    elements += input->constant->count();
    ++present;
  }
  if (present == 0) return false;
  Graph scratch;
  Builder build(scratch);
  OnnxNode node(*this, build, proto, opset, inputs);
  reader.read(node);
  node.check_attributes();
  std::vector<Var> computed;
  for (const OnnxValue& output : node.outputs()) {
    if (output.is_sequence) return false;
    if (output.var) computed.push_back(output.var);
  }
  std::optional<std::vector<Array>> arrays;
  if (!(arrays = fold(scratch, computed, elements, fold_budget_))) return false;
  auto next = arrays->begin();
  for (OnnxValue& output : node.outputs()) {
    if (output.var) output = OnnxValue{.constant = std::move(*next++)};
    results.push_back(std::move(output));
  }
  return true;
}

}  // namespace neap
