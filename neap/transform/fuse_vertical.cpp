// Fuses a map into the maps that read it, by substitution: its result is no longer stored. Where it is read more than once the result is
// computed again, if that is cheap. Where somebody else still needs it, it stays beside.
#include <algorithm>

#include "neap/base/error.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap {
namespace {

constexpr double most_recomputed_flops = 8;  // per element, when an element is read several times
constexpr std::size_t most_operands = 24;

bool has_reduction(const Expr& value) {
  bool found = false;
  visit(value, [&](const Expr& e) { found |= e->op == Scalar::reduce; });
  return found;
}

const Stage* stage_writing(const Map& map, ValueId value) {
  for (const Stage& stage : map.stages) {
    if (stage.target == value) return &stage;
  }
  return nullptr;
}

// How often a consumer reads each element of `value`, at the sizes that are known (a symbol counts as one on both sides).
double reads_per_element(const OpenMap& consumer, ValueId value, const Type& type) {
  Dim reads = 0;
  for (const Stage& stage : consumer.map.stages) {
    const auto count = [&](const auto& self, const Expr& e, const Dim& times) -> void {
      if (e->op == Scalar::read && e->integer == value) reads += times;
      Dim inner = times;
      for (const Axis& axis : e->axes) inner *= axis.extent;
      for (const Expr& arg : e->args) self(self, arg, inner);
    };
    count(count, stage.value, points(consumer.map, stage));
  }
  const auto plain = [](const Dim& dim) {
    Symbols ones;
    for (const std::string& symbol : dim.symbols()) ones[symbol] = 128;
    return static_cast<double>(dim.evaluate(ones));
  };
  return plain(reads) / std::max(1.0, plain(element_count(type.shape)));
}

struct Plan {
  std::vector<int> consumers;
  int producer = -1;
};

std::string plan_for(const Graph& graph, const Uses& uses, const Site& site, Plan& plan) {
  const ValueId value = site.at[0];
  if (!graph.has_value(value)) return "the value is gone";
  plan.producer = uses.producer(value);
  if (plan.producer < 0) return "it is an input or a constant";
  if (site.at.size() > 1) {
    const int consumer = position_of(graph, site.at[1]);
    const auto& users = uses.users(value);
    if (std::find(users.begin(), users.end(), consumer) == users.end()) return "the second node does not read the first";
    plan.consumers = {consumer};
  } else {
    plan.consumers = uses.users(value);
    if (uses.is_output(value)) return "its result is an output of the graph";
    if (plan.consumers.empty()) return "nobody reads it";
  }
  return "";
}

std::string check(const Graph& graph, const Site& site) {
  const Uses uses(graph);
  Plan plan;
  if (std::string reason = plan_for(graph, uses, site, plan); !reason.empty()) return reason;
  const ValueId value = site.at[0];
  const Node& producer = *graph.nodes()[static_cast<std::size_t>(plan.producer)];
  if (!producer.is_map()) return fmt::format("it is made by a call of {}", producer.op);
  if (!producer.map->locals.empty()) return "it is made by a scope";
  Opener opener;
  const OpenMap open = opener.open(producer);
  const Stage* stage = stage_writing(open.map, value);
  std::string reason;
  if (!pointwise_axes(open.map, *stage, graph.type(value), reason)) return reason;
  const bool reduces = has_reduction(stage->value);
  const double work = flops(stage->value).is_constant() ? static_cast<double>(flops(stage->value).constant()) : 1e9;
  double reads = 0;
  for (const int at : plan.consumers) {
    const Node& consumer = *graph.nodes()[static_cast<std::size_t>(at)];
    if (!consumer.is_map()) return fmt::format("{} reads it, which is a library call", consumer.op);
    if (consumer.inputs.size() + producer.inputs.size() > most_operands) return "the fused map would have too many operands";
    reads += reads_per_element(opener.open(consumer), value, graph.type(value));
  }
  if (reads > 1.01 && reduces) return fmt::format("a reduction would be computed {:.0f} times", reads);
  if (reads > 2.01 && work > most_recomputed_flops)
    return fmt::format("{:.0f} flops would be computed {:.1f} times an element", work, reads);
  if (reads > 8.01) return fmt::format("each element is read {:.0f} times", reads);
  return "";
}

void fuse_into(Graph& graph, const Node& producer, ValueId value, int at) {
  Opener opener;
  const OpenMap source = opener.open(producer);
  OpenMap target = opener.open(*graph.nodes()[static_cast<std::size_t>(at)]);
  const Stage& stage = *stage_writing(source.map, value);
  std::string reason;
  const std::vector<int> axis_at = *pointwise_axes(source.map, stage, graph.type(value), reason);
  const Type& type = graph.type(value);
  rewrite_map(target.map, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer != value) return {};
    std::map<int, Expr> position;
    for (const Axis& axis : source.map.axes) position[axis.id] = Expr(0);  // axes of size one that the result does not have
    Expr inside;
    const bool guarded = static_cast<int>(e->args.size()) > e->rank;
    for (int i = 0; i < e->rank; ++i) {
      const Expr& index = e->args[static_cast<std::size_t>(i)];
      if (axis_at[static_cast<std::size_t>(i)] >= 0) position[axis_at[static_cast<std::size_t>(i)]] = index;
      if (!guarded) continue;
      const Expr fits = index >= Expr(0) && index < Expr(type.shape[static_cast<std::size_t>(i)]);
      inside = inside ? inside && fits : fits;
    }
    const Expr inlined = substitute_axes(opener.refresh(stage.value), position);
    return guarded ? select(inside, inlined, e->args.back()) : inlined;
  });
  target.origin = merge_origins(source.origin, target.origin);
  Node fused = close(target);
  // `close` lists outputs in order of writing, which is their order already.
  graph.replace_node(static_cast<std::size_t>(at), std::move(fused));
}

void apply(Graph& graph, const Site& site, const Parameters&) {
  Plan plan;
  plan_for(graph, Uses(graph), site, plan);
  const NodePtr producer = graph.nodes()[static_cast<std::size_t>(plan.producer)];
  for (const int at : plan.consumers) fuse_into(graph, *producer, site.at[0], at);
  remove_dead_nodes(graph);
}

std::vector<Site> find(const Graph& graph) {
  const Uses uses(graph);
  std::vector<Site> sites;
  for (const NodePtr& node : graph.nodes()) {
    if (!node->is_map()) continue;
    for (const ValueId value : node->outputs) {
      const auto& users = uses.users(value);
      if (std::none_of(users.begin(), users.end(), [&](int at) { return graph.nodes()[static_cast<std::size_t>(at)]->is_map(); })) continue;
      if (!uses.is_output(value)) sites.push_back({{value}});
      if (users.size() < 2 && !uses.is_output(value)) continue;
      for (const int at : users) {
        if (graph.nodes()[static_cast<std::size_t>(at)]->is_map())
          sites.push_back({{value, graph.nodes()[static_cast<std::size_t>(at)]->outputs[0]}});
      }
    }
  }
  return sites;
}

const RegisterTransformation fuse_vertical{{.name = "fuse_vertical",
                                            .level = 2,
                                            .about = "computes a map's result where it is read, in place of storing it",
                                            .find = find,
                                            .check = check,
                                            .apply = apply}};

}  // namespace
}  // namespace neap
