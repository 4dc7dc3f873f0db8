// Takes what belongs to an edge's ends out of its weight, and scales the rows that are gathered and those that are summed in its place:
// sum over e of s[column(e)] * t[r] * x[column(e)] is t[r] times the sum of s * x. Normalised weights (1 / sqrt(d d') of a graph
// convolution, Kipf and Welling, arXiv 1609.02907, eq. 2) then need no array of all edges: worth it where that weighs more than one more
// pass over the vertices' features. Whatever all products with the same weights take together decides.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "neap/transform/call_edit.h"
#include "neap/transform/fixed.h"
#include "neap/transform/rebuild.h"
#include "neap/transform/row_factors.h"
#include "neap/transform/transformation.h"

namespace neap::scale_rows_transformation {
namespace {

enum Operand : std::uint8_t { features, weights, offsets, columns, t_offsets };

// A weight as factors of the edge's target, of its source, and others.
struct Factors {
  std::vector<ValueId> target, source, others;
  bool belong_to_ends() const { return !target.empty() || !source.empty(); }
};

class Scaling {
 public:
  Scaling(Graph& graph, Pass& pass) : graph_(graph), pass_(pass), uses_(graph), fixed_(fixed_values(graph)) {}

  int run() {
    std::map<ValueId, std::vector<const Node*>> products;  // by weights
    for (const NodePtr& node : graph_.nodes()) {
      if (is_call_of(*node, "spmm") && node->inputs[weights] != no_value && graph_.type(node->inputs[weights]).rank() == 1)
        products[node->inputs[weights]].push_back(node.get());
    }
    for (const auto& [id, nodes] : products) decide(id, nodes);
    if (scaled_.empty()) return 0;
    Rebuild rebuild(graph_);
    return rebuild.run([&](const Node& node) { return scaled(rebuild.build(), node); });
  }

 private:
  const Node* maker(ValueId id) const {
    const int at = uses_.producer(id);
    return at < 0 ? nullptr : graph_.nodes()[static_cast<std::size_t>(at)].get();
  }

  Factors factors_of(ValueId id, const Node& product) const {
    const Node* const made = maker(id);
    if (made != nullptr && is_call_of(*made, "segment_broadcast") && made->inputs[1] == product.inputs[offsets])
      return {{made->inputs[0]}, {}, {}};
    if (made != nullptr && is_call_of(*made, "edge_source") && made->inputs[1] == product.inputs[offsets] &&
        made->inputs[2] == product.inputs[columns])
      return {{}, {made->inputs[0]}, {}};
    if (made != nullptr && is_call_of(*made, "mul") && graph_.type(made->inputs[0]).shape == graph_.type(made->inputs[1]).shape) {
      Factors both = factors_of(made->inputs[0], product);
      const Factors second = factors_of(made->inputs[1], product);
      const auto append = [](std::vector<ValueId>& to, const std::vector<ValueId>& from) { to.insert(to.end(), from.begin(), from.end()); };
      append(both.target, second.target);
      append(both.source, second.source);
      append(both.others, second.others);
      if (both.belong_to_ends()) return both;
    }
    return {{}, {}, {id}};
  }

  bool is_made_once(ValueId id) const { return fixed_[static_cast<std::size_t>(id)] != 0 || graph_.value(id).constant.has_value(); }

  // Scaling what is gathered joins the loop that makes it, where that is no library's and nobody else reads it.
  double seconds_of_scaling(const Node& product) const {
    const Node* const made = maker(product.inputs[features]);
    const bool joins = made != nullptr && made->op != "matmul" && uses_.users(product.inputs[features]).size() == 1;
    return joins ? 0 : pass_.model.copy_seconds(2 * pass_.model.bytes(graph_.type(product.inputs[features])));
  }

  void decide(ValueId id, const std::vector<const Node*>& products) {
    const auto of_one_pattern = [&](const Node* product) {
      return product->inputs[offsets] == products[0]->inputs[offsets] && product->inputs[columns] == products[0]->inputs[columns];
    };
    const Factors factors = factors_of(id, *products[0]);
    if (!factors.belong_to_ends() || !std::ranges::all_of(products, of_one_pattern)) {
      for (const Node* product : products) pass_.refuse(graph_, *product, "nothing in its weights belongs to an edge's ends");
      return;
    }
    const double array = pass_.model.copy_seconds(pass_.model.bytes(graph_.type(id)));
    double by_weights = is_made_once(id) ? 0 : array, by_rows = factors.others.size() < 2 || is_made_once(id) ? 0 : array;
    for (const Node* product : products) {
      Node bare = *product;
      if (factors.others.empty()) bare.inputs[weights] = no_value;
      by_weights += pass_.model.node(graph_, *product).seconds;
      const auto& gathered = make_call(graph_, *product).flag("transpose") ? factors.target : factors.source;
      by_rows += pass_.model.node(graph_, bare).seconds + (gathered.empty() ? 0 : seconds_of_scaling(*product));
    }
    const std::string times = fmt::format("all products with these weights take {:.3g} us by weights of edges, {:.3g} us by scaled rows",
                                          by_weights * 1e6, by_rows * 1e6);
    if (by_rows >= by_weights) {
      for (const Node* product : products) pass_.refuse(graph_, *product, times);
      return;
    }
    for (const Node* product : products) pass_.made(graph_, *product, times);
    scaled_.emplace(id, factors);
  }

  Var scaled(Builder& build, const Node& node) {
    const auto found = is_call_of(node, "spmm") ? scaled_.find(node.inputs[weights]) : scaled_.end();
    if (found == scaled_.end()) return {};
    const auto vars = [&](const std::vector<ValueId>& ids) {
      std::vector<Var> made;
      for (const ValueId id : ids) made.push_back(id == no_value ? Var() : build.wrap(id));
      return made;
    };
    const std::vector<Var> target = vars(found->second.target), source = vars(found->second.source);
    const bool transposed = make_call(graph_, node).flag("transpose");
    std::vector<Var> operands = vars(node.inputs);
    operands[features] = times_rows(operands[features], transposed ? target : source);
    operands[weights] = {};
    for (const Var& other : vars(found->second.others)) operands[weights] = operands[weights] ? operands[weights] * other : other;
    const Var sums = build.call("spmm", operands, node.attributes);
    return with_row_factors(build, sums, transposed ? source : target, {}, operands[transposed ? t_offsets : offsets]);
  }

  Graph& graph_;
  Pass& pass_;
  const Uses uses_;
  const std::vector<char> fixed_;
  std::map<ValueId, Factors> scaled_;  // by weights
};

const RegisterTransformation scale_rows{
    {.name = "scale_rows",
     .level = 3,
     .about = "scales the rows that are gathered and summed in place of weights of edges that are made of factors of their ends",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass& pass) { return Scaling(graph, pass).run(); }}};

}  // namespace
}  // namespace neap::scale_rows_transformation
