#include "neap/transform/elementwise_map.h"

#include <algorithm>

#include "neap/ir/map_walk.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

bool has_plain_attributes(const Node& node) {
  return std::all_of(node.attributes.begin(), node.attributes.end(), [](const auto& named) {
    const Attribute& value = named.second;
    return std::holds_alternative<bool>(value) || std::holds_alternative<double>(value) || std::holds_alternative<DType>(value) ||
           std::holds_alternative<std::string>(value);
  });
}

// Whether an index is that of the result, from the last axis on, with 0 on axes of one element.
bool is_in_place(const Expr* index, std::size_t count, const std::vector<Axis>& axes) {
  if (count > axes.size()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const Expr& e = index[i];
    const bool is_axis = e->op == Scalar::axis && e->integer == axes[axes.size() - count + i].id;
    if (!is_axis && !(e->op == Scalar::constant && e->integer == 0)) return false;
  }
  return true;
}

bool is_elementwise(const Map& map) {
  if (is_scope(map) || map.stages.size() != 1) return false;
  const Stage& stage = map.stages[0];
  const bool whole = stage.accumulate == Accumulate::none && stage.index.size() == map.axes.size() &&
                     std::none_of(map.axes.begin(), map.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; }) &&
                     std::all_of(stage.index.begin(), stage.index.end(), [](const Expr& e) { return e->op == Scalar::axis; });
  if (!whole || !is_in_place(stage.index.data(), stage.index.size(), map.axes)) return false;
  const auto look = [&](const auto& self, const Expr& e) -> bool {
    if (e->op == Scalar::read)
      return e->args.size() == static_cast<std::size_t>(e->rank) && is_in_place(e->args.data(), e->args.size(), map.axes);
    if (e->op == Scalar::reduce || e->op == Scalar::axis || e->op == Scalar::size || e->op == Scalar::random_bits) return false;
    return std::all_of(e->args.begin(), e->args.end(), [&](const Expr& arg) { return self(self, arg); });
  };
  return look(look, stage.value);
}

bool is_zero_number(const Expr& e) { return e->op == Scalar::constant && e->number == 0 && e->integer == 0; }

}  // namespace

std::optional<Map> elementwise_map(const Draft& draft, const Node& node) {
  if (node.outputs.size() != 1 || !node.implementation.empty() || node.epilogue != nullptr) return std::nullopt;
  if (std::any_of(node.inputs.begin(), node.inputs.end(), [](ValueId id) { return id == no_value; })) return std::nullopt;
  if (node.is_map()) return is_elementwise(*node.map) ? std::optional(*node.map) : std::nullopt;
  if (!has_plain_attributes(node)) return std::nullopt;
  const Call call = make_call(draft.shell(), node);
  if (call.op().define == nullptr) return std::nullopt;
  Map map = define(call).map;
  return is_elementwise(map) ? std::optional(std::move(map)) : std::nullopt;
}

bool keeps_zero(const Map& map, const std::function<bool(std::int64_t)>& is_zero,
                const std::function<std::optional<double>(std::int64_t)>& known) {
  const Expr value = rewrite(map.stages[0].value, [&](const Expr& e) -> Expr {
    const auto zero_at = [&](std::size_t i) { return is_zero_number(e->args[i]); };
    switch (e->op) {
      case Scalar::read:
        if (is_zero(e->integer)) return constant(e->dtype, 0);
        if (const std::optional<double> number = known(e->integer)) return constant(e->dtype, *number);
        return {};
      case Scalar::mul:
        return zero_at(0) || zero_at(1) ? constant(e->dtype, 0) : Expr();
      case Scalar::cast:
      case Scalar::div:
        return zero_at(0) ? constant(e->dtype, 0) : Expr();
      case Scalar::select:
        return zero_at(1) && zero_at(2) ? constant(e->dtype, 0) : Expr();
      case Scalar::logical_and:
        return zero_at(0) || zero_at(1) ? constant(e->dtype, 0) : Expr();
      default:
        return {};
    }
  });
  return is_zero_number(value);
}

}  // namespace neap
