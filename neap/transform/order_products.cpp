// Chooses the order of chains of a sparse and two dense factors, where the width of the sparse product decides what moves: a graph layer
// A X W as A (X W), transform first, or (A X) W, aggregate first; its gradients A^T G W^T likewise, and (A X)^T G or X^T (A^T G). Products
// that several chains share are counted once, so forward and backward are chosen together; a product of fixed inputs alone costs nothing
// where it is kept across runs. After "Cached Operator Reordering: A Unified View for Fast GNN Training" (Bazinska et al., arXiv
// 2308.12093), by a cost model over whole chains in place of its rule on widths.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "neap/ops/operator.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/fixed.h"
#include "neap/transform/structure.h"
#include "neap/transform/transformation.h"

namespace neap::order_products_transformation {
namespace {

constexpr std::size_t most_chains = 10;  // of one component, up to which all combinations are tried
constexpr std::size_t most_named = 40;   // whose plans have a number
constexpr double nearly = 1.25;          // times the time of the best: a model is as wrong as that
constexpr double clear_gain = 0.99;      // of the time of transforming first: on a tie that stays, since what follows joins its loop

bool flag(const Node& node, std::string_view name) {
  const auto found = node.attributes.find(name);
  return found != node.attributes.end() && std::get<bool>(found->second);
}

void set_flag(Node& node, const std::string& name, bool value) {
  node.attributes.erase(name);
  if (value) node.attributes[name] = true;  // false is the default, which is not written
}

// One way to compute a chain: an inner product, and an outer one that takes its result as operand `slot`.
struct Form {
  Node inner, outer;
  std::size_t slot = 0;
  std::string inner_key;
  double inner_seconds = 0, outer_seconds = 0;
};

struct Chain {
  Form transform_first, aggregate_first;
  bool aggregates_first_now = false;
  std::size_t at = 0;  // position of the outer product
  const Form& form(bool aggregate) const { return aggregate ? aggregate_first : transform_first; }
};

class Ordering {
 public:
  Ordering(Graph& graph, const Parameters& parameters, Pass& pass)
      : graph_(graph),
        uses_(graph),
        fixed_(fixed_values(graph)),
        keeps_(parameters.at("keep") != 0),
        order_(parameters.at("order")),
        plan_(parameters.at("plan")),
        pass_(pass) {}

  int run() {
    if (!find_chains()) return 0;
    int edits = 0;
    for (const std::vector<std::size_t>& component : components()) edits += choose(component);
    if (edits > 0) {
      neap::apply(graph_, edit_);
      remove_dead_nodes(graph_);
    }
    return edits;
  }

  // Plans as numbers; see Ways.
  std::vector<std::int64_t> ways(std::size_t most) {
    if (order_ != 0 || !find_chains() || chains_.size() > most_named) return {};
    std::vector<std::int64_t> plans;
    if (plan_ >= 0) {
      for (std::size_t i = 0; i < chains_.size(); ++i) plans.push_back(plan_ ^ std::int64_t{1} << i);
      for (std::size_t i = 0; i < chains_.size(); ++i) {
        for (std::size_t j = i + 1; j < chains_.size(); ++j) {
          if (share_product(chains_[i], chains_[j])) plans.push_back(plan_ ^ std::int64_t{1} << i ^ std::int64_t{1} << j);
        }
      }
      plans.resize(std::min(most, plans.size()));
      return plans;
    }
    std::vector<std::size_t> all(chains_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const auto price = [&](std::int64_t plan) { return seconds(all, of_number(all, plan)); };
    std::int64_t best = 0;
    for (const std::vector<std::size_t>& component : components()) {
      const Plan plan = best_plan(component);
      for (std::size_t i = 0; i < component.size(); ++i) best |= static_cast<std::int64_t>(plan[i]) << component[i];
    }
    const double most_seconds = nearly * price(best);
    std::vector<std::pair<double, std::int64_t>> priced;
    const auto add = [&](std::int64_t plan) {
      const double mine = price(plan);
      if (plan != best && mine <= most_seconds) priced.emplace_back(mine, plan);
    };
    if (chains_.size() <= most_chains) {
      for (std::int64_t plan = 0; plan < std::int64_t{1} << chains_.size(); ++plan) add(plan);
    } else {
      for (std::size_t i = 0; i < chains_.size(); ++i) add(best ^ std::int64_t{1} << i);
    }
    std::sort(priced.begin(), priced.end());
    plans.push_back(best);
    for (std::size_t i = 0; i < std::min(most - 1, priced.size()); ++i) plans.push_back(priced[i].second);
    return plans;
  }

 private:
  bool find_chains() {
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) find_chain(i);
    if (!chains_.empty()) note_needed_anyway();
    return !chains_.empty();
  }

  // ---- finding chains -----------------------------------------------------------------------------------------------------------

  const Node* maker(ValueId id, std::string_view op) const {
    const int at = uses_.producer(id);
    if (at < 0 || !is_call_of(*graph_.nodes()[static_cast<std::size_t>(at)], op)) return nullptr;
    return graph_.nodes()[static_cast<std::size_t>(at)].get();
  }

  // A product of matrices: features without heads, one weight an entry or none.
  const Node* sparse_product(ValueId id) const {
    const Node* node = maker(id, "spmm");
    return node != nullptr && is_matrix(node->inputs[0]) && has_plain_weights(*node) ? node : nullptr;
  }
  bool is_matrix(ValueId id) const { return graph_.type(id).rank() == 2; }
  bool has_plain_weights(const Node& spmm) const {
    return spmm.inputs.size() > 1 && (spmm.inputs[1] == no_value || graph_.type(spmm.inputs[1]).rank() == 1);
  }
  static bool is_transposable(const Node& spmm) { return spmm.inputs.size() == 7 && spmm.inputs[4] != no_value; }

  void find_chain(std::size_t at) {
    const Node& outer = *graph_.nodes()[at];
    if (is_call_of(outer, "spmm") && is_matrix(outer.inputs[0]) && has_plain_weights(outer)) {
      const Node* dense = maker(outer.inputs[0], "matmul");
      if (dense == nullptr || flag(*dense, "transpose_a") || !is_matrix(dense->inputs[0]) || !is_matrix(dense->inputs[1])) return;
      add_layer(at, outer, dense->inputs[0], *dense, false);
    } else if (is_call_of(outer, "matmul") && is_matrix(outer.inputs[0]) && is_matrix(outer.inputs[1])) {
      if (flag(outer, "transpose_a")) {
        if (!flag(outer, "transpose_b")) find_weight_gradient(at, outer);
      } else if (const Node* sparse = sparse_product(outer.inputs[0])) {
        add_layer(at, *sparse, sparse->inputs[0], outer, true);
      }
    }
  }

  // A X W
  void add_layer(std::size_t at, const Node& sparse, ValueId x, const Node& dense, bool aggregates_first) {
    Chain chain{product(dense, 0, x), product(sparse, 0, x), aggregates_first, at};
    wrap(chain.transform_first, sparse, 0, at);
    wrap(chain.aggregate_first, dense, 0, at);
    // What follows point by point can join the loop of a sparse product, not a library's: one more pass over the result.
    chain.aggregate_first.outer_seconds += pass_.model.copy_seconds(2 * pass_.model.bytes(graph_.type(graph_.nodes()[at]->outputs[0])));
    chains_.push_back(std::move(chain));
  }

  // (A X)^T G, or X^T (A^T G): the sparse product stands at one operand or at the other.
  void find_weight_gradient(std::size_t at, const Node& outer) {
    for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
      const Node* sparse = sparse_product(outer.inputs[slot]);
      if (sparse == nullptr || !is_transposable(*sparse)) continue;
      Node other = *sparse;
      set_flag(other, "transpose", !flag(*sparse, "transpose"));
      Node bare = outer;
      bare.inputs[slot] = sparse->inputs[0];
      Form now = product(*sparse, 0, sparse->inputs[0]), then = product(other, 0, outer.inputs[1 - slot]);
      wrap(now, bare, slot, at);
      wrap(then, bare, 1 - slot, at);
      // The forward product (not of the transpose) is the aggregate.
      const bool aggregates_first = !flag(*sparse, "transpose");
      Chain chain{aggregates_first ? then : now, aggregates_first ? now : then, aggregates_first, at};
      chains_.push_back(std::move(chain));
      return;
    }
  }

  Form product(const Node& like, std::size_t slot, ValueId operand) {
    Form form;
    form.inner = like;
    form.inner.inputs[slot] = operand;
    const Type type = infer(make_call(graph_, form.inner))[0];
    form.inner.outputs = {graph_.add_value(type)};
    form.inner_key = key(form.inner);
    const bool is_kept = keeps_ && depends_on_fixed_alone(graph_, form.inner, fixed_);
    form.inner_seconds = is_kept ? 0 : pass_.model.node(graph_, form.inner).seconds;
    return form;
  }

  void wrap(Form& form, const Node& like, std::size_t slot, std::size_t at) {
    form.outer = like;
    form.outer.inputs[slot] = form.inner.outputs[0];
    form.outer.outputs = graph_.nodes()[at]->outputs;
    form.outer.origin = graph_.nodes()[at]->origin;
    form.slot = slot;
    form.outer_seconds = pass_.model.node(graph_, form.outer).seconds;
  }

  std::string key(const Node& node) const {
    return structure(graph_, node, [](ValueId id) { return id; }).hex();
  }

  // ---- choosing -----------------------------------------------------------------------------------------------------------------

  // Chains that may share an inner product.
  std::vector<std::vector<std::size_t>> components() const {
    std::vector<std::size_t> parent(chains_.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    const auto root = [&](std::size_t i) {
      while (parent[i] != i) i = parent[i];
      return i;
    };
    std::map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      for (const Form* form : {&chains_[i].transform_first, &chains_[i].aggregate_first}) {
        const auto [known, fresh] = first.emplace(form->inner_key, i);
        if (!fresh) parent[root(i)] = root(known->second);
      }
    }
    std::map<std::size_t, std::vector<std::size_t>> grouped;
    for (std::size_t i = 0; i < chains_.size(); ++i) grouped[root(i)].push_back(i);
    std::vector<std::vector<std::size_t>> all;
    for (auto& [at, members] : grouped) all.push_back(std::move(members));
    return all;
  }

  // Whether some form of one takes a product that some form of the other takes: both may pay where neither does alone.
  static bool share_product(const Chain& one, const Chain& other) {
    for (const Form* a : {&one.transform_first, &one.aggregate_first}) {
      for (const Form* b : {&other.transform_first, &other.aggregate_first}) {
        if (a->inner_key == b->inner_key) return true;
      }
    }
    return false;
  }

  using Plan = std::vector<bool>;  // by member: aggregate first

  static Plan of_number(const std::vector<std::size_t>& members, std::int64_t number) {
    Plan plan;
    for (const std::size_t member : members) plan.push_back((number >> member & 1) != 0);
    return plan;
  }

  double seconds(const std::vector<std::size_t>& members, const Plan& plan) const {
    double total = 0;
    std::set<std::string_view> counted;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const Form& form = chains_[members[i]].form(plan[i]);
      total += form.outer_seconds;
      if (needed_anyway_.count(form.inner_key) == 0 && counted.insert(form.inner_key).second) total += form.inner_seconds;
    }
    return total;
  }

  // Products that somebody else than a chain reads, and that are no chain's outer product.
  void note_needed_anyway() {
    std::set<std::size_t> outers;
    for (const Chain& chain : chains_) outers.insert(chain.at);
    for (std::size_t at = 0; at < graph_.nodes().size(); ++at) {
      const Node& node = *graph_.nodes()[at];
      if ((node.op != "spmm" && node.op != "matmul") || outers.count(at) != 0) continue;
      const auto& readers = uses_.users(node.outputs[0]);
      const bool outside =
          std::any_of(readers.begin(), readers.end(), [&](int by) { return outers.count(static_cast<std::size_t>(by)) == 0; });
      if (outside || uses_.is_output(node.outputs[0])) needed_anyway_.insert(key(node));
    }
  }

  Plan best_plan(const std::vector<std::size_t>& members) const {
    Plan transform(members.size(), false), aggregate(members.size(), true);
    if (order_ == 1) return transform;
    if (order_ == 2) return aggregate;
    if (plan_ >= 0) return of_number(members, plan_);
    Plan best = transform;
    double least = seconds(members, transform) * clear_gain;
    const auto look_at = [&](const Plan& plan) {
      const double mine = seconds(members, plan);
      if (mine >= least) return false;
      least = mine;
      best = plan;
      return true;
    };
    if (members.size() <= most_chains) {
      for (std::size_t bits = 1; bits < std::size_t{1} << members.size(); ++bits) {
        Plan plan;
        for (std::size_t i = 0; i < members.size(); ++i) plan.push_back((bits >> i & 1) != 0);
        look_at(plan);
      }
      return best;
    }
    look_at(aggregate);
    for (bool better = true; better;) {
      better = false;
      for (std::size_t i = 0; i < members.size(); ++i) {
        Plan plan = best;
        plan[i] = !plan[i];
        better |= look_at(plan);
      }
    }
    return best;
  }

  int choose(const std::vector<std::size_t>& members) {
    const Plan plan = best_plan(members);
    int edits = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const Chain& chain = chains_[members[i]];
      const Node& outer = *graph_.nodes()[chain.at];
      if (plan[i] == chain.aggregates_first_now) {
        pass_.refuse(graph_, outer, reason(members, plan, i));
      } else {
        pass_.made(graph_, outer, reason(members, plan, i));
        ++edits;
      }
    }
    if (edits > 0) write(members, plan);
    return edits;
  }

  // Of the order of one member: what it takes, against the other order with all else as planned.
  std::string reason(const std::vector<std::size_t>& members, const Plan& plan, std::size_t member) const {
    Plan other = plan;
    other[member] = !other[member];
    const double mine = seconds(members, plan), others = seconds(members, other);
    const bool tie = !plan[member] && others < mine && others >= clear_gain * mine;
    return fmt::format("{} first: {:.4g} us against {:.4g} us, with all that shares its products{}",
                       plan[member] ? "aggregates" : "transforms", mine * 1e6, others * 1e6,
                       plan_ >= 0 ? "; as given"
                       : tie      ? "; on a tie, since what follows joins its loop"
                                  : "");
  }

  // Each inner product stands ahead of the first that takes it, where its operands are known: chains are in the order of their nodes.
  void write(const std::vector<std::size_t>& members, const Plan& plan) {
    std::map<std::string, ValueId> made;
    for (std::size_t i = 0; i < members.size(); ++i) {
      const Chain& chain = chains_[members[i]];
      const Form& form = chain.form(plan[i]);
      const auto [known, fresh] = made.emplace(form.inner_key, form.inner.outputs[0]);
      std::vector<Node>& before = edit_.before[chain.at];
      if (fresh) before.push_back(form.inner);
      Node outer = form.outer;
      outer.inputs[form.slot] = known->second;
      before.push_back(std::move(outer));
      edit_.erase.insert(chain.at);
    }
  }

  Graph& graph_;
  const Uses uses_;
  const std::vector<char> fixed_;
  const bool keeps_;
  const std::int64_t order_, plan_;
  Pass& pass_;
  std::vector<Chain> chains_;
  std::set<std::string> needed_anyway_;  // inner products, by key
  Edit edit_;
};

const RegisterTransformation order_products{
    {.name = "order_products",
     .level = 3,
     .about = "aggregates before or after the dense product of a graph layer, forward and backward together",
     .parameters = {{"order", 0, 0, 2, "0: by cost; 1: transform first everywhere; 2: aggregate first everywhere"},
                    {"keep", 0, 0, 1, "1: products of fixed inputs alone are kept across runs and cost nothing"},
                    {"plan", -1, -1, std::int64_t{1} << 40, "bit i: whether chain i aggregates first, whatever the cost; -1: by cost"}},
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters& parameters, Pass& pass) { return Ordering(graph, parameters, pass).run(); },
     .ways = {"plan", [](const Graph& graph, const Parameters& parameters, const CostModel& model, std::size_t most) {
                Graph copy = graph;
                Pass pass{model};
                return Ordering(copy, parameters, pass).ways(most);
              }}}};

}  // namespace
}  // namespace neap::order_products_transformation
