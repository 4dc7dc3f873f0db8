#include "neap/sparse/auto_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "neap/autodiff/gradient.h"
#include "neap/sparse/plan.h"
#include "neap/transform/optimizer.h"

namespace neap::sparse {
namespace {

constexpr const char* auto_name = "auto";

const std::vector<ChoiceNumber>& numbers() {
  static const std::vector<ChoiceNumber> all{
      {"open", "what an open size is taken as", static_cast<double>(typical_size), 1, std::int64_t{1} << 30, true},
      {"training", "1: of a step, with its gradients", 0, 0, 1, true}};
  return all;
}

// A parameter in another form, which products take as they take the parameter.
bool is_view(const Node& node) { return node.op == "transpose" || node.op == "reshape" || node.op == "cast" || node.op == "identity"; }

// All layouts that store a mask exactly, and the one of its sparsifier.
std::vector<LayoutChoice> fitting(const Array& mask, const LayoutChoice& own) {
  std::vector<LayoutChoice> all;
  std::set<std::string> seen;
  const auto add = [&](const LayoutChoice& choice) {
    if (choice.layout != nullptr && seen.insert(choice.to_string()).second) all.push_back(choice);
  };
  add(own);
  for (const SparseLayout* layout : all_layouts()) {
    if (layout->fits == nullptr) continue;
    for (const Attributes& one : layout->fits(mask)) add({layout, one});
  }
  return all;
}

// With the gradients of all floating-point inputs.
Graph with_gradients(const Graph& graph) {
  std::vector<std::string> outputs, inputs;
  for (const Output& output : graph.outputs) {
    if (is_float(graph.type(output.value).dtype)) outputs.push_back(output.name);
  }
  for (const Input& input : graph.inputs) {
    if (is_float(graph.type(input.value).dtype)) inputs.push_back(input.name);
  }
  return outputs.empty() ? graph : vjp(graph, outputs, inputs);
}

double price(const Graph& uses, const Array& value, const LayoutChoice& layout, const AutoLayout& how) {
  Graph graph = uses;
  std::map<std::string, Array> parameters{{priced_weight, value}};
  SparsityPlan plan;
  plan.weights.push_back({priced_weight, SparsifierChoice::parse("keep_all"), layout, {}, Keep::nonzero});
  sparsify(graph, parameters, plan);
  if (how.training) graph = with_gradients(graph);
  Symbols sizes;
  for (const std::string& symbol : graph.symbols()) sizes[symbol] = how.open;
  Optimizer optimizer(graph, CostModel(sizes));
  optimizer.optimize();
  return optimizer.cost().seconds;
}

}  // namespace

std::optional<AutoLayout> AutoLayout::parse(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  if (text.substr(begin, text.find(' ', begin) - begin) != auto_name) return std::nullopt;
  const auto given = complete(parse_choice(text, "layout"), numbers(), "layout");
  return AutoLayout{.open = static_cast<std::int64_t>(given.at("open")), .training = given.at("training") != 0};
}

std::string AutoLayout::to_string() const { return fmt::format("{} open={}{}", auto_name, open, training ? " training=1" : ""); }

std::optional<Graph> uses_of(const Graph& graph, const Input& parameter) {
  Graph made;
  Builder build(made);
  const Uses uses(graph);
  std::map<ValueId, Var> known{{parameter.value, build.input(priced_weight, graph.type(parameter.value), Role::parameter)}};
  std::vector<ValueId> forms{parameter.value};  // the parameter, and its views
  std::set<int> done;
  for (std::size_t next = 0; next < forms.size(); ++next) {
    for (const int at : uses.users(forms[next])) {
      if (!done.insert(at).second) continue;
      const Node& node = *graph.nodes()[static_cast<std::size_t>(at)];
      if (node.is_map()) return std::nullopt;
      std::vector<Var> operands;
      for (const ValueId id : node.inputs) {
        if (id == no_value) {
          operands.emplace_back();
          continue;
        }
        const auto [found, fresh] = known.try_emplace(id);
        if (fresh && graph.value(id).constant)
          found->second = build.constant(*graph.value(id).constant);
        else if (fresh)
          found->second = build.input(fmt::format("x{}", known.size()), graph.type(id));
        operands.push_back(found->second);
      }
      const std::vector<Var> results = build.calls(node.op, operands, node.attributes);
      if (is_view(node)) {
        known[node.outputs[0]] = results[0];
        forms.push_back(node.outputs[0]);
      } else {
        for (const Var& result : results) made.add_output(result.id(), fmt::format("y{}", made.outputs.size()));
      }
    }
  }
  if (made.outputs.empty()) return std::nullopt;
  return made;
}

Graph product_with(const Type& matrix) {
  Graph made;
  Builder build(made);
  const Var weight = build.input(priced_weight, matrix, Role::parameter);
  const Var x = build.input("x", {matrix.dtype, {Dim::symbol("N"), matrix.shape[1]}, {}});
  made.add_output(build.call("matmul", {x, weight}, {{"transpose_b", true}}).id(), "y");
  return made;
}

std::vector<PricedLayout> price_layouts(const Graph& uses, const Array& value, const Array& mask, const LayoutChoice& own,
                                        const AutoLayout& how) {
  std::vector<LayoutChoice> layouts = fitting(mask, own);
  layouts.insert(layouts.begin(), LayoutChoice());  // dense
  std::vector<PricedLayout> all;
  for (const LayoutChoice& layout : layouts) all.push_back({layout, price(uses, value, layout, how)});
  std::stable_sort(all.begin(), all.end(), [](const PricedLayout& a, const PricedLayout& b) { return a.seconds < b.seconds; });
  return all;
}

}  // namespace neap::sparse
