// Takes out calls that give back what they are given, and writes others more simply: x + 0, x * 1, a cast of a cast, a transpose of a
// transpose, a reshape of a reshape, a division by a number, x * sigmoid(x).
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::simplify_transformation {
namespace {

// Each rule gives "" when it has been applied, or why it does not fit.
using Rule = std::string (*)(Draft&, int at);

const std::vector<ValueId>& operands(const Draft& draft, int at) { return draft.node(at).inputs; }
ValueId result(const Draft& draft, int at) { return draft.node(at).outputs[0]; }
bool same_type(const Draft& draft, ValueId a, ValueId b) { return draft.type(a) == draft.type(b); }

std::string skip(Draft& draft, int at, ValueId value) {
  if (!same_type(draft, result(draft, at), value)) return "the operand would have to be broadcast";
  pass_over(draft, at, value);
  return "";
}

std::string identity(Draft& draft, int at) { return skip(draft, at, operands(draft, at)[0]); }

std::string add(Draft& draft, int at) {
  const std::vector<ValueId> x = operands(draft, at);
  if (uniform_value(draft, x[1]) == 0.0) return skip(draft, at, x[0]);
  if (uniform_value(draft, x[0]) == 0.0) return skip(draft, at, x[1]);
  return "no operand is 0";
}

std::string sub(Draft& draft, int at) {
  const std::vector<ValueId> x = operands(draft, at);
  return uniform_value(draft, x[1]) == 0.0 ? skip(draft, at, x[0]) : "the second operand is not 0";
}

std::string mul(Draft& draft, int at) {
  const std::vector<ValueId> x = operands(draft, at);
  if (uniform_value(draft, x[1]) == 1.0) return skip(draft, at, x[0]);
  if (uniform_value(draft, x[0]) == 1.0) return skip(draft, at, x[1]);
  // However swish was written, it is one call: what is done with it does not depend on who wrote the network.
  for (const auto& [value, factor] : {std::pair(x[0], x[1]), std::pair(x[1], x[0])}) {
    const int sigmoid = maker(draft, factor, "sigmoid");
    if (sigmoid < 0 || operands(draft, sigmoid)[0] != value || !used_once(draft, factor)) continue;
    become_call(draft, at, "swish", {value});
    draft.erase_unused(sigmoid);
    return "";
  }
  return "no operand is 1, or the sigmoid of the other that nobody else reads";
}

std::string div(Draft& draft, int at) {
  const std::vector<ValueId> x = operands(draft, at);
  const std::optional<double> by = uniform_value(draft, x[1]);
  if (!by) return "the divisor is not a known number";
  if (*by == 1.0) return skip(draft, at, x[0]);
  const DType dtype = draft.type(x[0]).dtype;
  if (!is_float(dtype)) return "a division of integers is not a product";
  const double inverse = 1 / *by;
  if (!std::isnormal(*by) || !std::isnormal(inverse)) return "the divisor has no normal inverse";
  if (!(draft.type(result(draft, at)).shape == draft.type(x[0]).shape)) return "the operand would have to be broadcast";
  become_call(draft, at, "mul", {x[0], number_constant(draft, dtype, inverse)});
  return "";
}

std::string pow(Draft& draft, int at) {
  const std::vector<ValueId> x = operands(draft, at);
  const std::optional<double> power = uniform_value(draft, x[1]);
  if (power == 1.0) return skip(draft, at, x[0]);
  if (power != 2.0) return "the power is neither 1 nor 2";
  if (!(draft.type(result(draft, at)).shape == draft.type(x[0]).shape)) return "the operand would have to be broadcast";
  become_call(draft, at, "mul", {x[0], x[0]});
  return "";
}

std::string neg(Draft& draft, int at) {
  const int inner = maker(draft, operands(draft, at)[0], "neg");
  return inner < 0 ? "its operand is no negation" : skip(draft, at, operands(draft, inner)[0]);
}

// Whether every number of the first dtype is one of the second's.
bool holds(DType small, DType large) {
  if (small == large || small == DType::boolean) return true;
  if (is_float(small) != is_float(large)) return !is_float(small) && large == DType::f64 && size_of(small) <= 4;
  if (is_float(small)) return large == DType::f64 || (large == DType::f32 && size_of(small) == 2);
  const bool widens = size_of(small) < size_of(large);
  return widens && large != DType::u8;
}

std::string cast(Draft& draft, int at) {
  const ValueId x = operands(draft, at)[0];
  if (same_type(draft, x, result(draft, at))) return skip(draft, at, x);
  const int inner = maker(draft, x, "cast");
  if (inner < 0) return "its operand is no cast";
  const ValueId origin = operands(draft, inner)[0];
  if (!holds(draft.type(origin).dtype, draft.type(x).dtype)) {
    return fmt::format("{} does not hold every {}", name(draft.type(x).dtype), name(draft.type(origin).dtype));
  }
  if (same_type(draft, origin, result(draft, at))) return skip(draft, at, origin);
  become_call(draft, at, "cast", {origin}, {{"dtype", draft.type(result(draft, at)).dtype}});
  return "";
}

std::vector<std::int64_t> permutation(const Draft& draft, int at) {
  const Call call = call_of(draft, at);
  std::vector<std::int64_t> order = call.integers("permutation");
  const std::int64_t rank = call.input(0).rank();
  for (std::int64_t& axis : order) axis += axis < 0 ? rank : 0;
  for (std::int64_t axis = rank; order.empty() && axis-- > 0;) order.push_back(axis);
  if (rank > 0 && static_cast<std::int64_t>(order.size()) != rank) {
    order.resize(static_cast<std::size_t>(rank));
    std::iota(order.rbegin(), order.rend(), 0);
  }
  return order;
}

std::string transpose(Draft& draft, int at) {
  std::vector<std::int64_t> order = permutation(draft, at);
  ValueId from = operands(draft, at)[0];
  const int inner = maker(draft, from, "transpose");
  if (inner >= 0) {
    const std::vector<std::int64_t> first = permutation(draft, inner);
    for (std::int64_t& axis : order) axis = first[static_cast<std::size_t>(axis)];
    from = operands(draft, inner)[0];
  }
  if (std::is_sorted(order.begin(), order.end())) return skip(draft, at, from);
  if (inner < 0) return "it moves axes, and its operand is no transpose";
  become_call(draft, at, "transpose", {from}, {{"permutation", order}});
  return "";
}

std::string reshape(Draft& draft, int at) {
  ValueId from = operands(draft, at)[0];
  if (same_type(draft, from, result(draft, at))) return skip(draft, at, from);
  const int inner = maker(draft, from, "reshape");
  if (inner < 0) return "it changes the shape, and its operand is no reshape";
  from = operands(draft, inner)[0];
  if (same_type(draft, from, result(draft, at))) return skip(draft, at, from);
  become_call(draft, at, "reshape", {from}, {{"shape", draft.type(result(draft, at)).shape}});
  return "";
}

std::string expand(Draft& draft, int at) {
  const ValueId from = operands(draft, at)[0];
  if (same_type(draft, from, result(draft, at))) return skip(draft, at, from);
  const int inner = maker(draft, from, "expand");
  if (inner < 0) return "it broadcasts, and its operand is no expand";
  become_call(draft, at, "expand", {operands(draft, inner)[0]}, {{"shape", draft.type(result(draft, at)).shape}});
  return "";
}

// The first two differ from their operand by their gradients alone, which the graph has by now.
const std::map<std::string, Rule, std::less<>> rules = {{"format_cotangent", identity},
                                                        {"straight_through", identity},
                                                        {"identity", identity},
                                                        {"add", add},
                                                        {"sub", sub},
                                                        {"mul", mul},
                                                        {"div", div},
                                                        {"pow", pow},
                                                        {"neg", neg},
                                                        {"cast", cast},
                                                        {"transpose", transpose},
                                                        {"reshape", reshape},
                                                        {"expand", expand}};

const Rule* rule_for(const Node& node) {
  if (node.is_map() || !node.implementation.empty()) return nullptr;
  const auto found = rules.find(node.op);
  return found == rules.end() ? nullptr : &found->second;
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (rule_for(draft.node(at)) != nullptr) sites.push_back({{draft.node(at).outputs[0]}});
  }
  return sites;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0) return "the node is gone";
  const Rule* rule = rule_for(draft.node(at));
  return rule == nullptr ? "there is no rule for it" : (*rule)(draft, at);
}

const RegisterTransformation simplify{{.name = "simplify",
                                       .level = 3,
                                       .about = "takes out calls that change nothing; merges casts, transposes and reshapes",
                                       .find = find,
                                       .apply = apply,
                                       .needs_gain = false}};

}  // namespace
}  // namespace neap::simplify_transformation
