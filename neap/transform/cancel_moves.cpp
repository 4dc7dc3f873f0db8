// A transpose or reshape that a later one takes back: what lies between is computed where the elements were, and both go.
#include <algorithm>
#include <map>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::cancel_moves_transformation {
namespace {

constexpr int deepest = 32;  // calls between the two

// Whether each element of the call's result depends on the elements at its own place only (or on numbers), and on no position.
bool is_pointwise(const Draft& draft, const Node& node) {
  if (node.is_map() || !node.implementation.empty() || node.outputs.size() != 1) return false;
  for (const auto& [name, attribute] : node.attributes) {
    if (!std::holds_alternative<bool>(attribute) && !std::holds_alternative<double>(attribute) &&
        !std::holds_alternative<DType>(attribute) && !std::holds_alternative<std::string>(attribute)) {
      return false;
    }
  }
  const Call call = make_call(draft.shell(), node);
  if (call.op().define == nullptr) return false;
  const Primitive primitive = define(call);
  const Stage& stage = primitive.map.stages[0];
  if (primitive.map.stages.size() != 1 || stage.accumulate != Accumulate::none) return false;
  const auto in_order = [&](const Expr* index, std::size_t count) {
    if (count != primitive.map.axes.size()) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (index[i]->op != Scalar::axis || index[i]->integer != primitive.map.axes[i].id) return false;
    }
    return true;
  };
  bool pointwise = in_order(stage.index.data(), stage.index.size());
  const auto look = [&](const auto& self, const Expr& e) -> void {
    if (e->op == Scalar::read) {
      pointwise &= e->rank == 0 || in_order(e->args.data(), e->args.size());
      return;
    }
    pointwise &= e->op != Scalar::reduce && e->op != Scalar::axis && e->op != Scalar::size && e->op != Scalar::random_bits;
    for (const Expr& arg : e->args) self(self, arg);
  };
  look(look, stage.value);
  return pointwise;
}

class Cancellation {
 public:
  Cancellation(Draft& draft, int move)
      : draft_(draft), move_(move), op_(draft.node(move).op), wanted_(draft.type(draft.node(move).outputs[0])) {
    if (op_ == "transpose") order_ = order_of(move);
  }

  // Why `value` cannot be had as the later move leaves it.
  std::string refusal(ValueId value, int depth = 0) const {
    if (undone(value)) return "";
    if (draft_.type(value).rank() == 0) return depth > 0 ? "" : "it moves a single number";
    const int at = draft_.producer(value);
    if (at < 0 || depth > deepest || !is_pointwise(draft_, draft_.node(at)))
      return "what it moves is not made point by point from what is moved back";
    if (!used_once(draft_, value)) return "somebody else needs what lies between";
    for (const ValueId id : draft_.node(at).inputs) {
      if (id == no_value) return "an operand is absent";
      if (std::string reason = refusal(id, depth + 1); !reason.empty()) return reason;
    }
    return "";
  }

  ValueId unmoved(ValueId value) {
    if (draft_.type(value).rank() == 0) return value;
    if (undone(value)) return draft_.node(draft_.producer(value)).inputs[0];
    const Node node = draft_.node(draft_.producer(value));
    std::vector<ValueId> operands;
    for (const ValueId id : node.inputs) operands.push_back(unmoved(id));
    return insert_call(draft_, move_, node.op, operands, node.attributes);
  }

 private:
  std::vector<std::int64_t> order_of(int at) const {
    const Call call = call_of(draft_, at);
    std::vector<std::int64_t> order = call.integers("permutation");
    const std::int64_t rank = call.input(0).rank();
    for (std::int64_t& axis : order) axis += axis < 0 ? rank : 0;
    for (std::int64_t axis = rank; static_cast<std::int64_t>(order.size()) < rank;) order.push_back(--axis);
    return order;
  }

  // Whether the value is made by a move that the later one takes back.
  bool undone(ValueId value) const {
    const int at = maker(draft_, value, op_);
    if (at < 0) return false;
    const Shape& from = draft_.type(draft_.node(at).inputs[0]).shape;
    if (!(from == wanted_.shape)) return false;
    if (op_ == "reshape") return true;
    const std::vector<std::int64_t> first = order_of(at);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (first[static_cast<std::size_t>(order_[i])] != static_cast<std::int64_t>(i)) return false;
    }
    return true;
  }

  Draft& draft_;
  int move_;
  std::string op_;
  Type wanted_;
  std::vector<std::int64_t> order_;
};

bool is_move(const Node& node) { return !node.is_map() && node.implementation.empty() && (node.op == "transpose" || node.op == "reshape"); }

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int move = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (move < 0 || !is_move(draft.node(move))) return "it is neither a transpose nor a reshape";
  Cancellation cancellation(draft, move);
  const ValueId between = draft.node(move).inputs[0];
  if (std::string reason = cancellation.refusal(between); !reason.empty()) return reason;
  pass_over(draft, move, cancellation.unmoved(between));
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (is_move(draft.node(at)) && draft.producer(draft.node(at).inputs[0]) >= 0) sites.push_back({{draft.node(at).outputs[0]}});
  }
  return sites;
}

const RegisterTransformation cancel_moves{{.name = "cancel_moves",
                                           .level = 3,
                                           .about = "computes between a transpose or reshape and the one that takes it back without either",
                                           .find = find,
                                           .apply = apply,
                                           .needs_gain = false}};

}  // namespace
}  // namespace neap::cancel_moves_transformation
