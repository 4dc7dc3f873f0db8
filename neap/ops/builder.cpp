#include "neap/ops/builder.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/ir/map_walk.h"
#include "neap/ir/value_copies.h"

namespace neap {
namespace {

std::vector<std::string> origin_of(const std::string& scope, std::string_view op) {
  return {scope.empty() ? std::string(op) : scope + ": " + std::string(op)};
}

Type row_major(Type type) {
  type.layout = {};
  return type;
}

}  // namespace

const Type& Var::type() const {
  NEAP_ASSERT(build_ != nullptr && id_ != no_value, " an empty Var has no type");
  return build_->graph().type(id_);
}

const Dim& Var::size(int axis) const {
  const int at = axis < 0 ? axis + rank() : axis;
  if (at < 0 || at >= rank()) throw Error(fmt::format("no axis {} in {}", axis, type().to_string()));
  return shape()[static_cast<std::size_t>(at)];
}

Var Builder::input(std::string name, Type type, Role role) { return wrap(graph_->add_input(std::move(name), std::move(type), role)); }
Var Builder::constant(Array elements) { return wrap(graph_->add_constant(std::move(elements))); }

Var Builder::constant(DType dtype, double value) {
  const auto key = std::make_pair(static_cast<int>(dtype), value);
  const auto found = numbers_.find(key);
  if (found != numbers_.end() && graph_->has_value(found->second)) return wrap(found->second);
  const Var made = constant(Array::full(dtype, {}, value));
  if (value == value) numbers_[key] = made.id();
  return made;
}

Var Builder::full(DType dtype, const Shape& shape, double value) { return neap::expand(constant(dtype, value), shape); }
Var Builder::zeros_like(const Var& like) { return full(like.dtype(), like.shape(), 0); }

std::vector<Var> Builder::calls(std::string_view op, const std::vector<Var>& inputs, Attributes attributes) {
  std::vector<Type> types;
  std::vector<bool> present;
  Node node;
  std::size_t last = inputs.size();
  while (last > 0 && !inputs[last - 1]) --last;
  for (std::size_t i = 0; i < last; ++i) {
    const Var& input = inputs[i];
    node.inputs.push_back(input.id());
    present.push_back(static_cast<bool>(input));
    types.push_back(input ? row_major(input.type()) : Type{});
  }
  const Call call(find_operator(op), std::move(types), std::move(present), std::move(attributes));
  node.op = call.op().name;
  // Only what differs from the defaults is written, so that texts stay short and a changed default is seen.
  for (const auto& [name, value] : call.attributes()) {
    const auto spec = std::find_if(call.op().attributes.begin(), call.op().attributes.end(),
                                   [&, n = name](const AttributeSpec& s) { return s.name == n; });
    if (spec->required || !(spec->default_value == value)) node.attributes.emplace(name, value);
  }
  node.origin = origin_.empty() ? origin_of(scope_, op) : origin_;
  std::vector<Var> outputs;
  for (Type& type : infer(call)) {
    node.outputs.push_back(graph_->add_value(row_major(std::move(type))));
    outputs.push_back(wrap(node.outputs.back()));
  }
  graph_->append(std::move(node));
  return outputs;
}

Var Builder::call(std::string_view op, const std::vector<Var>& inputs, Attributes attributes) {
  return calls(op, inputs, std::move(attributes)).front();
}

std::vector<Var> Builder::inline_graph(const Graph& body, const std::vector<Var>& inputs) {
  NEAP_ASSERT(inputs.size() == body.inputs.size(), " {} inputs for {}", inputs.size(), body.name);
  ValueCopies copies(body, *graph_);
  for (std::size_t i = 0; i < inputs.size(); ++i) copies.bind(body.inputs[i].value, inputs[i].id());
  for (const NodePtr& node : body.nodes()) {
    Node copy = copies.of(*node);
    if (!origin_.empty()) copy.origin = origin_;
    graph_->append(std::move(copy));
  }
  std::vector<Var> outputs;
  for (const Output& output : body.outputs) outputs.push_back(wrap(copies.of(output.value)));
  return outputs;
}

std::vector<Var> Builder::expand(const Call& call, const std::vector<Var>& inputs) {
  NEAP_ASSERT(call.op().compose != nullptr, " {} is a primitive", call.op().name);
  return call.op().compose(*this, inputs, call);
}

Var Builder::map(Map map, Type type, const std::vector<Var>& inputs) {
  Node node;
  node.map = std::make_shared<const Map>(std::move(map));
  for (const Var& input : inputs) node.inputs.push_back(input.id());
  node.origin = origin_.empty() ? origin_of(scope_, "map") : origin_;
  node.outputs = {graph_->add_value(std::move(type))};
  const Var output = wrap(node.outputs[0]);
  graph_->append(std::move(node));
  return output;
}

namespace {
Var binary(std::string_view op, const Var& a, const Var& b) { return a.build().call(op, {a, b}); }
Var number_like(const Var& like, double value) { return like.build().constant(like.dtype(), value); }
}  // namespace

Var operator+(const Var& a, const Var& b) { return binary("add", a, b); }
Var operator-(const Var& a, const Var& b) { return binary("sub", a, b); }
Var operator*(const Var& a, const Var& b) { return binary("mul", a, b); }
Var operator/(const Var& a, const Var& b) { return binary("div", a, b); }
Var operator-(const Var& a) { return unary("neg", a); }
Var operator+(const Var& a, double b) { return a + number_like(a, b); }
Var operator-(const Var& a, double b) { return a - number_like(a, b); }
Var operator*(const Var& a, double b) { return a * number_like(a, b); }
Var operator/(const Var& a, double b) { return a / number_like(a, b); }
Var operator+(double a, const Var& b) { return number_like(b, a) + b; }
Var operator-(double a, const Var& b) { return number_like(b, a) - b; }
Var operator*(double a, const Var& b) { return number_like(b, a) * b; }
Var operator/(double a, const Var& b) { return number_like(b, a) / b; }
Var unary(std::string_view op, const Var& x) { return x.build().call(op, {x}); }
Var exp(const Var& x) { return unary("exp", x); }
Var log(const Var& x) { return unary("log", x); }
Var sqrt(const Var& x) { return unary("sqrt", x); }
Var tanh(const Var& x) { return unary("tanh", x); }
Var sigmoid(const Var& x) { return unary("sigmoid", x); }

namespace {
Var reduce_call(std::string_view op, const Var& x, const std::vector<std::int64_t>& axes, bool keep) {
  return x.build().call(op, {x}, {{"axes", axes}, {"keep", keep}});
}
}  // namespace
Var sum(const Var& x, const std::vector<std::int64_t>& axes, bool keep) { return reduce_call("sum", x, axes, keep); }
Var mean(const Var& x, const std::vector<std::int64_t>& axes, bool keep) { return reduce_call("mean", x, axes, keep); }
Var max(const Var& x, const std::vector<std::int64_t>& axes, bool keep) { return reduce_call("max", x, axes, keep); }
Var reshape(const Var& x, const Shape& shape) { return x.shape() == shape ? x : x.build().call("reshape", {x}, {{"shape", shape}}); }
Var transpose(const Var& x, const std::vector<std::int64_t>& permutation) {
  return x.build().call("transpose", {x}, {{"permutation", permutation}});
}
Var expand(const Var& x, const Shape& shape) { return x.shape() == shape ? x : x.build().call("expand", {x}, {{"shape", shape}}); }

Var reduce_to(const Var& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int extra = x.rank() - static_cast<int>(shape.size());
  std::vector<std::int64_t> axes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis < extra || !(x.size(axis) == shape[static_cast<std::size_t>(axis - extra)])) axes.push_back(axis);
  }
  return reshape(sum(x, axes), shape);
}

Var cast(const Var& x, DType dtype) { return x.dtype() == dtype ? x : x.build().call("cast", {x}, {{"dtype", dtype}}); }
Var matmul(const Var& a, const Var& b) { return binary("matmul", a, b); }
Var where(const Var& condition, const Var& a, const Var& b) { return a.build().call("where", {condition, a, b}); }

namespace {

// Copies a graph's shell (inputs, constants) into `to` and gives each node to `f`, which appends what stands in its place.
template <class F>
Graph transcribe(const Graph& from, F&& f) {
  Graph to;
  to.name = from.name;
  Builder build(to);
  std::map<ValueId, ValueId> renamed;
  for (const Input& input : from.inputs) renamed[input.value] = to.add_input(input.name, from.type(input.value), input.role);
  const auto rename = [&](ValueId id) {
    if (id == no_value) return no_value;
    const auto found = renamed.find(id);
    if (found != renamed.end()) return found->second;
    const Value& value = from.value(id);
    NEAP_ASSERT(value.constant.has_value(), " value {} is used before it is made", id);
    return renamed[id] = to.add_constant(*value.constant, value.name, value.type.layout);
  };
  for (const NodePtr& node : from.nodes()) {
    std::vector<Var> inputs;
    for (const ValueId id : node->inputs) inputs.push_back(build.wrap(rename(id)));
    build.set_origin(node->origin);
    std::vector<ValueId> outputs = f(build, *node, inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      renamed[node->outputs[i]] = outputs[i];
      const std::string& name = from.value(node->outputs[i]).name;
      if (!name.empty()) to.set_name(outputs[i], name);
    }
  }
  for (const Output& output : from.outputs) to.add_output(rename(output.value), output.name, output.updates);
  return to;
}

std::vector<ValueId> copy_node(Builder& build, const Graph& from, const Node& node, const std::vector<Var>& inputs) {
  Node copy = node;
  for (std::size_t i = 0; i < inputs.size(); ++i) copy.inputs[i] = inputs[i].id();
  for (ValueId& id : copy.outputs) id = build.graph().add_value(from.type(id));
  std::vector<ValueId> outputs = copy.outputs;
  build.graph().append(std::move(copy));
  return outputs;
}

std::vector<ValueId> ids(const std::vector<Var>& vars) {
  std::vector<ValueId> all;
  for (const Var& var : vars) all.push_back(var.id());
  return all;
}

// A map has no absent operands: reads of a call's operands become reads of those that are there.
Map of_present(Map map, const std::vector<Var>& inputs) {
  std::vector<int> number;
  int present = 0;
  for (const Var& input : inputs) number.push_back(input ? present++ : -1);
  if (present == static_cast<int>(inputs.size())) return map;
  renumber_reads(map, [&](std::int64_t operand) { return operand < 0 ? operand : number[static_cast<std::size_t>(operand)]; });
  return map;
}

bool is_composite(const Node& node) { return !node.is_map() && find_operator(node.op).compose != nullptr; }

}  // namespace

Graph expand_composites(const Graph& graph, const std::function<bool(const Node&)>& keep) {
  const auto stays = [&](const Node& node) {
    return !is_composite(node) || !node.implementation.empty() || (keep != nullptr && keep(node));
  };
  Graph current = graph;
  while (!std::all_of(current.nodes().begin(), current.nodes().end(), [&](const NodePtr& node) { return stays(*node); })) {
    current = transcribe(current, [&](Builder& build, const Node& node, const std::vector<Var>& inputs) {
      if (stays(node)) return copy_node(build, current, node, inputs);
      return ids(build.expand(make_call(current, node), inputs));
    });
  }
  return current;
}

Graph lower_to_maps(const Graph& graph) {
  const Graph primitives = expand_composites(graph);
  return transcribe(primitives, [&](Builder& build, const Node& node, const std::vector<Var>& inputs) {
    if (node.is_map() || !node.implementation.empty()) return copy_node(build, primitives, node, inputs);
    Node lowered;
    lowered.origin = node.origin;
    lowered.map = std::make_shared<const Map>(of_present(define(make_call(primitives, node)).map, inputs));
    for (const Var& input : inputs) {
      if (input) lowered.inputs.push_back(input.id());
    }
    for (const ValueId id : node.outputs) lowered.outputs.push_back(build.graph().add_value(primitives.type(id)));
    std::vector<ValueId> outputs = lowered.outputs;
    build.graph().append(std::move(lowered));
    return outputs;
  });
}

}  // namespace neap
