#include "neap/ops/operator.h"

#include <algorithm>
#include <map>

#include "neap/base/error.h"
#include "neap/base/suggestion.h"
#include "neap/ops/builder.h"

namespace neap {
namespace {

using Registry = std::map<std::string, Operator, std::less<>>;
Registry& registry() {
  static Registry operators;
  return operators;
}

std::string_view kind_name(const Attribute& attribute) {
  static constexpr std::string_view names[] = {"bool", "integer", "number", "text", "integers", "numbers", "sizes", "dtype"};
  return names[attribute.index()];
}

// Integers stand for numbers and for sizes where those are wanted.
bool coerce(Attribute& given, const Attribute& wanted) {
  if (given.index() == wanted.index()) return true;
  if (std::holds_alternative<double>(wanted) && std::holds_alternative<std::int64_t>(given)) {
    given = static_cast<double>(std::get<std::int64_t>(given));
    return true;
  }
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&given)) {
    if (std::holds_alternative<std::vector<Dim>>(wanted)) {
      given = std::vector<Dim>(integers->begin(), integers->end());
      return true;
    }
    if (std::holds_alternative<std::vector<double>>(wanted)) {
      given = std::vector<double>(integers->begin(), integers->end());
      return true;
    }
  }
  return false;
}

}  // namespace

Register::Register(Operator op) {
  NEAP_ASSERT((op.define != nullptr) != (op.compose != nullptr), " operator {} needs one definition", op.name);
  std::string name = op.name;
  const bool fresh = registry().emplace(std::move(name), std::move(op)).second;
  NEAP_ASSERT(fresh, " an operator of this name is there already");
}

const Operator* find_operator_or_null(std::string_view name) {
  const auto found = registry().find(name);
  return found == registry().end() ? nullptr : &found->second;
}

const Operator& find_operator(std::string_view name) {
  if (const Operator* op = find_operator_or_null(name)) return *op;
  throw Error(fmt::format("there is no operator '{}'", name), "", suggestion_among(name, registry()));
}

std::vector<const Operator*> all_operators() {
  std::vector<const Operator*> all;
  for (const auto& [name, op] : registry()) all.push_back(&op);
  return all;
}

Call::Call(const Operator& op, std::vector<Type> inputs, std::vector<bool> present, Attributes attributes)
    : op_(&op), inputs_(std::move(inputs)), present_(std::move(present)), attributes_(std::move(attributes)) {
  const bool variadic = !op.inputs.empty() && op.inputs.back().kind == InputSpec::variadic;
  if (!variadic && inputs_.size() > op.inputs.size()) fail(fmt::format("takes at most {} operands", op.inputs.size()));
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const bool there = i < inputs_.size() && present_[i];
    if (!there && op.inputs[i].kind != InputSpec::optional) fail(fmt::format("operand '{}' is missing", op.inputs[i].name));
  }
  for (std::size_t i = op.inputs.size(); i < inputs_.size(); ++i) {  // more of a variadic one
    if (!present_[i]) fail(fmt::format("operand {} is missing", i));
  }
  for (auto& [name, value] : attributes_) {
    const auto spec =
        std::find_if(op.attributes.begin(), op.attributes.end(), [&name = name](const AttributeSpec& s) { return s.name == name; });
    if (spec == op.attributes.end()) {
      std::string known;
      for (const AttributeSpec& s : op.attributes) known += (known.empty() ? "" : ", ") + s.name;
      fail(fmt::format("has no attribute '{}'", name), known.empty() ? "it takes none" : "it takes " + known);
    }
    if (!coerce(value, spec->default_value)) {
      fail(fmt::format("attribute '{}' is of kind {}, not {}", name, kind_name(value), kind_name(spec->default_value)));
    }
  }
  for (const AttributeSpec& spec : op.attributes) {
    if (attributes_.count(spec.name) != 0) continue;
    if (spec.required) fail(fmt::format("attribute '{}' is missing", spec.name), spec.about);
    attributes_.emplace(spec.name, spec.default_value);
  }
}

const Type& Call::input(int index) const {
  NEAP_ASSERT(has(index), " operand {} of {} is absent", index, op_->name);
  return inputs_[static_cast<std::size_t>(index)];
}

const Dim& Call::size(int index, int axis) const {
  const Type& type = input(index);
  const int at = axis < 0 ? axis + type.rank() : axis;
  if (at < 0 || at >= type.rank()) fail(fmt::format("operand {} has no axis {}", index, axis));
  return type.shape[static_cast<std::size_t>(at)];
}

namespace {
template <class T>
const T& get(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  NEAP_ASSERT(found != attributes.end() && std::holds_alternative<T>(found->second), " attribute {}", name);
  return std::get<T>(found->second);
}
}  // namespace

bool Call::flag(std::string_view name) const { return get<bool>(attributes_, name); }
std::int64_t Call::integer(std::string_view name) const { return get<std::int64_t>(attributes_, name); }
double Call::number(std::string_view name) const { return get<double>(attributes_, name); }
const std::string& Call::text(std::string_view name) const { return get<std::string>(attributes_, name); }
const std::vector<std::int64_t>& Call::integers(std::string_view name) const { return get<std::vector<std::int64_t>>(attributes_, name); }
const std::vector<double>& Call::numbers(std::string_view name) const { return get<std::vector<double>>(attributes_, name); }
const std::vector<Dim>& Call::dims(std::string_view name) const { return get<std::vector<Dim>>(attributes_, name); }
DType Call::dtype(std::string_view name) const { return get<DType>(attributes_, name); }

int Call::axis(std::string_view name, int rank) const {
  const std::int64_t given = integer(name), axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank)
    fail(fmt::format("{} {} is not an axis of rank {}", name, given, rank), fmt::format("use {} to {}", -rank, rank - 1));
  return static_cast<int>(axis);
}

std::vector<int> Call::axes(std::string_view name, int rank) const {
  std::vector<int> axes;
  for (const std::int64_t given : integers(name)) {
    const std::int64_t axis = given < 0 ? given + rank : given;
    if (axis < 0 || axis >= rank) fail(fmt::format("{} {} is not an axis of rank {}", name, given, rank));
    axes.push_back(static_cast<int>(axis));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) fail(fmt::format("{} names an axis twice", name));
  if (axes.empty()) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  return axes;
}

std::string Call::describe() const {
  std::string text = op_->name + "(";
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    text += (i == 0 ? "" : ", ") + (present_[i] ? inputs_[i].to_string() : "_");
  }
  return text + ")";
}

void Call::fail(const std::string& problem, const std::string& remedy) const {
  throw Error(op_->name + ": " + problem, describe(), remedy);
}

Axis Definition::axis(std::string name, Dim extent) {
  Axis made{next_axis_++, std::move(name), std::move(extent), nullptr};
  made_.map.axes.push_back(made);
  return made;
}

Axis Definition::over(std::string name, Dim extent) { return {next_axis_++, std::move(name), std::move(extent), nullptr}; }

Axis Definition::over_ragged(std::string name, Dim extent, Expr begin, Expr end) {
  return {next_axis_++, std::move(name), std::move(extent),
          std::make_shared<const std::pair<Expr, Expr>>(std::move(begin), std::move(end))};
}

Axis Definition::axis_ragged(std::string name, Dim extent, Expr begin, Expr end) {
  made_.map.axes.push_back(over_ragged(std::move(name), std::move(extent), std::move(begin), std::move(end)));
  return made_.map.axes.back();
}

std::vector<Axis> Definition::axes_like(int input, std::string_view prefix) {
  std::vector<Axis> axes;
  int i = 0;
  for (const Dim& extent : call_.input(input).shape) axes.push_back(axis(fmt::format("{}{}", prefix, i++), extent));
  return axes;
}

Expr Definition::read(int input, const std::vector<Expr>& index, Expr outside) const {
  if (static_cast<int>(index.size()) != call_.input(input).rank()) {
    call_.fail(fmt::format("operand '{}' has rank {}, not {}", call_.op().inputs[static_cast<std::size_t>(input)].name,
                           call_.input(input).rank(), index.size()));
  }
  return neap::read(input, dtype(input), index, std::move(outside));
}

std::vector<Expr> positions(const std::vector<Axis>& axes) {
  std::vector<Expr> all;
  for (const Axis& axis : axes) all.push_back(axis_position(axis));
  return all;
}

void Definition::output(DType dtype, const std::vector<Axis>& axes, const Expr& value) {
  Type type{dtype, {}, {}};
  for (const Axis& axis : axes) type.shape.push_back(axis.extent);
  scatter(std::move(type), positions(axes), value, Accumulate::none);
}

void Definition::scatter(Type type, const std::vector<Expr>& index, const Expr& value, Accumulate accumulate) {
  if (accumulate != Accumulate::none && type.dtype == DType::boolean) call_.fail("does not accumulate bool", "cast the operand");
  Stage stage;
  stage.target = static_cast<int>(made_.outputs.size());
  stage.index = index;
  stage.value = neap::cast(value, type.dtype);
  stage.accumulate = accumulate;
  made_.outputs.push_back(std::move(type));
  made_.map.stages.push_back(std::move(stage));
}

Primitive Definition::finish() {
  NEAP_ASSERT(!made_.outputs.empty(), " operator {} defines no output", call_.op().name);
  return std::move(made_);
}

std::vector<Type> types_of(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<Type> types;
  for (const ValueId id : values) types.push_back(id == no_value ? Type{} : graph.type(id));
  return types;
}

Call make_call(const Graph& graph, const Node& node) {
  std::vector<Type> types;
  std::vector<bool> present;
  const std::size_t own = node.epilogue == nullptr ? node.inputs.size() : static_cast<std::size_t>(node.epilogue_first);
  for (std::size_t i = 0; i < own; ++i) {
    const ValueId id = node.inputs[i];
    present.push_back(id != no_value);
    types.push_back(id == no_value ? Type{} : graph.type(id));
  }
  return {find_operator(node.op), std::move(types), std::move(present), node.attributes};
}

Primitive define(const Call& call) {
  NEAP_ASSERT(call.op().define != nullptr, " {} is a composite", call.op().name);
  Definition definition(call);
  call.op().define(definition);
  return definition.finish();
}

std::vector<Type> infer(const Call& call) {
  if (call.op().define != nullptr) return define(call).outputs;
  if (call.op().shape != nullptr) return call.op().shape(call);
  Graph scratch;
  Builder build(scratch);
  std::vector<Var> inputs;
  for (int i = 0; i < call.input_count(); ++i) {
    inputs.push_back(call.has(i) ? build.input(fmt::format("x{}", i), call.input(i)) : Var());
  }
  std::vector<Type> types;
  for (const Var& output : call.op().compose(build, inputs, call)) types.push_back(output.type());
  return types;
}

}  // namespace neap
