// Takes out of sums over a row's edges what is the row's own: sum over e of w[e] * k[r] is k[r] times the sum of w, so that normalised
// weights (softmax's w[e] / sum of w) need no pass of their own after the sum is known. A product of both ends (sddmm) within such a sum is
// taken apart: sum over e of w[e] * <a[r], b[column(e)]> = <a[r], sum over e of w[e] * b[column(e)]>, where a product of the pattern with b
// is made anyway, in whose pass it then is. For graph attention's gradient both give: the row term of the softmax's gradient, the sum of
// w * dw, is <dy[r], y[r]> (as in FlashAttention, Dao et al., arXiv 2205.14135, eq. 4), and what the row's own logit gets follows from
// partial sums of the forward pass: no pass over a row's edges is left for the backward.
#include <map>
#include <set>

#include "neap/transform/call_edit.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/rebuild.h"
#include "neap/transform/row_factors.h"
#include "neap/transform/transformation.h"

namespace neap::factor_edge_sums_transformation {
namespace {

constexpr std::size_t most_terms = 4;
const char* const of_the_row = "what is the row's own stands behind the sum, once a row: no pass over its entries waits for it";

// One term of a sum over a row's entries: factors of the entry, factors (and divisors) of the row, and at most one product of both ends.
struct Term {
  bool negative = false;
  std::vector<Var> entry, row, divisors;
  Var a, b;  // the product's operands, of the row and of the column; empty: there is none
  std::vector<Var> pattern;
  bool useful() const { return !row.empty() || !divisors.empty() || static_cast<bool>(a); }
};
using Terms = std::vector<Term>;

bool any_useful(const Terms& terms) {
  return std::any_of(terms.begin(), terms.end(), [](const Term& term) { return term.useful(); });
}

// Whether a map's expression is its operand `of` times something, at each point.
bool is_linear(const Expr& e, std::int64_t of) {
  const auto depends = [&](const Expr& part) {
    bool found = false;
    visit(part, [&](const Expr& x) { found |= x->op == Scalar::read && x->integer == of; });
    return found;
  };
  switch (e->op) {
    case Scalar::read:
      return e->integer == of;
    case Scalar::constant:
      return e->number == 0 && e->integer == 0;
    case Scalar::neg:
      return is_linear(e->args[0], of);
    case Scalar::add:
    case Scalar::sub:
      return is_linear(e->args[0], of) && is_linear(e->args[1], of);
    case Scalar::mul:
      return (is_linear(e->args[0], of) && !depends(e->args[1])) || (is_linear(e->args[1], of) && !depends(e->args[0]));
    case Scalar::div:
      return is_linear(e->args[0], of) && !depends(e->args[1]);
    case Scalar::select:
      return !depends(e->args[0]) && is_linear(e->args[1], of) && is_linear(e->args[2], of);
    default:
      return false;
  }
}

// Whether a map computes each element from the elements of its operands at the same place.
bool is_elementwise(const Map& map) {
  if (map.stages.size() != 1 || !map.locals.empty() || map.stages[0].accumulate != Accumulate::none) return false;
  const Stage& stage = map.stages[0];
  bool all = std::all_of(stage.index.begin(), stage.index.end(), [](const Expr& index) { return index->op == Scalar::axis; });
  visit(stage.value, [&](const Expr& e) {
    if (e->op == Scalar::reduce) all = false;
    if (e->op != Scalar::read) return;
    all &= e->args.size() == stage.index.size();
    for (std::size_t i = 0; all && i < stage.index.size(); ++i) all &= same(e->args[i], stage.index[i]);
  });
  return all;
}

class Factoring {
 public:
  Factoring(Graph& graph, Pass& pass) : graph_(graph), pass_(pass), rebuild_(graph) {}

  int run() {
    bool any = false;
    for (const NodePtr& node : graph_.nodes()) {
      any |= is_call_of(*node, "segment_sum");
      if (!is_call_of(*node, "spmm")) continue;
      any = true;
      if (!make_call(graph_, *node).flag("transpose")) products_.insert({node->inputs[0], node->inputs[2], node->inputs[3]});
    }
    return any ? rebuild_.run([&](const Node& node) { return factored(node); }) : 0;
  }

 private:
  Var factored(const Node& node) {
    if (is_call_of(node, "segment_sum")) return factored_sum(node);
    if (is_call_of(node, "spmm") && !make_call(graph_, node).flag("transpose") && node.inputs[1] != no_value) return factored_product(node);
    return {};
  }

  Builder& build() { return rebuild_.build(); }
  Var var(ValueId id) { return id == no_value ? Var() : build().wrap(id); }

  // ---- taking apart -------------------------------------------------------------------------------------------------------------

  Terms whole(ValueId value) {
    Term term;
    term.entry = {var(value)};
    return {term};
  }

  Terms terms_of(ValueId value, ValueId offsets, bool products) {
    const Node* maker = rebuild_.maker(value);
    if (maker == nullptr || maker->outputs.size() != 1 || !maker->implementation.empty()) return whole(value);
    const Node node = *maker;
    const Shape& shape = graph_.type(value).shape;
    const auto alike = [&](std::size_t operand) { return graph_.type(node.inputs[operand]).shape == shape; };
    if (is_call_of(node, "segment_broadcast") && node.inputs[1] == offsets) {
      Term term;
      term.row = {var(node.inputs[0])};
      return {term};
    }
    if (is_call_of(node, "sddmm") && products && node.inputs[2] == offsets &&
        products_.count({node.inputs[1], offsets, node.inputs[3]}) != 0) {
      Term term;
      term.a = var(node.inputs[0]);
      term.b = var(node.inputs[1]);
      for (std::size_t i = 2; i < 7; ++i) term.pattern.push_back(i < node.inputs.size() ? var(node.inputs[i]) : Var());
      return {term};
    }
    if (is_call_of(node, "mul") && alike(0) && alike(1)) {
      Terms made = times(terms_of(node.inputs[0], offsets, products), terms_of(node.inputs[1], offsets, products));
      return any_useful(made) ? made : whole(value);
    }
    if (is_call_of(node, "div") && alike(0) && alike(1)) {
      const Node* below = rebuild_.maker(node.inputs[1], "segment_broadcast");
      if (below == nullptr || below->inputs[1] != offsets) return whole(value);
      const Var divisor = var(below->inputs[0]);
      Terms made = terms_of(node.inputs[0], offsets, products);
      for (Term& term : made) term.divisors.push_back(divisor);
      return made;
    }
    if ((is_call_of(node, "add") || is_call_of(node, "sub")) && alike(0) && alike(1)) {
      Terms made = terms_of(node.inputs[0], offsets, products);
      Terms second = terms_of(node.inputs[1], offsets, products);
      for (Term& term : second) term.negative ^= node.op == "sub";
      made.insert(made.end(), second.begin(), second.end());
      return any_useful(made) && made.size() <= most_terms ? made : whole(value);
    }
    if (!node.is_map() && find_operator(node.op).compose != nullptr && node.op == "segment_softmax" && node.inputs[1] == offsets)
      return terms_of(rebuild_.written_out(value).id(), offsets, products);
    if (node.is_map()) return terms_of_map(value, node, offsets, products);
    return whole(value);
  }

  // c[e] * x[e], where a gradient has written it as one expression.
  Terms terms_of_map(ValueId value, const Node& node, ValueId offsets, bool products) {
    if (!is_elementwise(*node.map)) return whole(value);
    for (std::size_t operand = 0; operand < node.inputs.size(); ++operand) {
      const auto number = static_cast<std::int64_t>(operand);
      if (!is_linear(node.map->stages[0].value, number)) continue;
      Terms made = terms_of(node.inputs[operand], offsets, products);
      if (!any_useful(made)) continue;
      Map map = *node.map;
      Expr& factor = map.stages[0].value;
      factor =
          rewrite(factor, [&](const Expr& e) { return e->op == Scalar::read && e->integer == number ? constant(e.dtype(), 1) : Expr(); });
      Node made_of = node;
      made_of.map = std::make_shared<const Map>(std::move(map));
      made_of.outputs = {graph_.add_value(graph_.type(value))};
      Term other;
      other.entry = {var(made_of.outputs[0])};
      graph_.append(without_unread(std::move(made_of)));
      return times({other}, made);
    }
    return whole(value);
  }

  static Terms times(const Terms& first, const Terms& second) {
    Terms made;
    const auto append = [](std::vector<Var>& to, const std::vector<Var>& from) { to.insert(to.end(), from.begin(), from.end()); };
    for (const Term& one : first) {
      for (const Term& two : second) {
        if (static_cast<bool>(one.a) && static_cast<bool>(two.a)) return {};
        Term term = one;
        term.negative ^= two.negative;
        append(term.entry, two.entry);
        append(term.row, two.row);
        append(term.divisors, two.divisors);
        if (two.a) {
          term.a = two.a;
          term.b = two.b;
          term.pattern = two.pattern;
        }
        made.push_back(std::move(term));
      }
    }
    return made.size() <= most_terms ? made : Terms{};
  }

  // ---- putting together -----------------------------------------------------------------------------------------------------------

  static Var product(const std::vector<Var>& factors) {
    Var all;
    for (const Var& factor : factors) all = all ? all * factor : factor;
    return all;
  }

  Var with_row(const Var& sum, const Term& term, ValueId offsets) {
    return with_row_factors(build(), sum, term.row, term.divisors, var(offsets));
  }

  Var factored_sum(const Node& node) {
    const ValueId offsets = node.inputs[1];
    const Type type = graph_.type(node.outputs[0]);
    if (!is_float(type.dtype)) return {};
    const Terms terms = terms_of(node.inputs[0], offsets, true);
    if (terms.empty() || !any_useful(terms)) {
      pass_.refuse(graph_, node, "nothing in it is the row's own");
      return {};
    }
    if (std::any_of(terms.begin(), terms.end(), [](const Term& term) { return term.entry.empty() && !term.a; })) {
      pass_.refuse(graph_, node, "a term is the same for all entries of a row");
      return {};
    }
    const bool apart = std::any_of(terms.begin(), terms.end(), [](const Term& term) { return static_cast<bool>(term.a); });
    pass_.made(
        graph_, node,
        apart ? "its product of both ends is taken apart: the sum is in the pass that makes the column's product anyway" : of_the_row);
    Var total;
    for (const Term& term : terms) {
      const Var weights = product(term.entry);
      Var sum;
      if (term.a) {
        std::vector<Var> operands{term.b, weights};
        operands.insert(operands.end(), term.pattern.begin(), term.pattern.end());
        std::vector<std::int64_t> features;
        for (int d = type.rank(); d < term.a.rank(); ++d) features.push_back(d);
        sum = term.a * build().call("spmm", operands);
        if (!features.empty()) sum = neap::sum(sum, features);
      } else {
        sum = build().call("segment_sum", {weights, var(offsets)});
      }
      sum = with_row(sum, term, offsets);
      total = !total ? (term.negative ? -sum : sum) : term.negative ? total - sum : total + sum;
    }
    return total;
  }

  Var factored_product(const Node& node) {
    const Terms terms = terms_of(node.inputs[1], node.inputs[2], false);
    if (terms.size() != 1 || !terms[0].useful()) {
      pass_.refuse(graph_, node, "nothing in its weights is the row's own");
      return {};
    }
    pass_.made(graph_, node, of_the_row);
    std::vector<Var> operands;
    for (const ValueId id : node.inputs) operands.push_back(var(id));
    operands[1] = product(terms[0].entry);
    const Var sum = build().call("spmm", operands);
    return with_row(terms[0].negative ? -sum : sum, terms[0], node.inputs[2]);
  }

  Graph& graph_;
  Pass& pass_;
  Rebuild rebuild_;
  std::set<std::tuple<ValueId, ValueId, ValueId>> products_;  // x, offsets and columns of the products that there are
};

const RegisterTransformation factor_edge_sums{
    {.name = "factor_edge_sums",
     .level = 3,
     .about = "takes what is a row's own out of the sums over its edges, and products of both ends apart",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass& pass) { return Factoring(graph, pass).run(); }}};

}  // namespace
}  // namespace neap::factor_edge_sums_transformation
