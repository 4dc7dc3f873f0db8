// One node of a model: its inputs, attributes and errors.
#include <onnx.pb.h>

#include <algorithm>

#include "neap/files/bytes.h"
#include "neap/onnx/model_reader.h"
#include "neap/onnx/reader.h"
#include "neap/onnx/tensor.h"

namespace neap {

using Kind = onnx::AttributeProto;

OnnxNode::OnnxNode(ModelReader& reader, Builder& build, const onnx::NodeProto& proto, int opset, std::vector<OnnxValue*> inputs)
    : reader_(&reader), build_(&build), proto_(&proto), opset_(opset), inputs_(std::move(inputs)) {
  while (!inputs_.empty() && inputs_.back() == nullptr) inputs_.pop_back();
}

const std::string& OnnxNode::type() const { return proto_->op_type(); }

std::string OnnxNode::place() const { return node_place(*proto_, opset_); }

void OnnxNode::fail(const std::string& problem, const std::string& remedy) const { throw Error(problem, place(), remedy); }

int OnnxNode::output_count() const {
  int count = proto_->output_size();
  while (count > 0 && proto_->output(count - 1).empty()) --count;
  return count;
}
bool OnnxNode::wants(int output) const { return output < proto_->output_size() && !proto_->output(output).empty(); }

const OnnxValue& OnnxNode::value(int input) const {
  if (!has(input)) fail(fmt::format("input {} is missing", input));
  return *inputs_[static_cast<std::size_t>(input)];
}

Var OnnxNode::input(int input) const {
  value(input);
  return reader_->materialise(*build_, *inputs_[static_cast<std::size_t>(input)], place());
}

Var OnnxNode::tensor_of(OnnxValue& value) const { return reader_->materialise(*build_, value, place()); }

std::vector<Var> OnnxNode::inputs() const {
  std::vector<Var> all;
  for (int i = 0; i < input_count(); ++i) all.push_back(has(i) ? input(i) : Var());
  return all;
}

Type OnnxNode::type(int input) const {
  const OnnxValue& it = value(input);
  if (it.constant) return type_of(*it.constant);
  if (it.known) return {it.known->dtype, Shape(it.known->sizes.begin(), it.known->sizes.end()), {}};
  return this->input(input).type();
}

std::optional<Array> OnnxNode::constant_or_none(int input) const {
  const OnnxValue& it = value(input);
  if (it.constant && !it.parameter) return it.constant;
  if (it.known && it.known->is_constant()) return array_of(*it.known);
  return std::nullopt;
}

namespace {
std::string unknown_input(const OnnxNode& node, int input) {
  return fmt::format("input {} ({}) must be known when the model is read", input, shown(node.proto().input(input)));
}
constexpr const char* known_remedy = "give its elements with the option `known` if it is an input of the model";
}  // namespace

Array OnnxNode::constant(int input) const {
  if (std::optional<Array> elements = constant_or_none(input)) return *elements;
  fail(unknown_input(*this, input), known_remedy);
}

std::vector<std::int64_t> OnnxNode::integers(int input) const {
  const Array elements = constant(input);
  if (is_float(elements.dtype())) fail(fmt::format("input {} is {}, integers are expected", input, name(elements.dtype())));
  if (elements.count() > most_known_elements) fail(fmt::format("input {} has {} elements", input, elements.count()));
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < elements.count(); ++i) all.push_back(elements.get_int(i));
  return all;
}

std::vector<double> OnnxNode::numbers(int input) const {
  const Array elements = constant(input);
  if (elements.count() > most_known_elements) fail(fmt::format("input {} has {} elements", input, elements.count()));
  std::vector<double> all;
  for (std::int64_t i = 0; i < elements.count(); ++i) all.push_back(elements.get(i));
  return all;
}

std::optional<KnownTensor> OnnxNode::known(int input) const {
  const OnnxValue& it = value(input);
  if (it.known) return it.known;
  if (it.constant && !it.parameter) return known_tensor(*it.constant);
  return std::nullopt;
}

std::vector<Dim> OnnxNode::sizes(int input) const {
  const std::optional<KnownTensor> elements = known(input);
  if (!elements) fail(unknown_input(*this, input), known_remedy);
  if (is_float(elements->dtype)) fail(fmt::format("input {} is {}, integers are expected", input, name(elements->dtype)));
  std::vector<Dim> all;
  for (const KnownNumber& x : elements->elements) all.push_back(x.numerator);
  return all;
}

const onnx::AttributeProto* OnnxNode::find(const char* attribute) const {
  for (const auto& given : proto_->attribute()) {
    if (given.name() != attribute) continue;
    asked_.push_back(&given);
    return reader_->resolve(given);
  }
  return nullptr;
}

const onnx::AttributeProto* OnnxNode::find(const char* attribute, int kind, const char* kind_name) const {
  const onnx::AttributeProto* found = find(attribute);
  if (found != nullptr && found->type() != kind && found->type() != Kind::UNDEFINED)
    fail(fmt::format("attribute '{}' is not of kind {}", attribute, kind_name));
  return found;
}

bool OnnxNode::has(const char* attribute) const {
  return std::any_of(proto_->attribute().begin(), proto_->attribute().end(),
                     [&](const onnx::AttributeProto& given) { return given.name() == attribute && reader_->resolve(given) != nullptr; });
}
std::int64_t OnnxNode::integer(const char* attribute, std::int64_t otherwise) const {
  const auto* found = find(attribute, Kind::INT, "integer");
  return found == nullptr ? otherwise : found->i();
}
double OnnxNode::number(const char* attribute, double otherwise) const {
  const auto* found = find(attribute, Kind::FLOAT, "float");
  return found == nullptr ? otherwise : static_cast<double>(found->f());
}
std::string OnnxNode::text(const char* attribute, const std::string& otherwise) const {
  const auto* found = find(attribute, Kind::STRING, "string");
  return found == nullptr ? otherwise : found->s();
}
std::vector<std::int64_t> OnnxNode::integers(const char* attribute, const std::vector<std::int64_t>& otherwise) const {
  const auto* found = find(attribute, Kind::INTS, "integers");
  return found == nullptr ? otherwise : std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
}
std::vector<double> OnnxNode::numbers(const char* attribute, const std::vector<double>& otherwise) const {
  const auto* found = find(attribute, Kind::FLOATS, "floats");
  return found == nullptr ? otherwise : std::vector<double>(found->floats().begin(), found->floats().end());
}
std::vector<std::string> OnnxNode::texts(const char* attribute) const {
  const auto* found = find(attribute, Kind::STRINGS, "strings");
  return found == nullptr ? std::vector<std::string>() : std::vector<std::string>(found->strings().begin(), found->strings().end());
}
std::optional<Array> OnnxNode::tensor(const char* attribute) const {
  const auto* found = find(attribute, Kind::TENSOR, "tensor");
  if (found == nullptr) return std::nullopt;
  return read_tensor(found->t(), reader_->folder(), place());
}
DType OnnxNode::dtype(const char* attribute, DType otherwise) const {
  const auto* found = find(attribute, Kind::INT, "integer");
  if (found == nullptr) return otherwise;
  try {
    return dtype_of_onnx(found->i() < 0 || found->i() > 1000 ? -1 : static_cast<int>(found->i()));
  } catch (const Error& error) {
    fail(error.problem(), error.remedy());
  }
}
const onnx::GraphProto* OnnxNode::graph(const char* attribute) const {
  const auto* found = find(attribute, Kind::GRAPH, "graph");
  return found == nullptr ? nullptr : &found->g();
}

int OnnxNode::axis(std::int64_t given, int rank) const {
  const std::int64_t at = given < 0 ? given + rank : given;
  if (at < 0 || at >= rank) fail(fmt::format("axis {} is none of the {} axes", given, rank));
  return static_cast<int>(at);
}

std::vector<std::int64_t> OnnxNode::axes(const std::vector<std::int64_t>& given, int rank) const {
  std::vector<std::int64_t> all;
  for (const std::int64_t one : given) {
    const std::int64_t at = axis(one, rank);
    if (std::find(all.begin(), all.end(), at) != all.end()) fail(fmt::format("axis {} stands twice", one));
    all.push_back(at);
  }
  return all;
}

void OnnxNode::give(KnownTensor known) {
  OnnxValue value;
  if (known.is_constant()) {
    value.constant = array_of(known);
  } else {
    value.known = std::move(known);
  }
  give(std::move(value));
}

void OnnxNode::check_attributes() const {
  for (const auto& given : proto_->attribute()) {
    if (std::find(asked_.begin(), asked_.end(), &given) == asked_.end())
      fail(fmt::format("attribute {} is not known", shown(given.name())));
  }
}

}  // namespace neap
