// Values of edges that are summed by their sources (a gradient's order, in which entries lie elsewhere) are computed again in that order
// from the values of vertices: what an edge brings from its source is what a row of the transposed pattern gives its entries, and the other
// way round; what is computed edge by edge is computed so in any order; products of both ends change sides. Nothing with an element for
// each edge is then handed from one order to the other, and each order's sums can be made in one pass (fuse_edges).
#include <map>
#include <set>

#include "neap/base/progress.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/rebuild.h"
#include "neap/transform/transformation.h"

namespace neap::transpose_edges_transformation {
namespace {

constexpr std::int64_t most_flops = 64;  // an element, of what is computed in both orders; what takes more is read from the first
constexpr std::int64_t no_limit = 1 << 20;

// Operands of a call from `first` on: the pattern by rows, and by columns.
struct PatternIds {
  ValueId offsets = no_value, columns = no_value, t_offsets = no_value, t_rows = no_value, t_order = no_value;
  PatternIds(const Node& node, std::size_t first) {
    ValueId* parts[] = {&offsets, &columns, &t_offsets, &t_rows, &t_order};
    for (std::size_t i = 0; i < 5 && first + i < node.inputs.size(); ++i) *parts[i] = node.inputs[first + i];
  }
  bool is_whole() const { return t_offsets != no_value && t_rows != no_value && t_order != no_value; }
};

bool uses_elsewhere(const Expr& e, int entry) {
  if (e->op == Scalar::axis) return e->integer == entry;
  const bool at_entry = e->op == Scalar::read && e->rank > 0 && e->args[0]->op == Scalar::axis && e->args[0]->integer == entry;
  return std::any_of(e->args.begin() + (at_entry ? 1 : 0), e->args.end(), [&](const Expr& arg) { return uses_elsewhere(arg, entry); });
}

// The operands of a map that it reads at its own position on the first axis, where it uses that axis for nothing else: none where it does.
std::set<std::int64_t> read_at_entry(const Map& map) {
  if (map.stages.size() != 1 || map.stages[0].accumulate != Accumulate::none || map.stages[0].index.empty()) return {};
  const Stage& stage = map.stages[0];
  if (stage.index[0]->op != Scalar::axis) return {};
  const auto entry = static_cast<int>(stage.index[0]->integer);
  bool ragged = std::any_of(map.axes.begin(), map.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
  bool elsewhere = uses_elsewhere(stage.value, entry);
  for (std::size_t i = 1; i < stage.index.size(); ++i) elsewhere |= uses_axis(stage.index[i], entry);
  std::set<std::int64_t> found, other;
  visit(stage.value, [&](const Expr& e) {
    for (const Axis& axis : e->axes) ragged |= axis.ragged != nullptr;
    if (e->op != Scalar::read) return;
    const bool at_entry = e->rank > 0 && e->args[0]->op == Scalar::axis && e->args[0]->integer == entry;
    (at_entry ? found : other).insert(e->integer);
  });
  const bool both = std::any_of(found.begin(), found.end(), [&](std::int64_t operand) { return other.count(operand) != 0; });
  return elsewhere || ragged || both ? std::set<std::int64_t>{} : found;
}

class Transposition {
 public:
  Transposition(Graph& graph, std::int64_t deepest, Pass& pass) : graph_(graph), deepest_(deepest), pass_(pass), rebuild_(graph) {}

  int run() {
    const auto collects = [](const NodePtr& node) { return is_call_of(*node, "edge_collect") || is_call_of(*node, "spmm"); };
    if (std::none_of(graph_.nodes().begin(), graph_.nodes().end(), collects)) return 0;
    return rebuild_.run([&](const Node& node) { return in_own_order(node); });
  }

 private:
  // edge_collect(values) and spmm(x, weights) of the transpose as sums over the rows of the transposed pattern; empty where they stay.
  Var in_own_order(const Node& node) {
    const bool collects = is_call_of(node, "edge_collect");
    const bool multiplies = is_call_of(node, "spmm") && make_call(graph_, node).flag("transpose") && node.inputs[1] != no_value;
    if (!collects && !multiplies) return {};
    const ValueId values = node.inputs[collects ? 0 : 1];
    const PatternIds pattern(node, collects ? 1 : 2);
    if (!pattern.is_whole()) return {};
    pattern_ = &pattern;
    transposed_.clear();
    gathered_ = 0;
    from_vertices_ = false;
    const Var other = transposed(values, deepest_);
    if (!from_vertices_) {
      pass_.refuse(graph_, node, "its values are not computed from those of vertices");
      return {};
    }
    if (gathered_ > pass_.model.bytes(graph_.type(values))) {
      pass_.refuse(graph_, node, "what its values are computed from takes more bytes than they do");
      return {};
    }
    std::string reason = fmt::format("{} of edges are computed again in this order from values of vertices",
                                     human_bytes(pass_.model.bytes(graph_.type(values))));
    if (gathered_ > 0) reason += fmt::format(" and {} of edges, in place of being handed over", human_bytes(gathered_));
    pass_.made(graph_, node, std::move(reason));
    Builder& build = rebuild_.build();
    const Var t_offsets = build.wrap(pattern.t_offsets);
    if (collects) return build.call("segment_sum", {other, t_offsets});
    return build.call("spmm", {build.wrap(node.inputs[0]), other, t_offsets, build.wrap(pattern.t_rows)});
  }

  // `depth`: how many operators on the way to values of vertices may be computed in both orders.
  Var transposed(ValueId value, std::int64_t depth) {
    const auto known = transposed_.find(value);
    if (known != transposed_.end()) return known->second;
    const Var made = make(value, depth);
    return transposed_[value] = made;
  }

  Var make(ValueId value, std::int64_t depth) {
    const Node* maker = rebuild_.maker(value);
    if (maker == nullptr || maker->outputs.size() != 1 || maker->kept || !maker->implementation.empty()) return gathered(value);
    const Node node = *maker;
    Builder& build = rebuild_.build();
    const PatternIds& pattern = *pattern_;
    const Var t_offsets = build.wrap(pattern.t_offsets), t_rows = build.wrap(pattern.t_rows);
    const auto same_pattern = [&](std::size_t first) {
      const PatternIds other(node, first);
      return other.offsets == pattern.offsets && other.columns == pattern.columns;
    };
    if (is_call_of(node, "edge_source") && same_pattern(1)) {
      from_vertices_ = true;
      return build.call("segment_broadcast", {build.wrap(node.inputs[0]), t_offsets}, {{"entries", Shape{graph_.type(value).shape[0]}}});
    }
    if (is_call_of(node, "segment_broadcast") && node.inputs[1] == pattern.offsets) {
      from_vertices_ = true;
      return build.call("edge_source", {build.wrap(node.inputs[0]), t_offsets, t_rows});
    }
    if (is_call_of(node, "sddmm") && same_pattern(2)) {
      from_vertices_ = true;
      return build.call("sddmm", {build.wrap(node.inputs[1]), build.wrap(node.inputs[0]), t_offsets, t_rows}, node.attributes);
    }
    if (depth == 0) return gathered(value);
    if (const Var weights = normalised(node, depth)) return weights;
    if (!node.is_map() && find_operator(node.op).compose != nullptr) return transposed(rebuild_.written_out(value).id(), depth);
    return edge_by_edge(value, node, depth - 1);
  }

  // exp(x - m) / s of a softmax as exp(x - (m + log s)): one value of the row in place of two. Its s is a sum of exponentials of which one
  // is 1, or the row has no entries.
  Var normalised(const Node& node, std::int64_t depth) {
    constexpr std::int64_t operators = 3;
    if (!is_call_of(node, "div") || depth < operators) return {};
    const ValueId offsets = pattern_->offsets;
    const auto row_value = [&](ValueId value) {
      const Node* of = rebuild_.maker(value, "segment_broadcast");
      return of != nullptr && of->inputs[1] == offsets ? of->inputs[0] : no_value;
    };
    const ValueId total = row_value(node.inputs[1]);
    const Node* sum = total == no_value ? nullptr : rebuild_.maker(total, "segment_sum");
    const Node* exponential = rebuild_.maker(node.inputs[0], "exp");
    if (sum == nullptr || exponential == nullptr || sum->inputs[0] != node.inputs[0]) return {};
    const Node* difference = rebuild_.maker(exponential->inputs[0], "sub");
    const ValueId largest = difference == nullptr ? no_value : row_value(difference->inputs[1]);
    const Node* most = largest == no_value ? nullptr : rebuild_.maker(largest, "segment_max");
    if (most == nullptr || most->inputs[0] != difference->inputs[0]) return {};
    const ValueId logits = difference->inputs[0];
    Builder& build = rebuild_.build();
    const Var scale = build.wrap(largest) + log(build.wrap(total));
    from_vertices_ = true;
    const Var there = build.call("edge_source", {scale, build.wrap(pattern_->t_offsets), build.wrap(pattern_->t_rows)});
    return exp(transposed(logits, depth - operators) - there);
  }

  // The same call or map of operands in the other order.
  Var edge_by_edge(ValueId value, const Node& node, std::int64_t depth) {
    if (graph_.type(value).rank() == 0) return gathered(value);
    const Map map = node.is_map() ? *node.map : define(make_call(graph_, node)).map;
    const std::set<std::int64_t> operands = read_at_entry(map);
    if (operands.empty()) return gathered(value);
    const Dim work = flops(map.stages[0].value);
    if (!work.is_constant() || work.constant() > most_flops) return gathered(value);
    Node other = node;
    for (const std::int64_t operand : operands) {
      ValueId& id = other.inputs[static_cast<std::size_t>(operand)];
      id = transposed(id, depth).id();
    }
    other.outputs = {graph_.add_value(graph_.type(value))};
    const ValueId made = other.outputs[0];
    graph_.append(std::move(other));
    return rebuild_.build().wrap(made);
  }

  // Read from the order in which it stands.
  Var gathered(ValueId value) {
    gathered_ += pass_.model.bytes(graph_.type(value));
    Builder& build = rebuild_.build();
    return build.call("embedding", {build.wrap(value), build.wrap(pattern_->t_order)});
  }

  Graph& graph_;
  std::int64_t deepest_;
  Pass& pass_;
  Rebuild rebuild_;
  const PatternIds* pattern_ = nullptr;
  std::map<ValueId, Var> transposed_;  // of the sum that is being looked at
  double gathered_ = 0;                // bytes that are read through the order of entries
  bool from_vertices_ = false;
};

const RegisterTransformation transpose_edges{
    {.name = "transpose_edges",
     .level = 3,
     .about = "computes what edges bring their sources in the order of the sources, from values of vertices",
     .parameters = {{"deepest", no_limit, 0, no_limit,
                     "operators of edges up to there that are computed in both orders: what is behind is read"}},
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters& parameters, Pass& pass) {
       return Transposition(graph, parameters.at("deepest"), pass).run();
     }}};

}  // namespace
}  // namespace neap::transpose_edges_transformation
