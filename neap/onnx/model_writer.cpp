#include "neap/onnx/model_writer.h"

#include <onnx.pb.h>

#include <algorithm>

#include "neap/ir/origin.h"
#include "neap/onnx/size_terms.h"
#include "neap/onnx/tensor.h"

namespace neap {
namespace {

void set_attribute(const OnnxAttribute& from, onnx::AttributeProto& to) {
  using Kind = onnx::AttributeProto;
  to.set_name(from.name);
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::int64_t>) {
          to.set_type(Kind::INT);
          to.set_i(value);
        } else if constexpr (std::is_same_v<T, double>) {
          to.set_type(Kind::FLOAT);
          to.set_f(static_cast<float>(value));
        } else if constexpr (std::is_same_v<T, std::string>) {
          to.set_type(Kind::STRING);
          to.set_s(value);
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
          to.set_type(Kind::INTS);
          for (const std::int64_t one : value) to.add_ints(one);
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          to.set_type(Kind::FLOATS);
          for (const double one : value) to.add_floats(static_cast<float>(one));
        } else {
          to.set_type(Kind::TENSOR);
          write_tensor(value, *to.mutable_t());
        }
      },
      from.value);
}

void set_type(const Type& from, onnx::ValueInfoProto& to) {
  auto& tensor = *to.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx_of_dtype(from.dtype));
  auto& shape = *tensor.mutable_shape();
  for (const Dim& size : from.shape) {
    auto& dim = *shape.add_dim();
    size.is_constant() ? dim.set_dim_value(size.constant()) : dim.set_dim_param(size.to_string());
  }
}

// The attribute of ours as ONNX's; nothing for an empty list, which stands for the default in both.
std::optional<OnnxAttribute> translated(const std::string& name, const Attribute& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return OnnxAttribute{name, std::int64_t{*flag ? 1 : 0}};
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return OnnxAttribute{name, *integer};
  if (const auto* number = std::get_if<double>(&value)) return OnnxAttribute{name, *number};
  if (const auto* text = std::get_if<std::string>(&value)) return OnnxAttribute{name, *text};
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    return integers->empty() ? std::nullopt : std::optional(OnnxAttribute{name, *integers});
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    return numbers->empty() ? std::nullopt : std::optional(OnnxAttribute{name, *numbers});
  if (const auto* dtype = std::get_if<DType>(&value)) return OnnxAttribute{name, std::int64_t{onnx_of_dtype(*dtype)}};
  std::vector<std::int64_t> sizes;
  for (const Dim& size : std::get<std::vector<Dim>>(value)) sizes.push_back(size.constant());
  return sizes.empty() ? std::nullopt : std::optional(OnnxAttribute{name, sizes});
}

}  // namespace

std::string OnnxCall::emit(const std::string& type, const std::vector<std::string>& inputs, const OnnxAttributes& attributes) const {
  return writer_->emit(type, inputs, 1, attributes)[0];
}
std::vector<std::string> OnnxCall::emit_many(const std::string& type, const std::vector<std::string>& inputs, int outputs,
                                             const OnnxAttributes& attributes) const {
  return writer_->emit(type, inputs, outputs, attributes);
}
std::string OnnxCall::constant(const Array& elements) const { return writer_->constant(elements); }
std::string OnnxCall::sizes(const Shape& sizes) const { return writer_->sizes(sizes); }
std::string OnnxCall::size(const Dim& size) const { return writer_->size(size); }

ModelWriter::ModelWriter(const Graph& graph, const OnnxWriteOptions& options, onnx::GraphProto& to)
    : graph_(graph), options_(options), to_(to) {}

void ModelWriter::write() {
  to_.set_name(graph_.name);
  for (const Input& input : graph_.inputs) taken_.insert(input.name);
  for (const Output& output : graph_.outputs) {
    if (output.updates >= 0)
      throw Error(fmt::format("output '{}' updates an input", output.name), "graph " + graph_.name,
                  "ONNX has no state: write the inference graph");
    if (!taken_.insert(output.name).second)
      throw Error(fmt::format("two inputs or outputs are called '{}'", output.name), "graph " + graph_.name);
  }
  write_inputs();
  write_nodes(graph_, names_);
  write_outputs();
  name_nodes();
}

// As the nodes of the graph were called where they came from, so that names find them in the file too: of several that one became the last
// has its name.
void ModelWriter::name_nodes() {
  std::set<std::string> used;
  std::map<std::string, int> further;
  for (int at = to_.node_size() - 1; at >= 0; --at) {
    const auto came_from = came_from_.find(at);
    std::string name = came_from == came_from_.end() ? "" : came_from->second;
    if (!name.empty() && used.contains(name)) name += fmt::format(".{}", ++further[name]);
    if (name.empty() || !used.insert(name).second) name = fmt::format("n{}", at);
    to_.mutable_node(at)->set_name(name);
  }
}

void ModelWriter::write_inputs() {
  for (const Input& input : graph_.inputs) {
    names_[input.value] = input.name;
    const Type& type = graph_.type(input.value);
    if (input.role == Role::input) {
      auto& info = *to_.add_input();
      info.set_name(input.name);
      set_type(type, info);
      continue;
    }
    const auto elements = options_.parameters.find(input.name);
    if (elements == options_.parameters.end())
      throw Error(fmt::format("parameter '{}' has no elements", input.name), "graph " + graph_.name,
                  "give them in the option `parameters`");
    if (elements->second.dtype() != type.dtype ||
        !(Shape(elements->second.sizes().begin(), elements->second.sizes().end()) == type.shape)) {
      throw Error(fmt::format("parameter '{}' is {}, its elements {}{}", input.name, type.to_string(), name(elements->second.dtype()),
                              to_string(elements->second.sizes())),
                  "graph " + graph_.name);
    }
    auto& tensor = *to_.add_initializer();
    tensor.set_name(input.name);
    write_tensor(elements->second, tensor);
  }
}

void ModelWriter::write_outputs() {
  std::vector<std::pair<std::string, std::string>> renamed;
  std::set<std::string> claimed;
  for (const Output& output : graph_.outputs) {
    std::string name = name_of(graph_, output.value, names_);
    if (made_.count(name) == 0 || !claimed.insert(name).second) name = emit("Identity", {name}, 1, {})[0];
    claimed.insert(name);
    renamed.emplace_back(name, output.name);
    auto& info = *to_.add_output();
    info.set_name(output.name);
    set_type(graph_.type(output.value), info);
  }
  rename_outputs(renamed);
}

void ModelWriter::rename_outputs(const std::vector<std::pair<std::string, std::string>>& wanted) {
  const std::map<std::string, std::string> names(wanted.begin(), wanted.end());
  const auto rename = [&](std::string& name) {
    const auto found = names.find(name);
    if (found != names.end()) name = found->second;
  };
  for (auto& node : *to_.mutable_node()) {
    for (std::string& input : *node.mutable_input()) rename(input);
    for (std::string& output : *node.mutable_output()) rename(output);
  }
}

std::string ModelWriter::fresh_name() {
  std::string name;
  do {
    name = fmt::format("v{}", next_++);
  } while (taken_.count(name) != 0);
  return name;
}

std::vector<std::string> ModelWriter::emit(const std::string& type, const std::vector<std::string>& inputs, int outputs,
                                           const OnnxAttributes& attributes) {
  auto& node = *to_.add_node();
  node.set_op_type(type);
  for (const std::string& input : inputs) node.add_input(input);
  while (node.input_size() > 0 && node.input(node.input_size() - 1).empty()) node.mutable_input()->RemoveLast();
  std::vector<std::string> names;
  for (int i = 0; i < outputs; ++i) {
    names.push_back(fresh_name());
    made_.insert(names.back());
    node.add_output(names.back());
  }
  for (const OnnxAttribute& attribute : attributes) set_attribute(attribute, *node.add_attribute());
  return names;
}

std::string ModelWriter::constant(const Array& elements) {
  constexpr std::int64_t small = 256;
  std::string key;
  if (elements.bytes() <= small) {
    key = fmt::format("{} {} ", name(elements.dtype()), to_string(elements.sizes()));
    key.append(reinterpret_cast<const char*>(elements.raw()), static_cast<std::size_t>(elements.bytes()));
    const auto found = small_.find(key);
    if (found != small_.end()) return found->second;
  }
  auto& tensor = *to_.add_initializer();
  tensor.set_name(fresh_name());
  write_tensor(elements, tensor);
  if (!key.empty()) small_[key] = tensor.name();
  return tensor.name();
}

std::string ModelWriter::sizes(const Shape& sizes) {
  std::vector<std::int64_t> known;
  for (const Dim& size : sizes) {
    if (size.is_constant()) known.push_back(size.constant());
  }
  if (known.size() == sizes.size()) return constant(Array::of(known));
  std::vector<std::string> parts;
  for (const Dim& one : sizes) parts.push_back(size(one));
  return parts.size() == 1 ? parts[0] : emit("Concat", parts, 1, {{"axis", std::int64_t{0}}})[0];
}

// The size of an input's axis that is linear in the symbol, solved for it.
std::string ModelWriter::symbol(const std::string& name) {
  const auto found = symbols_.find(name);
  if (found != symbols_.end()) return found->second;
  for (const Input& input : graph_.inputs) {
    const Shape& shape = graph_.type(input.value).shape;
    for (std::size_t axis = 0; input.role == Role::input && axis < shape.size(); ++axis) {
      const std::vector<std::string> symbols = shape[axis].symbols();
      if (symbols.size() != 1 || symbols[0] != name) continue;
      const std::int64_t offset = shape[axis].evaluate({{name, 0}}), step = shape[axis].evaluate({{name, 1}}) - offset;
      if (step <= 0 || !(shape[axis] == Dim(step) * Dim::symbol(name) + Dim(offset))) continue;
      const std::string whole = emit("Shape", {input.name}, 1, {})[0];
      std::string value =
          emit("Gather", {whole, constant(Array::of(std::vector<std::int64_t>{static_cast<std::int64_t>(axis)}))}, 1, {})[0];
      if (offset != 0) value = emit("Sub", {value, constant(Array::of(std::vector<std::int64_t>{offset}))}, 1, {})[0];
      if (step != 1) value = emit("Div", {value, constant(Array::of(std::vector<std::int64_t>{step}))}, 1, {})[0];
      return symbols_[name] = value;
    }
  }
  throw Error(fmt::format("no input tells the size {}", name), place_);
}

std::string ModelWriter::size(const Dim& size) {
  if (size.is_constant()) return constant(Array::of(std::vector<std::int64_t>{size.constant()}));
  const std::string text = size.to_string();
  const auto found = known_sizes_.find(text);
  if (found != known_sizes_.end()) return found->second;
  const auto number = [&](std::int64_t value) { return constant(Array::of(std::vector<std::int64_t>{value})); };
  std::string total;
  for (const SizeTerm& term : size_terms(size)) {
    std::string product = term.coefficient == 1 && !term.factors.empty() ? "" : number(term.coefficient);
    for (const SizeFactor& factor : term.factors) {
      std::string value;
      if (factor.divisor == 0) {
        value = symbol(factor.symbol);
      } else {  // positive sizes divide down, as floor does
        value = emit("Div", {this->size(factor.inner), number(factor.divisor)}, 1, {})[0];
      }
      product = product.empty() ? value : emit("Mul", {product, value}, 1, {})[0];
    }
    total = total.empty() ? product : emit("Add", {total, product}, 1, {})[0];
  }
  return known_sizes_[text] = total;
}

std::string ModelWriter::name_of(const Graph& graph, ValueId id, Names& names) {
  if (id == no_value) return "";
  const auto found = names.find(id);
  if (found != names.end()) return found->second;
  const Value& value = graph.value(id);
  NEAP_ASSERT(value.constant.has_value(), " value %{} is used before it is made", id);
  return names[id] = constant(*value.constant);
}

void ModelWriter::write_nodes(const Graph& graph, Names& names) {
  for (const NodePtr& node : graph.nodes()) {
    if (&graph == &graph_)
      place_ = fmt::format("node {} ({})", node->origin.empty() ? "" : node->origin[0], node->is_map() ? "map" : node->op);
    if (node->is_map() || node->epilogue != nullptr)
      throw Error("a graph that is on its way down cannot be written", place_, "write the graph of operators, before it is optimised");
    std::vector<std::string> inputs;
    for (const ValueId id : node->inputs) inputs.push_back(name_of(graph, id, names));
    std::vector<Type> types;
    for (const ValueId id : node->outputs) types.push_back(graph.type(id));
    const int first = to_.node_size();
    const std::vector<std::string> outputs = write_call(make_call(graph, *node), inputs, types);
    for (int at = first; &graph == &graph_ && !node->origin.empty() && at < to_.node_size(); ++at)
      came_from_[at] = origin_place(node->origin.front());
    for (std::size_t i = 0; i < node->outputs.size(); ++i) names[node->outputs[i]] = outputs.at(i);
  }
}

std::vector<std::string> ModelWriter::write_call(const Call& call, const std::vector<std::string>& inputs,
                                                 const std::vector<Type>& outputs) {
  OnnxCall view(*this, call, inputs, outputs);
  const OnnxWrite* write = find_onnx_writer(call.op().name);
  if (write != nullptr ? (*write)(view) : write_by_name(view)) return view.outputs();
  if (call.op().compose != nullptr) return write_composite(call, inputs);
  if (write_expression(view, define(call).map)) return view.outputs();
  throw Error(fmt::format("ONNX of opset {} has no operator for {}", written_opset, call.describe()), place_);
}

// One node of the same meaning, where every attribute that is not the default has a name there.
bool ModelWriter::write_by_name(OnnxCall& view) {
  const Operator& op = view.call().op();
  const OnnxName* best = nullptr;
  for (const OnnxName& name : op.onnx) {
    if (name.since <= written_opset && (best == nullptr || name.since > best->since)) best = &name;
  }
  if (best == nullptr) return false;
  OnnxAttributes attributes;
  std::set<std::string> named;
  for (const auto& [theirs, ours] : best->attributes) {
    named.insert(ours);
    if (std::optional<OnnxAttribute> attribute = translated(theirs, view.call().attributes().find(ours)->second))
      attributes.push_back(std::move(*attribute));
  }
  for (const AttributeSpec& spec : op.attributes) {
    const bool is_default = view.call().attributes().find(spec.name)->second == spec.default_value && !spec.required;
    if (!is_default && named.count(spec.name) == 0) return false;
  }
  for (std::string& name : view.emit_many(best->name, view.inputs(), view.output_count(), attributes)) view.give(std::move(name));
  return true;
}

std::vector<std::string> ModelWriter::write_composite(const Call& call, const std::vector<std::string>& inputs) {
  constexpr int deepest = 50;
  if (++depth_ > deepest) throw Error("operators are composed of one another too deeply", place_);
  Graph body;
  Builder build(body);
  Names names;
  std::vector<Var> arguments;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    arguments.push_back(call.has(i) ? build.input(fmt::format("x{}", i), call.input(i)) : Var());
    if (call.has(i)) names[arguments.back().id()] = inputs[static_cast<std::size_t>(i)];
  }
  const std::vector<Var> results = build.expand(call, arguments);
  write_nodes(body, names);
  std::vector<std::string> outputs;
  for (const Var& result : results) outputs.push_back(name_of(body, result.id(), names));
  --depth_;
  return outputs;
}

}  // namespace neap
