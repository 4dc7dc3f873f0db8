#include "neap/transform/recognise_call.h"

#include <algorithm>

#include "neap/ops/operator.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/expansion.h"
#include "neap/transform/map_edit.h"

namespace neap {
namespace {

// A map's sum of products of two operands, by itself.
struct Product {
  Node node;  // a map that makes the sum, of operands 0 and 1
  Expr sum;   // as it stands in the map's value
};

std::vector<Expr> sums_in(const Expr& value) {
  std::vector<Expr> sums;
  visit(value, [&](const Expr& e) {
    if (e->op == Scalar::reduce && std::none_of(sums.begin(), sums.end(), [&](const Expr& s) { return same(s, e); })) sums.push_back(e);
  });
  return sums;
}

bool reads_operand(const Expr& e) { return e->op == Scalar::read && e->integer >= 0; }

// With the first factor as operand 0, or the second.
Product product_of(const Node& map_node, const Expr& sum, bool exchanged) {
  const Map& map = *map_node.map;
  const Stage& stage = map.stages[0];
  const Expr &a = sum->args[0]->args[exchanged ? 1 : 0], &b = sum->args[0]->args[exchanged ? 0 : 1];
  Product made{{}, sum};
  Map alone;
  for (const Expr& index : stage.index) {
    const auto is_it = [&](const Axis& axis) { return axis.id == index->integer; };
    alone.axes.push_back(*std::find_if(map.axes.begin(), map.axes.end(), is_it));
  }
  Stage only;
  only.index = stage.index;
  only.value = reduce(Reduction::sum, sum->axes, read_of(a, 0) * read_of(b, 1));
  alone.stages = {std::move(only)};
  made.node.map = std::make_shared<const Map>(std::move(alone));
  for (const Expr& factor : {a, b}) made.node.inputs.push_back(map_node.inputs[static_cast<std::size_t>(factor->integer)]);
  made.node.outputs = map_node.outputs;
  return made;
}

// The places where a sum of products reads, as sums in the order of the axes: 2 + j and j + 2 are one.
Map with_places_in_order(Map map) {
  Stage& stage = map.stages[0];
  std::vector<Axis> axes = map.axes;
  axes.insert(axes.end(), stage.value->axes.begin(), stage.value->axes.end());
  stage.value = rewrite(stage.value, [&](const Expr& e) -> Expr {
    if (!reads_operand(e)) return {};
    std::vector<Expr> places;
    for (int d = 0; d < e->rank; ++d) {
      const Expr& given = e->args[static_cast<std::size_t>(d)];
      const Affine place = affine(given);
      Expr sum(place.rest);
      for (const Axis& axis : axes) {
        const auto found = place.coefficients.find(axis.id);
        if (found != place.coefficients.end()) sum = sum + axis_position(axis) * Expr(found->second);
      }
      places.push_back(place.affine ? sum : given);
    }
    const bool guarded = static_cast<int>(e->args.size()) > e->rank;
    return read(static_cast<int>(e->integer), e->dtype, std::move(places), guarded ? e->args.back() : Expr());
  });
  return map;
}

// Of what a map that is a sum of products computes, whatever its axes are called and its operands are.
Hash hash_of(const Graph& graph, const Node& map_node) {
  Graph alone;
  Node node = map_node;
  node.map = std::make_shared<const Map>(with_places_in_order(*map_node.map));
  for (ValueId& id : node.inputs) id = alone.add_input(fmt::format("x{}", alone.inputs.size()), graph.type(id));
  for (ValueId& id : node.outputs) id = alone.add_value(graph.type(id));
  node.origin.clear();
  alone.append(node);
  alone.add_output(node.outputs[0], "y");
  return structural_hash(alone);
}

bool is_defined_so(const Graph& graph, const Node& call, const Hash& wanted) {
  try {
    const Node defined = as_map(graph, call);
    return defined.map->stages[0].value->op == Scalar::reduce && hash_of(graph, defined) == wanted;
  } catch (const Error&) {  // operands that the operator does not take
    return false;
  }
}

const Expr& factor(const Product& product, std::size_t which) { return product.node.map->stages[0].value->args[0]->args[which]; }

// How an operand is seen by axes, of which some do not move it.
bool add_view(const Product& product, std::size_t which, const std::vector<Axis>& axes, const std::string& name, Attributes& attributes) {
  const Expr& read = factor(product, which);
  std::vector<int> ids;
  for (const Axis& axis : axes) ids.push_back(axis.id);
  if (!describe_view({read->args.begin(), read->args.begin() + read->rank}, ids, name, attributes)) return false;
  const auto& steps = std::get<Shape>(attributes.at(name + "_steps"));
  Shape sizes;
  for (std::size_t v = 0; v < axes.size(); ++v) {
    bool moves = v + 2 >= axes.size();
    for (std::size_t at = v; at < steps.size(); at += axes.size()) moves |= !(steps[at] == Dim(0));
    sizes.push_back(moves ? axes[v].extent : Dim(1));
  }
  attributes[name + "_sizes"] = std::move(sizes);
  return true;
}

std::vector<Node> matrix_products(const Product& product) {
  std::vector<Node> candidates;
  const Map& map = *product.node.map;
  const std::vector<Axis>& summed = map.stages[0].value->axes;
  if (summed.size() != 1 || map.axes.size() < 2) return candidates;
  const auto add = [&](const char* op, Attributes attributes) {
    Node call = product.node;
    call.map = nullptr;
    call.op = op;
    call.attributes = std::move(attributes);
    candidates.push_back(std::move(call));
  };
  add("matmul", {});
  add("matmul", {{"transpose_a", true}});
  add("matmul", {{"transpose_b", true}});
  add("matmul", {{"transpose_a", true}, {"transpose_b", true}});
  std::vector<Axis> rows(map.axes.begin(), map.axes.end() - 2), columns = rows;
  rows.insert(rows.end(), {map.axes[map.axes.size() - 2], summed[0]});
  columns.insert(columns.end(), {summed[0], map.axes.back()});
  Attributes views;
  if (add_view(product, 0, rows, "a", views) && add_view(product, 1, columns, "b", views)) add("matmul_of_views", std::move(views));
  return candidates;
}

// What a convolution's attributes would have to be along one spatial axis; nothing where its windows are none.
struct Slide {
  std::int64_t stride = 1, dilation = 1, begin = 0, end = 0;
};
std::optional<Slide> slide(const Expr& index, const Axis& position, const Dim& size, const Dim& taps) {
  const Affine at = affine(index);
  if (!at.affine || !at.rest.is_constant() || !size.is_constant() || !taps.is_constant() || !position.extent.is_constant())
    return std::nullopt;
  Slide found{.begin = -at.rest.constant()};
  for (const auto& [axis, step] : at.coefficients) {
    if (!step.is_constant()) return std::nullopt;
    (axis == position.id ? found.stride : found.dilation) = step.constant();
  }
  const std::int64_t last = (position.extent.constant() - 1) * found.stride + (taps.constant() - 1) * found.dilation - found.begin;
  found.end = std::max<std::int64_t>(0, last - size.constant() + 1);
  return found;
}

std::vector<Node> convolutions(const Graph& graph, const Product& product) {
  const Map& map = *product.node.map;
  const Type &x = graph.type(product.node.inputs[0]), &w = graph.type(product.node.inputs[1]);
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank() || static_cast<int>(map.axes.size()) != x.rank()) return {};
  std::vector<std::int64_t> strides, dilations, begins, ends;
  for (std::size_t d = 2; d < map.axes.size(); ++d) {
    const auto found = slide(factor(product, 0)->args[d], map.axes[d], x.shape[d], w.shape[d]);
    if (!found) return {};
    strides.push_back(found->stride);
    dilations.push_back(found->dilation);
    begins.push_back(found->begin);
    ends.push_back(found->end);
  }
  begins.insert(begins.end(), ends.begin(), ends.end());
  const bool grouped = x.shape[1].is_constant() && w.shape[1].is_constant() && w.shape[1].constant() > 0;
  Node call = product.node;
  call.map = nullptr;
  call.op = "conv";
  call.attributes = {{"strides", strides}, {"dilations", dilations}, {"pads", begins}};
  call.attributes["groups"] = grouped ? x.shape[1].constant() / w.shape[1].constant() : std::int64_t{1};
  return {std::move(call)};
}

// What the map does with the sum, for each element of it.
void add_epilogue(const Node& map_node, const Product& product, Node& call) {
  Map map = *product.node.map;
  Stage& stage = map.stages[0];
  call.epilogue_first = static_cast<int>(call.inputs.size());
  // Operands make room for the result, which is operand 0.
  const auto shifted = [](const Expr& value) {
    return rewrite(value, [](const Expr& e) -> Expr { return reads_operand(e) ? read_of(e, e->integer + 1) : Expr(); });
  };
  const Expr sum = shifted(product.sum), result = read(0, product.sum.dtype(), stage.index);
  stage.value = rewrite(shifted(map_node.map->stages[0].value), [&](const Expr& e) -> Expr { return same(e, sum) ? result : Expr(); });
  std::map<std::int64_t, std::int64_t> number;
  visit(stage.value, [&](const Expr& e) {
    if (!reads_operand(e) || e->integer == 0 || !number.emplace(e->integer, static_cast<std::int64_t>(number.size()) + 1).second) return;
    call.inputs.push_back(map_node.inputs[static_cast<std::size_t>(e->integer - 1)]);
  });
  renumber_reads(map, [&](std::int64_t operand) { return operand <= 0 ? operand : number.at(operand); });
  call.epilogue = std::make_shared<const Map>(std::move(map));
}

}  // namespace

std::optional<Node> recognise_call(const Graph& graph, const Node& map_node, std::string& why) {
  const Map& map = *map_node.map;
  const auto refuse = [&](const char* reason) {
    why = reason;
    return std::nullopt;
  };
  if (map.stages.size() != 1 || !map.locals.empty() || map_node.outputs.size() != 1)
    return refuse("it is a scope or writes several results");
  const Stage& stage = map.stages[0];
  const auto axes = pointwise_axes(map, stage, graph.type(map_node.outputs[0]), why);
  if (!axes) return std::nullopt;
  const auto is_axis = [](const Expr& index) { return index->op == Scalar::axis; };
  if (!std::all_of(stage.index.begin(), stage.index.end(), is_axis)) return refuse("a size of one is no axis of it");
  const std::vector<Expr> sums = sums_in(stage.value);
  if (sums.size() != 1) return refuse("it has not one sum");
  const Expr& sum = sums[0];
  const Expr& inside = sum->args[0];
  const bool of_products = sum->reduction == Reduction::sum && inside->op == Scalar::mul && reads_operand(inside->args[0]) &&
                           reads_operand(inside->args[1]) && sum.dtype() == graph.type(map_node.outputs[0]).dtype;
  if (!of_products) return refuse("its sum is not one of products of two operands");
  for (const bool exchanged : {false, true}) {
    const Product product = product_of(map_node, sum, exchanged);
    const Hash wanted = hash_of(graph, product.node);
    std::vector<Node> candidates = matrix_products(product);
    for (Node& conv : convolutions(graph, product)) candidates.push_back(std::move(conv));
    for (Node& call : candidates) {
      if (!is_defined_so(graph, call, wanted)) continue;
      call.origin = map_node.origin;
      call.kept = map_node.kept;
      if (!same(stage.value, sum)) add_epilogue(map_node, product, call);
      return std::move(call);
    }
  }
  return refuse("it is no product of matrices and no convolution");
}

}  // namespace neap
