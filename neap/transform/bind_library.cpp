// Chooses who runs a call: a library, or loops of our own (then it stays for `lower`). A composite that no library takes whole is written
// out, so that its parts can be bound. By cost, a call stays where the generated loops are expected to be quicker, counting that they can
// take neighbours into the same loop and a library cannot.
#include <algorithm>
#include <array>

#include "neap/ops/builder.h"
#include "neap/runtime/library.h"
#include "neap/transform/expansion.h"
#include "neap/transform/transformation.h"

namespace neap::bind_library_transformation {
namespace {

// Whether a node does its work point by point, so that it can join the loops of what feeds it.
bool is_elementwise(const Graph& graph, const Node& node) {
  if (node.is_map() || is_composite(node) || node.inputs.empty()) return false;
  static constexpr std::array<std::string_view, 4> movers = {"reshape", "expand", "transpose", "cast"};
  const auto same_shape = [&](ValueId id) { return id != no_value && graph.type(id).shape == graph.type(node.outputs[0]).shape; };
  return std::find(movers.begin(), movers.end(), node.op) != movers.end() ||
         (node.outputs.size() == 1 && std::any_of(node.inputs.begin(), node.inputs.end(), same_shape));
}

class Binding {
 public:
  Binding(Graph& graph, bool by_cost, Pass& pass)
      : graph_(graph), by_cost_(by_cost), pass_(pass), joins_(graph.value_count(), 0), feeds_(graph.value_count(), 0) {
    if (!by_cost) return;
    const Uses uses(graph);
    for (const NodePtr& node : graph.nodes()) {
      const bool point_by_point = is_elementwise(graph, *node);
      for (const ValueId id : node->outputs) {
        const auto& users = uses.users(id);
        if (users.size() != 1 || uses.is_output(id)) continue;
        joins_[static_cast<std::size_t>(id)] = is_elementwise(graph, *graph.nodes()[static_cast<std::size_t>(users[0])]) ? 1 : 0;
        feeds_[static_cast<std::size_t>(id)] = point_by_point ? 1 : 0;
      }
    }
  }

  Fate decide(Node& node) const {
    if (node.is_map() || !node.implementation.empty()) return Fate::unchanged;
    std::string why;
    const Implementation* chosen = choose(node, why);
    if (chosen != nullptr) {
      pass_.made(graph_, node, std::move(why));
      node.implementation = chosen->name;
      return Fate::changed;
    }
    if (!why.empty()) pass_.refuse(graph_, node, why);
    return is_composite(node) ? Fate::expand : Fate::unchanged;
  }

 private:
  // `why` says what decided, both ways.
  const Implementation* choose(const Node& node, std::string& why) const {
    const auto& known = implementations_of(node.op);
    if (known.empty()) return nullptr;
    const Call call = make_call(graph_, node);
    const std::vector<Type> inputs = types_of(graph_, node.inputs), outputs = types_of(graph_, node.outputs);
    const Implementation* best = nullptr;
    double best_seconds = 0;
    for (const Implementation* candidate : known) {
      if (const std::string reason = candidate->refuses(call, inputs, outputs); !reason.empty()) {
        why += (why.empty() ? "" : "; ") + candidate->name + ": " + reason;
        continue;
      }
      if (!by_cost_) {
        why = candidate->name + " takes it";
        return candidate;
      }
      Node bound = node;
      bound.implementation = candidate->name;
      const double seconds = pass_.model.node(graph_, bound).seconds;
      if (best == nullptr || seconds < best_seconds) {
        best = candidate;
        best_seconds = seconds;
      }
    }
    if (best == nullptr || !by_cost_) return nullptr;
    const double own = own_seconds(node);
    why = fmt::format("{}: {:.3g} us, loops of our own: {:.3g} us", best->name, best_seconds * 1e6, own * 1e6);
    return best_seconds <= own ? best : nullptr;
  }

  // As generated loops, without what joining the loops of its only reader saves: one write and one read of the result. Loops over rows (a
  // norm, a softmax) also take in what is made point by point for them alone.
  double own_seconds(const Node& node) const {
    double seconds = pass_.model.as_loops(graph_, node).seconds;
    const auto save = [&](ValueId id, const std::vector<char>& where) {
      if (id == no_value || id >= static_cast<ValueId>(where.size()) || where[static_cast<std::size_t>(id)] == 0) return;
      seconds -= pass_.model.copy_seconds(2 * pass_.model.bytes(graph_.type(id)));
    };
    for (const ValueId id : node.outputs) save(id, joins_);
    if (is_composite(node)) {
      for (const ValueId id : node.inputs) save(id, feeds_);
    }
    return seconds;
  }

  Graph& graph_;
  bool by_cost_;
  Pass& pass_;
  std::vector<char> joins_;  // by value that was there at the start: whether its only reader can take it from the loop that makes it
  std::vector<char> feeds_;  // likewise: whether it is made point by point, for one reader
};

int bind_all(Graph& graph, const Parameters& parameters, Pass& pass) {
  const Binding binding(graph, parameters.at("by_cost") != 0, pass);
  return rewrite_nodes(graph, [&](Node& node) { return binding.decide(node); });
}

const RegisterTransformation bind_library{
    {.name = "bind_library",
     .level = 0,
     .about = "chooses a library for each call that one takes",
     .parameters = {{"by_cost", 0, 0, 1, "0: wherever a library takes the call; 1: only where it is expected to be quicker"}},
     .needs_gain = false,
     .apply_everywhere = bind_all}};

}  // namespace
}  // namespace neap::bind_library_transformation
