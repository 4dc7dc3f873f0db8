// Fuses a map into the maps that read it, by substitution: its result is no longer stored. Where it is read more than once the result is
// computed again, if that is cheap. Where somebody else still needs it, it stays beside.
#include <algorithm>

#include "neap/base/error.h"
#include "neap/ir/by_node.h"
#include "neap/transform/inline_map.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fuse_vertical_transformation {
namespace {

constexpr double most_repeated_flops = 32;   // of a sum, per element, that is computed in the map that makes it and once more
constexpr double most_recomputed_flops = 8;  // per element, when an element is read several times
constexpr std::size_t most_operands = 24;
constexpr int largest_body = 256;  // scalar operations: what compilers and people can follow

// How often a consumer reads each element of `value`, at typical sizes.
double reads_per_element(const Node& consumer, ValueId value, const Type& type) {
  const auto plain = [](const Dim& dim) { return static_cast<double>(dim.evaluate({}, typical_size)); };
  double reads = 0;
  const auto is_it = [&](std::int64_t operand) { return operand >= 0 && consumer.inputs[static_cast<std::size_t>(operand)] == value; };
  for (const Stage& stage : consumer.map->stages) {
    // A distinct read costs once a point of the loops around it.
    const auto count = [&](const auto& self, const Expr& e, double times, NodeNumbers& seen) -> void {
      if (!seen.add(e.node().get())) return;
      if (e->op == Scalar::read && is_it(e->integer)) reads += times;
      if (e->op == Scalar::reduce) {
        double inner = times;
        for (const Axis& axis : e->axes) inner *= plain(axis.extent);
        NodeNumbers within;
        self(self, e->args[0], inner, within);
        return;
      }
      for (const Expr& arg : e->args) self(self, arg, times, seen);
    };
    NodeNumbers seen;
    double points = 1;
    for (const std::vector<Axis>* axes : {&consumer.map->axes, &stage.axes}) {
      for (const Axis& axis : *axes) points *= plain(axis.extent);
    }
    count(count, stage.value, points, seen);
  }
  double elements = 1;
  for (const Dim& size : type.shape) elements *= plain(size);
  return reads / std::max(1.0, elements);
}

struct Plan {
  std::vector<int> consumers;
  int producer = -1;
};

std::string plan_for(const Draft& draft, const Site& site, Plan& plan) {
  const ValueId value = site.at.empty() ? no_value : site.at[0];
  plan.producer = draft.producer(value);
  if (plan.producer < 0) return "it is an input, a constant, or gone";
  plan.consumers = draft.users_in_order(value);
  if (site.at.size() > 1) {
    const int consumer = draft.producer(site.at[1]);
    if (std::find(plan.consumers.begin(), plan.consumers.end(), consumer) == plan.consumers.end()) {
      return "the second node does not read the first";
    }
    plan.consumers = {consumer};
  } else {
    if (draft.is_output(value)) return "its result is an output of the graph";
    if (plan.consumers.empty()) return "nobody reads it";
  }
  return "";
}

// Whether the node only copies a value into another layout.
bool is_relayout(const Draft& draft, const Node& node) {
  if (node.inputs.size() != 1 || node.outputs.size() != 1) return false;
  const Type &from = draft.type(node.inputs[0]), &to = draft.type(node.outputs[0]);
  return from.shape == to.shape && !(from.layout == to.layout) && node.map->stages[0].value->op == Scalar::read;
}

std::string check(const Draft& draft, const Plan& plan, ValueId value) {
  const Node& producer = draft.node(plan.producer);
  if (!producer.is_map()) return fmt::format("it is made by a call of {}", producer.op);
  if (!producer.map->locals.empty()) return "it is made by a scope";
  for (const int at : plan.consumers) {
    const Node& consumer = draft.node(at);
    if (!consumer.is_map()) return fmt::format("{} reads it, which is a library call", consumer.op);
    if (consumer.inputs.size() + producer.inputs.size() > most_operands) return "the fused map would have too many operands";
  }
  const Stage* stage = stage_writing(producer, value);
  std::string reason;
  if (!pointwise_axes(*producer.map, *stage, draft.type(value), reason)) return reason;
  bool reduces = false;
  int size = 0;
  visit_nodes(stage->value, [&](const Expr& e) {
    reduces |= e->op == Scalar::reduce;
    ++size;
  });
  const auto work = [&] {  // for an element
    const Dim each = flops(stage->value);
    return each.is_constant() ? static_cast<double>(each.constant()) : 1e9;
  };
  double reads = 0;
  for (const int at : plan.consumers) {
    const Node& consumer = draft.node(at);
    if (size + map_size(*consumer.map) > largest_body) return "the fused map's body would be too long";
    const auto operand = std::find(consumer.inputs.begin(), consumer.inputs.end(), value) - consumer.inputs.begin();
    if (reduces && is_position(*consumer.map, operand)) return "a reduction would stand in a position";
    reads += reads_per_element(consumer, value, draft.type(value));
  }
  if (reads > 1.01 && is_relayout(draft, producer)) return "it is a copy into the layout that its readers want";
  if (reads > 1.01 && reduces) return fmt::format("a reduction would be computed {:.0f} times", reads);
  const bool stays = draft.is_output(value) || draft.users(value).size() > plan.consumers.size();
  if (stays && reduces && work() > most_repeated_flops) return "its sum would be computed again where others read it";
  if (reads > 2.01 && work() > most_recomputed_flops)
    return fmt::format("{:.0f} flops would be computed {:.1f} times an element", work(), reads);
  if (reads > 8.01) return fmt::format("each element is read {:.0f} times", reads);
  return "";
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  Plan plan;
  std::string reason = plan_for(draft, site, plan);
  if (reason.empty()) reason = check(draft, plan, site.at[0]);
  if (!reason.empty()) return reason;
  const NodePtr producer = draft.pointer(plan.producer);
  for (const int at : plan.consumers) inline_into(draft, *producer, site.at[0], at);
  draft.erase_unused(plan.producer);
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  const auto is_map = [&](int at) { return draft.node(at).is_map(); };
  for (int node = draft.first(); node != 0; node = draft.next(node)) {
    if (!is_map(node)) continue;
    for (const ValueId value : draft.node(node).outputs) {
      const std::vector<int> users = draft.users_in_order(value);
      if (std::none_of(users.begin(), users.end(), is_map)) continue;
      if (!draft.is_output(value)) sites.push_back({{value}});
      if (users.size() < 2 && !draft.is_output(value)) continue;
      for (const int at : users) {
        if (is_map(at)) sites.push_back({{value, draft.node(at).outputs[0]}});
      }
    }
  }
  return sites;
}

const RegisterTransformation fuse_vertical{{.name = "fuse_vertical",
                                            .level = 2,
                                            .about = "computes a map's result where it is read, in place of storing it",
                                            .find = find,
                                            .apply = apply}};

}  // namespace
}  // namespace neap::fuse_vertical_transformation
