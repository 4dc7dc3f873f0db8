// Plans made true: on modules, and on graphs whose parameters are inputs.
#include <algorithm>
#include <cmath>

#include "neap/base/error.h"
#include "neap/base/hash.h"
#include "neap/layouts/packing.h"
#include "neap/sparse/format_edit.h"

namespace neap::sparse {
namespace {

// A parameter that a rule takes.
struct Taken {
  std::string name;
  Array value;
  const WeightRule* rule = nullptr;
  Array mask;  // of the matrix that it counts as

  std::string place() const { return "parameter '" + name + "'"; }
  Array matrix() const { return value.reshape(matrix_sizes(value.sizes())); }
};

struct Packed {
  SparsifiedWeight report;
  LayoutChoice layout;
  std::vector<Array> components;  // the parameter itself where it stays dense
  Sizes sizes;                    // of what they store: a matrix, or the parameter as it is

  bool dense() const { return layout.layout == nullptr; }
};

// Numbers are trained; places and masks are not.
Role role_of(const Array& component) { return is_float(component.dtype()) ? Role::parameter : Role::state; }

bool can_be_sparse(const Array& value) { return value.rank() >= 2 && is_float(value.dtype()); }

// What a plan gives for a parameter, as a matrix; empty where it gives nothing.
Array given_for(const std::map<std::string, Array>& all, const std::string& name, const Array& value, const char* what) {
  const auto found = all.find(name);
  if (found == all.end()) return {};
  if (found->second.sizes() != value.sizes())
    throw Error(fmt::format("the {} are {}, the parameter {}", what, to_string(found->second.sizes()), to_string(value.sizes())));
  return found->second.reshape(matrix_sizes(value.sizes()));
}

// A share of magnitudes that have no finite sum is 0 or NaN: which element is to blame.
void check_finite(const Array& matrix) {
  for (std::int64_t i = 0; i < matrix.count(); ++i) {
    const double value = matrix.get(i);
    if (std::isfinite(value)) continue;
    throw Error(fmt::format("element {} is {}", i, std::isnan(value) ? "NaN" : "infinite"), "", "look for what made it before sparsifying");
  }
}

// The mask that a parameter has: one that the plan gives, or what an earlier plan left.
Array mask_before(const SparsityPlan& plan, const std::string& name, const Array& value, const Array& matrix) {
  Array mask = given_for(plan.masks, name, value, "mask's sizes");
  const bool sparsified = std::any_of(plan.weights.begin(), plan.weights.end(),
                                      [&](const WeightRule& rule) { return rule.keep == Keep::nonzero && matches(rule.names, name); });
  return mask.empty() && sparsified ? nonzero(matrix) : mask;
}

// The masks of all that one rule takes.
void choose(std::vector<Taken*>& all, const SparsityPlan& plan) {
  if (all.front()->rule->keep == Keep::nonzero) {
    for (Taken* one : all) one->mask = nonzero(one->matrix());
    return;
  }
  std::vector<Sparsified> given;
  for (const Taken* each : all) {
    const Taken& one = *each;
    const Array matrix = one.matrix();
    try {
      given.push_back({.weights = matrix,
                       .scores = given_for(plan.scores, one.name, one.value, "scores"),
                       .before = mask_before(plan, one.name, one.value, matrix),
                       .seed = plan.seed ^ hash_bytes(one.name).low,
                       .place = one.place()});
    } catch (const Error& error) {
      throw Error(error.problem(), one.place(), error.remedy());
    }
  }
  const std::vector<Array> masks = all.front()->rule->sparsifier.keep_together(given);
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->mask = masks[i];
}

// What a weight's layout is priced in: the graph that it is a parameter of, or a product where that is not known yet.
using UsesOf = std::function<std::optional<Graph>(const std::string& name)>;

// The layout of a rule; chosen by cost, with the prices in the report.
LayoutChoice layout_of(const Taken& taken, const UsesOf& uses_of_weight, SparsifiedWeight& report) {
  const WeightRule& rule = *taken.rule;
  if (!rule.automatic) return rule.layout;
  std::optional<Graph> uses = uses_of_weight == nullptr ? std::nullopt : uses_of_weight(taken.name);
  Array value = with_zeros(taken.value, taken.mask);
  if (!uses) {
    value = value.reshape(taken.mask.sizes());
    uses = product_with(type_of(value));
  }
  const std::vector<PricedLayout> prices = price_layouts(*uses, value, taken.mask, rule.layout, *rule.automatic);
  for (const PricedLayout& one : prices) report.prices.emplace_back(text_of(one.layout), one.seconds);
  return prices.front().layout;
}

Packed packed(const Taken& taken, const SparsityPlan& plan, const UsesOf& uses) {
  const auto& [name, value, rule, mask] = taken;
  const Array matrix = taken.matrix();
  try {
    Packed made;
    const double energy = energy_kept(matrix, mask);
    if (rule->keep == Keep::chosen && !(energy > 0)) check_finite(matrix);
    made.layout = layout_of(taken, uses, made.report);
    made.components = made.dense() ? std::vector<Array>{with_zeros(matrix, mask)} : made.layout.pack(matrix, mask);
    made.sizes = matrix.sizes();
    if (made.dense() || !made.layout.layout->leaves_out) {
      made.sizes = value.sizes();
      for (Array& component : made.components) component = component.reshape(made.sizes);
    }
    made.report = {.name = name,
                   .layout = text_of(made.layout),
                   .sizes = value.sizes(),
                   .sparsity = sparsity_of(mask),
                   .energy = energy,
                   .dense_bytes = value.bytes(),
                   .stored_bytes = stored_bytes(made.components),
                   .mask = mask,
                   .keep = rule->keep,
                   .rule = static_cast<std::size_t>(rule - plan.weights.data()),
                   .prices = std::move(made.report.prices)};
    return made;
  } catch (const Error& error) {
    throw Error(error.problem(), taken.place(), error.remedy());
  }
}

// What the rules take of these values, in their order. Error for a rule that takes nothing.
std::vector<Packed> pack_all(const std::vector<std::pair<std::string, Array>>& values, const SparsityPlan& plan,
                             const UsesOf& uses = nullptr) {
  for (const auto* given : {&plan.scores, &plan.masks}) {
    for (const auto& [name, array] : *given) {
      const bool there = std::any_of(values.begin(), values.end(), [&, n = name](const auto& value) { return value.first == n; });
      if (!there) throw Error(fmt::format("there are scores or a mask for '{}', which is no parameter", name), "sparsity plan");
    }
  }
  std::vector<Taken> all;
  std::vector<int> fitting(plan.weights.size(), 0), taken(plan.weights.size(), 0);
  for (const auto& [name, value] : values) {
    bool done = false;
    for (std::size_t r = 0; r < plan.weights.size(); ++r) {
      if (!matches(plan.weights[r].names, name)) continue;
      ++fitting[r];
      if (!can_be_sparse(value)) continue;
      ++taken[r];
      if (!done) all.push_back({name, value, &plan.weights[r]});
      done = true;
    }
  }
  for (std::size_t r = 0; r < plan.weights.size(); ++r) {
    if (taken[r] > 0) continue;
    std::string known;
    for (const auto& [name, value] : values) {
      if (can_be_sparse(value) && known.size() < 200) known += (known.empty() ? "" : ", ") + name;
    }
    throw Error(fmt::format("'{}' names {}", plan.weights[r].names, fitting[r] > 0 ? "only vectors" : "no parameter"), "sparsity plan",
                known.empty() ? "there is no matrix among the parameters" : "matrices: " + known);
  }
  std::map<const WeightRule*, std::vector<Taken*>> by_rule;
  for (Taken& one : all) by_rule[one.rule].push_back(&one);
  for (auto& [rule, of_one] : by_rule) choose(of_one, plan);
  std::vector<Packed> made;
  for (const Taken& one : all) made.push_back(packed(one, plan, uses));
  return made;
}

// Whether the plan gives what stays of a weight a gradient everywhere. Error where its layout has no elements for that, or where a rule for
// it would do nothing.
bool is_straight(const SparsityPlan& plan, const std::string& name, const LayoutChoice& layout) {
  const auto rule =
      std::find_if(plan.gradients.begin(), plan.gradients.end(), [&](const FormatRule& one) { return matches(one.names, name); });
  if (layout.layout == nullptr || rule == plan.gradients.end() || !rule->format.keeps_all()) return false;
  if (layout.layout->leaves_out)
    throw Error(fmt::format("'{}' has no elements for the gradient of what it does not store", layout.layout->name),
                "parameter '" + name + "'", "store it in the layout masked, or leave the rule for its gradient out");
  return true;
}

void give_formats(Module& module, const SparsityPlan& plan, std::set<std::string> composed) {
  if (plan.outputs.empty() && plan.gradients.empty()) return;
  std::vector<std::string> names;
  for (const Parameter* parameter : module.declared(Role::parameter)) names.push_back(parameter->name());
  module.set_edit(std::make_shared<FormatEdit>(plan.outputs, plan.gradients, plan.seed, names, std::move(composed)));
}

}  // namespace

std::vector<SparsifiedWeight> sparsify(Module& module, const SparsityPlan& plan) {
  const bool formats = !plan.outputs.empty() || !plan.gradients.empty();
  if (formats && module.edit() != nullptr) throw Error("the network has formats already", "sparsity plan", "put all of them into one plan");
  std::vector<std::pair<std::string, Array>> values;
  const std::vector<Parameter*> declared = module.declared(Role::parameter);
  for (const Parameter* parameter : declared) {
    const bool named = std::any_of(plan.weights.begin(), plan.weights.end(),
                                   [&](const WeightRule& rule) { return matches(rule.names, parameter->name()); });
    if (named && parameter->composed())
      throw Error(parameter->name() + " is sparse already, or composed otherwise", "sparsity plan", "leave it out of the plan");
    if (!parameter->composed()) values.emplace_back(parameter->name(), parameter->value().array());
  }
  std::vector<SparsifiedWeight> reports;
  std::vector<Packed> all = pack_all(values, plan);
  std::set<std::string> straight, composed;
  for (const Packed& one : all) {
    if (is_straight(plan, one.report.name, one.layout)) straight.insert(one.report.name);
    if (!one.dense()) composed.insert(one.report.name);
  }
  give_formats(module, plan, composed);
  for (Packed& one : all) {
    const auto found =
        std::find_if(declared.begin(), declared.end(), [&](const Parameter* parameter) { return parameter->name() == one.report.name; });
    if (one.dense()) {
      (*found)->set(one.components[0]);
      reports.push_back(std::move(one.report));
      continue;
    }
    const SparseLayout& layout = *one.layout.layout;
    std::vector<Parameter::Part> parts;
    for (std::size_t k = 0; k < one.components.size(); ++k)
      parts.push_back({layout.components[k].name, one.components[k], role_of(one.components[k])});
    const Shape whole = (*found)->type().shape;
    (*found)->compose(
        parts,
        [op = layout.op("dense"), attributes = attributes_of(one.layout, {one.sizes.begin(), one.sizes.end()}), whole,
         name = one.report.name, dtype = (*found)->type().dtype, through = straight.contains(one.report.name)](const Tensors& components) {
          const Scope scope(name);  // by which `sparse_uses` tells the matrices of a module apart
          Tensors given = components;
          if (given[0].dtype() != dtype) given[0] = given[0].cast(dtype);  // stored in fewer bits
          Tensor matrix = call(op, given, attributes);
          if (through) matrix = call("straight_through", {matrix, given[0]});
          return matrix.type().shape == whole ? matrix : matrix.reshape(whole);
        },
        [layout = &layout, sizes = one.sizes, numbers = one.layout.parameters](const std::vector<Array>& components) {
          layout->check(components, sizes, numbers);
        });
    reports.push_back(std::move(one.report));
  }
  return reports;
}

namespace {

// Operators that hold a product with weights are written out where these are sparse, so that the product is seen.
Graph with_open_products(const Graph& graph) {
  const Uses uses(graph);
  const auto is_sparse = [&](ValueId id) {
    std::string_view what;
    const int at = id == no_value ? -1 : uses.producer(id);
    return at >= 0 && layout_of_operator(graph.nodes()[static_cast<std::size_t>(at)]->op, what) != nullptr && what == "dense";
  };
  return expand_composites(graph, [&](const Node& node) {
    const bool holds_product = node.op == "linear" || node.op == "gemm";
    return !holds_product || std::none_of(node.inputs.begin(), node.inputs.end(), is_sparse);
  });
}

}  // namespace

std::vector<SparsifiedWeight> sparsify(Graph& graph, std::map<std::string, Array>& parameters, const SparsityPlan& plan) {
  const auto uses = [&](const std::string& name) -> std::optional<Graph> {
    const auto found = std::find_if(graph.inputs.begin(), graph.inputs.end(), [&](const Input& one) { return one.name == name; });
    return found == graph.inputs.end() ? std::nullopt : uses_of(graph, *found);
  };
  const std::vector<Packed> all = pack_all({parameters.begin(), parameters.end()}, plan, uses);
  Graph made;
  made.name = graph.name;
  Builder build(made);
  std::vector<Var> inputs;
  std::vector<SparsifiedWeight> reports;
  GraphFormats formats(build, plan);
  for (const Input& input : graph.inputs) {
    const auto sparse = std::find_if(all.begin(), all.end(), [&](const Packed& one) { return one.report.name == input.name; });
    if (sparse != all.end()) reports.push_back(sparse->report);
    if (sparse != all.end() && sparse->dense()) parameters[input.name] = sparse->components[0];
    if (sparse == all.end() || sparse->dense()) {
      const Var whole = build.input(input.name, graph.type(input.value), input.role);
      inputs.push_back(input.role == Role::parameter ? formats.parameter(input.name, whole) : whole);
      continue;
    }
    const SparseLayout& layout = *sparse->layout.layout;
    std::vector<Var> components;
    for (std::size_t k = 0; k < sparse->components.size(); ++k) {
      const Array& component = sparse->components[k];
      const std::string name = input.name + "." + layout.components[k].name;
      components.push_back(build.input(name, type_of(component), role_of(component)));
      parameters[name] = component;
    }
    components[0] = formats.parameter(input.name, components[0]);
    parameters.erase(input.name);
    build.set_scope(input.name);
    if (const DType dtype = graph.type(input.value).dtype; components[0].dtype() != dtype) components[0] = cast(components[0], dtype);
    Var matrix = build.call(layout.op("dense"), components, attributes_of(sparse->layout, {sparse->sizes.begin(), sparse->sizes.end()}));
    if (is_straight(plan, input.name, sparse->layout)) matrix = build.call("straight_through", {matrix, components[0]});
    const Shape& whole = graph.type(input.value).shape;
    inputs.push_back(matrix.shape() == whole ? matrix : reshape(matrix, whole));
    build.set_scope("");
  }
  formats.append(graph, inputs);
  graph = with_open_products(made);
  return reports;
}

std::map<std::string, Array> with_zeros(std::map<std::string, Array> parameters, const std::vector<SparsifiedWeight>& sparsified) {
  for (const SparsifiedWeight& one : sparsified) {
    Array& array = parameters.at(one.name);
    array = with_zeros(array, one.mask);
  }
  return parameters;
}

Graph with_constants(const Graph& graph, const std::map<std::string, Array>& parameters) {
  Graph made;
  made.name = graph.name;
  Builder build(made);
  std::vector<Var> inputs;
  for (const Input& input : graph.inputs) {
    if (input.role != Role::parameter && input.role != Role::state) {
      inputs.push_back(build.input(input.name, graph.type(input.value), input.role));
      continue;
    }
    const auto found = parameters.find(input.name);
    if (found == parameters.end()) throw Error(fmt::format("there are no elements for '{}'", input.name), "graph " + graph.name);
    inputs.push_back(build.constant(found->second));
  }
  const std::vector<Var> outputs = build.inline_graph(graph, inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) made.add_output(outputs[i].id(), graph.outputs[i].name);
  return made;
}

}  // namespace neap::sparse
