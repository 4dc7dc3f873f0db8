#include "neap/onnx/model_reader.h"

#include <onnx.pb.h>

#include <algorithm>

#include "neap/files/bytes.h"
#include "neap/onnx/tensor.h"

namespace neap {
namespace {

constexpr int oldest_opset = 1, newest_opset = 28;
constexpr std::size_t most_errors = 20, most_nodes = 400'000, deepest_scope = 60;

const std::string not_read = "it could not be read";  // said once already, of the node that makes it

bool standard(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::string operator_name(const onnx::NodeProto& node) {
  return standard(node.domain()) ? node.op_type() : node.domain() + "." + node.op_type();
}

// Letters, digits and '_' stay; a letter stands first.
std::string symbol_name(const std::string& text) {
  std::string name;
  for (const char c : text.substr(0, 100)) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  if (name.empty() || std::isalpha(static_cast<unsigned char>(name[0])) == 0) name = "s" + name;
  return name == "floor" ? "floor_" : name;
}

// A name of the model as it may stand in texts, file names and comments.
std::string plain_name(const std::string& text) {
  std::string name;
  for (const char c : text.substr(0, 200)) name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == ':' ? c : '_';
  return name.empty() ? "unnamed" : name;
}

template <class Field>
std::vector<const onnx::NodeProto*> pointers(const Field& nodes) {
  std::vector<const onnx::NodeProto*> all;
  for (const auto& node : nodes) all.push_back(&node);
  return all;
}

// What to do where an initializer could not be read.
constexpr const char* no_elements =
    "fetch or write the model again; files of external data lie in its folder or below it, without links on the way";

}  // namespace

std::string node_place(const onnx::NodeProto& node, int opset) {
  const std::string who =
      node.name().empty() && node.output_size() > 0 ? "node that makes " + shown(node.output(0)) : "node " + shown(node.name());
  return fmt::format("{} ({}, opset {})", who, shown(operator_name(node)), opset);
}

ModelReader::ModelReader(const onnx::ModelProto& model, std::filesystem::path folder, const OnnxReadOptions& options,
                         const SymbolRules& rules)
    : model_(model), folder_(std::move(folder)), options_(options), rules_(rules), build_(graph_) {}

Graph ModelReader::read() {
  if (!model_.has_graph()) throw Error("the model has no graph", "", "the file is empty, damaged or of another kind");
  read_opsets();
  for (const auto& function : model_.functions()) functions_[{function.domain(), function.name()}] = &function;
  graph_.name = symbol_name(model_.graph().name());
  scopes_.push_back(std::make_unique<Scope>());
  read_initializers(model_.graph());
  read_inputs();
  std::vector<std::string> outputs;
  for (const auto& output : model_.graph().output()) outputs.push_back(output.name());
  run_nodes(pointers(model_.graph().node()), outputs);
  if (error_count_ > 0) fail_with_all();
  read_outputs();
  if (error_count_ > 0) fail_with_all();
  graph_.compact();
  return std::move(graph_);
}

void ModelReader::read_opsets() {
  for (const auto& opset : model_.opset_import()) {
    const std::string domain = standard(opset.domain()) ? "" : opset.domain();
    opsets_[domain] = std::max(opsets_[domain], opset.version());
  }
  if (opsets_.count("") == 0) {
    // Models without other domains come from a time when there was one opset; those that import only others use none of ONNX's.
    opsets_[""] = model_.opset_import_size() == 0 ? 1 : newest_opset;
  }
  if (opsets_[""] < oldest_opset || opsets_[""] > newest_opset) {
    throw Error(fmt::format("the model is of opset {}", opsets_[""]), "",
                fmt::format("opsets {} to {} are read; convert it with onnx.version_converter", oldest_opset, newest_opset));
  }
}

int ModelReader::opset_of(const std::string& domain) const {
  const auto found = opsets_.find(standard(domain) ? "" : domain);
  return found == opsets_.end() ? 1 : static_cast<int>(std::clamp<std::int64_t>(found->second, 0, 1000));
}

std::string ModelReader::fresh_name(const std::string& wanted) {
  std::string name = plain_name(wanted);
  for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", plain_name(wanted), i);
  return name;
}

void ModelReader::define(const std::string& name, OnnxValue value, const std::string& place) {
  if (!scopes_.back()->values.emplace(name, std::move(value)).second)
    throw Error(fmt::format("the value {} is there already", shown(name)), place);
}

OnnxValue* ModelReader::look_up(const std::string& name) {
  for (std::size_t i = scopes_.size(); i-- > 0;) {
    const auto found = scopes_[i]->values.find(name);
    if (found != scopes_[i]->values.end()) return &found->second;
    if (scopes_[i]->function) break;
  }
  return nullptr;
}

const onnx::AttributeProto* ModelReader::resolve(const onnx::AttributeProto& attribute) const {
  if (attribute.ref_attr_name().empty()) return &attribute;
  for (std::size_t i = scopes_.size(); i-- > 0;) {
    const auto found = scopes_[i]->attributes.find(attribute.ref_attr_name());
    if (found != scopes_[i]->attributes.end()) return found->second;
    if (scopes_[i]->function) break;
  }
  return nullptr;
}

void ModelReader::read_initializers(const onnx::GraphProto& graph) {
  if (graph.sparse_initializer_size() > 0) throw Error("sparse initializers are not supported", "graph " + shown(graph.name()));
  for (const auto& tensor : graph.initializer()) {
    const std::string place = "initializer " + shown(tensor.name());
    OnnxValue value;
    value.name = tensor.name();
    try {
      value.constant = read_tensor(tensor, folder_, place);
    } catch (const Error& error) {
      // Only a problem if somebody uses it; a string for a node that is not needed is none.
      value.failed = error.problem() + ", " + error.place();
    }
    define(tensor.name(), std::move(value), place);
  }
}

Dim ModelReader::symbol(const std::string& base) {
  symbols_.insert(base);
  const auto rule = rules_.find(base);
  if (rule == rules_.end()) return Dim::symbol(base);
  if (!rule->second.alias.empty()) return symbol(rule->second.alias);
  return Dim(rule->second.multiple) * Dim::symbol(fmt::format("{}_over_{}", base, rule->second.multiple));
}

Dim ModelReader::size_of_input(const onnx::ValueInfoProto& input, int axis, const std::string& name) {
  const auto& size = input.type().tensor_type().shape().dim(axis);
  // -1 is how some exporters write an open size.
  if (size.has_dim_value() && size.dim_value() != -1) {
    if (size.dim_value() < 0) throw Error(fmt::format("axis {} has size {}", axis, size.dim_value()), "input " + shown(input.name()));
    return size.dim_value();
  }
  const std::string base = symbol_name(size.dim_param().empty() ? fmt::format("{}_{}", name, axis) : size.dim_param());
  const auto given = options_.sizes.find(base);
  if (given == options_.sizes.end()) return symbol(base);
  std::map<std::string, Dim, std::less<>> values;
  for (const std::string& inner : given->second.symbols()) values.emplace(inner, symbol(inner));
  return given->second.substitute(values);
}

Type ModelReader::input_type(const onnx::ValueInfoProto& input, const std::string& name) {
  const std::string place = "input " + shown(input.name());
  if (!input.type().has_tensor_type()) throw Error("only tensors are supported as inputs", place);
  Type type;
  try {
    type.dtype = dtype_of_onnx(input.type().tensor_type().elem_type());
  } catch (const Error& error) {
    throw Error(error.problem(), place, error.remedy());
  }
  const auto given = options_.shapes.find(input.name());
  if (given != options_.shapes.end()) {
    type.shape = given->second;
  } else if (!input.type().tensor_type().has_shape()) {
    throw Error("the model gives no shape", place, "give one with the option `shapes`");
  } else {
    const int rank = input.type().tensor_type().shape().dim_size();
    if (rank > 64) throw Error(fmt::format("the input has {} axes", rank), place);
    for (int axis = 0; axis < rank; ++axis) type.shape.push_back(size_of_input(input, axis, name));
  }
  storage_bytes(type);  // Error where they cannot be counted
  return type;
}

void ModelReader::add_input(const onnx::ValueInfoProto& input) {
  const std::string place = "input " + shown(input.name());
  OnnxValue value;
  const auto known = options_.known.find(input.name());
  if (known != options_.known.end()) {
    const int declared = input.type().tensor_type().elem_type();
    if (declared != onnx_of_dtype(known->second.dtype()))
      throw Error(fmt::format("the model says {}, the elements given are {}", onnx_type_name(declared), name(known->second.dtype())),
                  place);
    value.constant = known->second;
  } else {
    const std::string name = fresh_name(input.name());
    value.var = build_.input(name, input_type(input, name));
  }
  define(input.name(), std::move(value), place);
}

void ModelReader::read_inputs() {
  for (const auto& input : model_.graph().input()) {
    // An initializer of the same name is the input's default; Neap takes it for good.
    if (scopes_.back()->values.count(input.name()) == 0) add_input(input);
  }
}

void ModelReader::read_outputs() {
  std::set<ValueId> taken;
  for (const Input& input : graph_.inputs) taken.insert(input.value);
  for (const auto& output : model_.graph().output()) {
    const std::string place = "output " + shown(output.name());
    OnnxValue* value = look_up(output.name());
    if (value == nullptr) throw Error("no node makes it", place);
    if (!value->failed.empty()) throw Error(value->failed, place, no_elements);
    Var result = materialise(build_, *value, place);
    const int declared = output.type().tensor_type().elem_type();
    if (output.type().has_tensor_type() && declared != 0 && declared != onnx_of_dtype(result.dtype()))
      throw Error(fmt::format("the model says {}, its nodes make {}", onnx_type_name(declared), name(result.dtype())), place);
    // What is an input or constant, or leaves twice, leaves as a copy.
    if (graph_.value(result.id()).constant || !taken.insert(result.id()).second) result = unary("identity", result);
    taken.insert(result.id());
    graph_.add_output(result.id(), fresh_name(output.name()));
  }
  if (graph_.outputs.empty()) throw Error("the model has no outputs");
}

Var ModelReader::materialise(Builder& build, OnnxValue& value, const std::string& place) {
  if (value.is_sequence) throw Error("a sequence stands where a tensor is expected", place);
  if (value.var && &value.var.build() == &build) return value.var;
  NEAP_ASSERT(!value.var || value.constant, " a tensor of another graph");
  if (value.known) {
    std::vector<Var> parts;
    for (const KnownNumber& x : value.known->elements) {
      const auto number = [&](const Dim& size) {
        return reshape(build.call("size_value", {}, {{"size", std::vector<Dim>{size}}, {"dtype", value.known->dtype}}), {1});
      };
      parts.push_back(x.denominator == Dim(1) ? number(x.numerator) : number(x.numerator) / number(x.denominator));
    }
    const Shape shape(value.known->sizes.begin(), value.known->sizes.end());
    const Var whole = parts.size() == 1 ? parts[0] : build.call("concat", parts, {{"axis", std::int64_t{0}}});
    return value.var = reshape(whole, shape);
  }
  NEAP_ASSERT(value.constant.has_value(), " a value without elements");
  if (&build != &build_) return build.constant(*value.constant);
  const bool trained = options_.parameters != nullptr && is_float(value.constant->dtype()) && value.constant->count() > 1;
  if (!trained) return value.var = build.constant(*value.constant);
  const Array& elements = *value.constant;
  const std::string name = fresh_name(value.name);
  value.parameter = true;
  value.var = build.input(name, type_of(elements), Role::parameter);
  options_.parameters->emplace(name, elements);
  return value.var;
}

void ModelReader::run_nodes(const Nodes& nodes, const std::vector<std::string>& outputs) {
  for (const onnx::NodeProto* node : order_nodes(nodes, outputs)) run_node(*node);
}

std::vector<OnnxValue> ModelReader::run_graph(const onnx::GraphProto& graph, std::vector<OnnxValue> inputs, const std::string& place) {
  if (scopes_.size() > deepest_scope) throw Error("graphs are nested too deeply", place);
  if (static_cast<int>(inputs.size()) != graph.input_size())
    throw Error(fmt::format("the inner graph has {} inputs, {} are given", graph.input_size(), inputs.size()), place);
  scopes_.push_back(std::make_unique<Scope>());
  std::vector<OnnxValue> results;
  try {
    for (int i = 0; i < graph.input_size(); ++i) define(graph.input(i).name(), std::move(inputs[static_cast<std::size_t>(i)]), place);
    read_initializers(graph);
    std::vector<std::string> outputs;
    for (const auto& output : graph.output()) outputs.push_back(output.name());
    run_nodes(pointers(graph.node()), outputs);
    for (const std::string& output : outputs) {
      const OnnxValue* value = look_up(output);
      if (value == nullptr) throw Error(fmt::format("no node makes {}", shown(output)), place);
      results.push_back(*value);
    }
  } catch (...) {
    scopes_.pop_back();
    throw;
  }
  scopes_.pop_back();
  return results;
}

const onnx::FunctionProto* ModelReader::function_of(const onnx::NodeProto& node) const {
  const auto found = functions_.find({node.domain(), node.op_type()});
  return found == functions_.end() ? nullptr : found->second;
}

void ModelReader::run_node(const onnx::NodeProto& node) {
  if (++nodes_run_ > most_nodes) throw Error(fmt::format("the model has more than {} nodes once its graphs are written out", most_nodes));
  const int opset = opset_of(node.domain());
  std::vector<OnnxValue*> inputs;
  bool failed = false;
  try {
    for (const std::string& name : node.input()) {
      OnnxValue* value = name.empty() ? nullptr : look_up(name);
      if (!name.empty() && value == nullptr)
        throw Error(fmt::format("input {} is made by no node", shown(name)), node_place(node, opset), "is the file whole?");
      if (value != nullptr && !value->failed.empty()) {
        failed = true;
        if (value->failed != not_read) throw Error(value->failed, node_place(node, opset), no_elements);
      }
      inputs.push_back(value);
    }
    const onnx::FunctionProto* function = function_of(node);
    if (!failed && function != nullptr) call_function(node, *function, inputs);
    if (!failed && function == nullptr) read_node(node, opset, inputs);
    if (!failed) return;
  } catch (const Error& error) {
    note_failure(error, node, inputs);
  } catch (const std::bad_alloc&) {
    note_failure(Error("there is no memory for it"), node, inputs);
  } catch (const std::out_of_range&) {
    note_failure(Error("an input has fewer elements than it needs"), node, inputs);
  } catch (const std::length_error&) {
    note_failure(Error("there is no memory for it"), node, inputs);
  }
  // Its users are not read either, and not complained about.
  for (const std::string& output : node.output()) {
    if (!output.empty()) scopes_.back()->values[output].failed = not_read;
  }
}

void ModelReader::read_node(const onnx::NodeProto& node, int opset, const std::vector<OnnxValue*>& inputs) {
  const OnnxReader* reader = find_onnx_reader(operator_name(node), opset);
  if (reader == nullptr) {
    const bool newer = find_onnx_reader(operator_name(node), newest_opset) != nullptr;
    throw Error(newer ? "this operator is not supported in this opset" : "this operator is not supported", node_place(node, opset),
                newer ? "convert the model to a newer opset" : "write the model with operators of ONNX that Neap reads in its place");
  }
  build_.set_origin({fmt::format("{}: {}", plain_name(node.name().empty() && node.output_size() > 0 ? node.output(0) : node.name()),
                                 plain_name(node.op_type()))});
  OnnxNode view(*this, build_, node, opset, inputs);
  std::vector<OnnxValue> results;
  if (fold_constants(node, opset, *reader, inputs, results)) {
    for (OnnxValue& result : results) view.give(std::move(result));
  } else if (!fold_known(view, *reader, inputs)) {
    reader->read(view);
    view.check_attributes();
  }
  for (int i = 0; i < view.output_count(); ++i) {
    if (!view.wants(i)) continue;
    if (i >= static_cast<int>(view.outputs().size())) view.fail(fmt::format("output {} is not supported", i));
    OnnxValue& output = view.outputs()[static_cast<std::size_t>(i)];
    if (output.var) storage_bytes(output.var.type());
    if (output.name.empty()) output.name = node.output(i);
    define(node.output(i), std::move(output), view.place());
  }
}

void ModelReader::call_function(const onnx::NodeProto& node, const onnx::FunctionProto& function, const std::vector<OnnxValue*>& inputs) {
  const std::string place = node_place(node, opset_of(node.domain()));
  if (scopes_.size() > deepest_scope) throw Error("functions are nested too deeply", place);
  if (static_cast<int>(inputs.size()) > function.input_size())
    throw Error(fmt::format("the function takes {} inputs, {} are given", function.input_size(), inputs.size()), place);
  auto scope = std::make_unique<Scope>();
  scope->function = true;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) scope->values.emplace(function.input(static_cast<int>(i)), *inputs[i]);
  }
  for (const auto& attribute : node.attribute()) {
    if (const onnx::AttributeProto* given = resolve(attribute)) scope->attributes[attribute.name()] = given;
  }
  scopes_.push_back(std::move(scope));
  std::vector<OnnxValue> results;
  const std::vector<std::string> outputs(function.output().begin(), function.output().end());
  try {
    run_nodes(pointers(function.node()), outputs);
    for (const std::string& output : outputs) {
      const OnnxValue* value = look_up(output);
      results.push_back(value == nullptr ? OnnxValue{.failed = not_read} : *value);
    }
  } catch (...) {
    scopes_.pop_back();
    throw;
  }
  scopes_.pop_back();
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    if (i >= static_cast<int>(results.size())) throw Error(fmt::format("the function has {} outputs", results.size()), place);
    define(node.output(i), std::move(results[static_cast<std::size_t>(i)]), place);
  }
}

void ModelReader::note_failure(const Error& error, const onnx::NodeProto& node, const std::vector<OnnxValue*>& inputs) {
  if (error_count_++ == 0) {
    failure_.position = nodes_run_;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (inputs[i] == nullptr || inputs[j] == nullptr || !inputs[i]->var || !inputs[j]->var) continue;
        const Shape &a = inputs[j]->var.shape(), &b = inputs[i]->var.shape();
        for (std::size_t k = 1; k <= std::min(a.size(), b.size()); ++k) {
          const Dim &x = a[a.size() - k], &y = b[b.size() - k];
          if (!(x == y) && !(x == Dim(1)) && !(y == Dim(1))) failure_.sizes.emplace_back(x, y);
        }
      }
    }
  }
  if (errors_.size() >= most_errors) return;
  const std::string place = node_place(node, opset_of(node.domain()));
  const bool placed = error.place().rfind("node ", 0) == 0;
  errors_.emplace_back(error.problem(), placed ? error.place() : place + (error.place().empty() ? "" : ", " + error.place()),
                       error.remedy());
}

void ModelReader::fail_with_all() const {
  if (error_count_ == 1) throw errors_[0];
  std::string problem = fmt::format("{} nodes could not be read:", error_count_);
  for (const Error& error : errors_) problem += fmt::format("\n  {}: {}", error.place(), error.problem());
  if (error_count_ > errors_.size()) problem += fmt::format("\n  and {} more", error_count_ - errors_.size());
  throw Error(problem, errors_[0].place(), errors_[0].remedy());
}

}  // namespace neap
