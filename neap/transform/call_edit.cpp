#include "neap/transform/call_edit.h"

#include <algorithm>
#include <array>

#include "neap/base/error.h"

namespace neap {

bool is_call_of(const Node& node, std::string_view op) { return !node.is_map() && node.implementation.empty() && node.op == op; }

namespace {

Node call_node(const Draft& draft, std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes, Type& result) {
  Node node;
  node.op = std::string(op);
  node.inputs = inputs;
  node.attributes = std::move(attributes);
  const Call call = make_call(draft.shell(), node);
  std::vector<Type> types = infer(call);
  NEAP_ASSERT(types.size() == 1, " {} has {} results", op, types.size());
  result = std::move(types[0]);
  // Only what differs from the defaults is written, as a builder does.
  std::erase_if(node.attributes, [&](const auto& attribute) {
    const auto& specs = call.op().attributes;
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const AttributeSpec& s) { return s.name == attribute.first; });
    return !spec->required && spec->default_value == attribute.second;
  });
  return node;
}

}  // namespace

int maker(const Draft& draft, ValueId value, std::string_view op) {
  const int at = draft.producer(value);
  return at >= 0 && is_call_of(draft.node(at), op) ? at : -1;
}

int call_at(const Draft& draft, const std::vector<ValueId>& site, std::string_view op) {
  return site.size() == 1 ? maker(draft, site[0], op) : -1;
}

Call call_of(const Draft& draft, int at) { return make_call(draft.shell(), draft.node(at)); }

std::vector<Site> calls_reading(const Draft& draft, std::string_view op, std::string_view operand) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    const auto is_made = [&](ValueId id) { return id != no_value && maker(draft, id, operand) >= 0; };
    if (node.op == op && std::any_of(node.inputs.begin(), node.inputs.end(), is_made)) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

bool used_once(const Draft& draft, ValueId value) { return draft.users(value).size() == 1 && !draft.is_output(value); }

std::optional<double> uniform_value(const Draft& draft, ValueId value) {
  if (value == no_value) return std::nullopt;
  if (const auto& elements = draft.value(value).constant) {
    if (elements->count() == 0) return std::nullopt;
    const double first = elements->get(0);
    for (std::int64_t i = 1; i < elements->count(); ++i) {
      if (elements->get(i) != first) return std::nullopt;
    }
    return first;
  }
  static constexpr std::array<std::string_view, 3> movers = {"expand", "reshape", "transpose"};
  const int at = draft.producer(value);
  if (at < 0 || draft.node(at).is_map()) return std::nullopt;
  const bool moves = std::find(movers.begin(), movers.end(), draft.node(at).op) != movers.end();
  return moves ? uniform_value(draft, draft.node(at).inputs[0]) : std::nullopt;
}

ValueId insert_call(Draft& draft, int before, std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes) {
  Type type;
  Node node = call_node(draft, op, inputs, std::move(attributes), type);
  node.origin = draft.node(before).origin;
  node.outputs = {draft.add_value(type)};
  const ValueId result = node.outputs[0];
  draft.insert(std::move(node), before);
  return result;
}

void become_call(Draft& draft, int at, std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes) {
  Type type;
  Node node = call_node(draft, op, inputs, std::move(attributes), type);
  const Node& old = draft.node(at);
  NEAP_ASSERT(old.outputs.size() == 1 && type == draft.type(old.outputs[0]), " {} is {}, not {}", op, type.to_string(),
              draft.type(old.outputs[0]).to_string());
  node.origin = old.origin;
  node.outputs = old.outputs;
  const std::vector<ValueId> unused = old.inputs;
  draft.replace(at, std::move(node));
  for (const ValueId id : unused) {
    if (id != no_value && draft.producer(id) >= 0) draft.erase_unused(draft.producer(id));
  }
}

ValueId number_constant(Draft& draft, DType dtype, double value) { return draft.add_constant(Array::full(dtype, {}, value)); }

bool describe_view(const std::vector<Expr>& index, const std::vector<int>& axes, const std::string& name, Attributes& attributes) {
  Shape begin, steps;
  for (const Expr& position : index) {
    const Affine place = affine(position);
    if (!place.affine) return false;
    begin.push_back(place.rest);
    for (const int axis : axes) {
      const auto found = place.coefficients.find(axis);
      steps.push_back(found == place.coefficients.end() ? Dim(0) : found->second);
    }
  }
  attributes[name + "_begin"] = std::move(begin);
  attributes[name + "_steps"] = std::move(steps);
  return true;
}

void pass_over(Draft& draft, int at, ValueId value) {
  draft.rebind(draft.node(at).outputs[0], value);
  draft.erase_unused(at);
}

}  // namespace neap
