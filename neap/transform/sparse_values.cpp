#include "neap/transform/sparse_values.h"

#include <algorithm>
#include <set>

#include "neap/ir/map_walk.h"
#include "neap/transform/elementwise_map.h"

namespace neap {
namespace {

Shape turned(const Shape& size) { return {size[1], size[0]}; }

bool swaps_matrix(const Draft& draft, int transpose) {
  const Call call = call_of(draft, transpose);
  const std::vector<std::int64_t>& order = call.integers("permutation");
  if (call.input(0).rank() != 2) return false;
  return order.empty() || order == std::vector<std::int64_t>{1, 0} || order == std::vector<std::int64_t>{-1, -2};
}

bool is_single(const Draft& draft, ValueId value) { return element_count(draft.type(value).shape) == Dim(1); }

// The value of one element that a value repeats; the value itself where it repeats none.
ValueId before_repetition(const Draft& draft, ValueId value) {
  ValueId from = value;
  while (!is_single(draft, from)) {
    int at = maker(draft, from, "expand");
    if (at < 0) at = maker(draft, from, "reshape");
    if (at < 0) return value;
    from = draft.node(at).inputs[0];
  }
  return from;
}

// Whether the node's one result is 0 wherever these operands are.
bool makes_zero(const Draft& draft, const Node& node, const Map& map, const std::function<bool(ValueId)>& is_zero) {
  const auto operand = [&](std::int64_t number) { return node.inputs[static_cast<std::size_t>(number)]; };
  return keeps_zero(
      map, [&](std::int64_t number) { return is_zero(operand(number)); },
      [&](std::int64_t number) { return uniform_value(draft, operand(number)); });
}

// A value with its orientation, as a node that reads forms makes it; nothing where it makes no form.
std::optional<bool> orientation(const Draft& draft, const Node& node, const Shape& size, bool can_take,
                                const std::map<ValueId, bool>& forms) {
  if (node.inputs.empty() || node.outputs.size() != 1) return std::nullopt;
  const auto first = forms.find(node.inputs[0]);
  if (is_call_of(node, "transpose")) {
    const int at = draft.producer(node.outputs[0]);
    const bool is_matrix = first != forms.end() && draft.type(first->first).shape == (first->second ? turned(size) : size);
    return is_matrix && swaps_matrix(draft, at) ? std::optional(!first->second) : std::nullopt;
  }
  if (is_call_of(node, "reshape")) return first != forms.end() && !first->second ? std::optional(false) : std::nullopt;
  std::optional<bool> way;
  for (const ValueId id : node.inputs) {
    const auto found = id == no_value ? forms.end() : forms.find(id);
    if (found == forms.end()) continue;
    const bool is_whole = draft.type(id).shape == draft.type(node.outputs[0]).shape;
    if (!is_whole || (way && *way != found->second)) return std::nullopt;
    way = found->second;
  }
  if (!way || !can_take) return std::nullopt;
  const std::optional<Map> map = elementwise_map(draft, node);
  return map && makes_zero(draft, node, *map, [&](ValueId id) { return forms.contains(id); }) ? way : std::nullopt;
}

// Of all elements, or of a matrix along an axis.
bool sums_up(const Draft& draft, int at) {
  if (!is_call_of(draft.node(at), "sum")) return false;
  return sums_all(draft, at) || draft.type(draft.node(at).inputs[0]).rank() == 2;
}

// Whether node `user` reads the form so that only what is stored counts.
bool reads_stored(const Draft& draft, int user, ValueId form, bool transposed, const Shape& size) {
  const Node& node = draft.node(user);
  const Shape& shape = draft.type(form).shape;
  if (is_call_of(node, "matmul")) return shape == (transposed ? turned(size) : size);
  if (is_convolution(node)) return !transposed && node.inputs[1] == form && shape.size() > 2 && shape[0] == size[0];
  return sums_up(draft, user) && (shape.size() != 2 || shape == (transposed ? turned(size) : size));
}

// What makes a value by moving elements or elementwise.
bool is_passed(const Draft& draft, const Node& node) {
  return is_call_of(node, "transpose") || is_call_of(node, "reshape") || elementwise_map(draft, node).has_value();
}

bool is_product(const Draft& draft, int at) {
  const Node& node = draft.node(at);
  if (is_call_of(node, "conv_weight_gradient")) return true;
  return is_call_of(node, "matmul") && draft.type(node.inputs[0]).rank() == 2 && draft.type(node.inputs[1]).rank() == 2;
}

void collect_products(const Draft& draft, ValueId value, std::set<ValueId>& seen, std::vector<int>& found) {
  constexpr std::size_t most = 64;
  const int at = value == no_value ? -1 : draft.producer(value);
  if (at < 0 || seen.size() > most || !seen.insert(value).second) return;
  if (is_product(draft, at)) return found.push_back(at);
  if (!is_passed(draft, draft.node(at))) return;
  for (const ValueId id : draft.node(at).inputs) collect_products(draft, id, seen, found);
}

}  // namespace

bool sums_all(const Draft& draft, int at) {
  if (!is_call_of(draft.node(at), "sum")) return false;
  const Call call = call_of(draft, at);
  const int rank = call.input(0).rank();
  return static_cast<int>(call.axes("axes", rank).size()) == rank;
}

bool is_convolution(const Node& node) { return is_call_of(node, "conv") || is_call_of(node, "conv_input_gradient"); }

SparseNode sparse_maker(const Draft& draft, ValueId value, std::string_view what) {
  const int at = value == no_value ? -1 : draft.producer(value);
  if (at < 0 || draft.node(at).is_map() || !draft.node(at).implementation.empty()) return {};
  std::string_view kind;
  const SparseLayout* layout = layout_of_operator(draft.node(at).op, kind);
  return layout != nullptr && layout->leaves_out && kind == what ? SparseNode{layout, at} : SparseNode{};
}

SparseForms sparse_forms(const Draft& draft, SparseNode dense) {
  const Shape size = call_of(draft, dense.at).dims("size");
  const bool can_take = find_operator_or_null(dense.layout->op("take")) != nullptr;  // what dense operands have at the places
  SparseForms made{{draft.node(dense.at).outputs[0], false}};
  std::map<ValueId, bool> forms(made.begin(), made.end());
  std::vector<int> users = draft.users_in_order(made[0].first);
  for (std::size_t i = 0; i < users.size(); ++i) {
    const Node& node = draft.node(users[i]);
    if (node.outputs.size() != 1 || forms.contains(node.outputs[0])) continue;
    const std::optional<bool> way = orientation(draft, node, size, can_take, forms);
    if (!way) continue;
    made.emplace_back(node.outputs[0], *way);
    forms.insert(made.back());
    const std::vector<int> further = draft.users_in_order(node.outputs[0]);
    users.insert(users.end(), further.begin(), further.end());
  }
  return made;
}

std::vector<SparseReader> sparse_readers(const Draft& draft, SparseNode dense) {
  const Shape size = call_of(draft, dense.at).dims("size");
  std::vector<SparseReader> found;
  for (const auto& [form, transposed] : sparse_forms(draft, dense)) {
    for (const int user : draft.users_in_order(form)) {
      const bool is_known = std::any_of(found.begin(), found.end(), [&](const SparseReader& one) { return one.at == user; });
      if (!is_known && reads_stored(draft, user, form, transposed, size)) found.push_back({user, form, transposed});
    }
  }
  std::sort(found.begin(), found.end(), [&](const SparseReader& a, const SparseReader& b) { return draft.before(a.at, b.at); });
  return found;
}

std::vector<int> products_behind(const Draft& draft, ValueId value) {
  std::set<ValueId> seen;
  std::vector<int> found;
  collect_products(draft, value, seen, found);
  return found;
}

std::vector<int> takes_of(const Draft& draft, int product, SparseNode take) {
  const auto at_these_places = [&](int user) {
    const Node &one = draft.node(user), &other = draft.node(take.at);
    return one.op == other.op && one.implementation.empty() && one.attributes == other.attributes &&
           std::equal(one.inputs.begin() + 1, one.inputs.end(), other.inputs.begin() + 1, other.inputs.end());
  };
  std::vector<int> found;
  std::set<ValueId> seen{draft.node(product).outputs[0]};
  std::vector<ValueId> values(seen.begin(), seen.end());
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (const int user : draft.users(values[i])) {
      const Node& node = draft.node(user);
      if (at_these_places(user) && node.inputs[0] == values[i]) found.push_back(user);
      if (is_passed(draft, node) && seen.insert(node.outputs[0]).second) values.push_back(node.outputs[0]);
    }
  }
  std::sort(found.begin(), found.end(), [&](int a, int b) { return draft.before(a, b); });
  return found;
}

StoredElements::StoredElements(Draft& draft, SparseNode node) : draft_(draft), layout_(*node.layout) {
  const Node& made = draft.node(node.at);
  places_.assign(made.inputs.begin() + 1, made.inputs.end());
  attributes_ = made.attributes;
  origin_ = made.origin;
  const Call call = call_of(draft, node.at);
  size_ = call.dims("size");
  pads_ = call.op().define == nullptr || define(call).map.stages[0].value->op == Scalar::select;
}

bool StoredElements::has_places(int dense) const {
  const Node& node = draft_.node(dense);
  return node.attributes == attributes_ && std::equal(node.inputs.begin() + 1, node.inputs.end(), places_.begin(), places_.end());
}

// Whether elements of the value are had more cheaply than by taking them: of a product, or of what is stored.
bool StoredElements::pays(ValueId value) const {
  std::set<ValueId> seen;
  const auto look = [&](const auto& self, ValueId id) -> bool {
    constexpr std::size_t most = 64;
    if (id == no_value || seen.size() > most || !seen.insert(id).second) return false;
    const int at = draft_.producer(id);
    if (at < 0) return false;
    if (is_product(draft_, at) || known_.contains({id, false}) || known_.contains({id, true})) return true;
    if (const SparseNode dense = sparse_maker(draft_, id, "dense"); dense.layout == &layout_ && has_places(dense.at)) return true;
    const Node& node = draft_.node(at);
    return is_passed(draft_, node) &&
           std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId operand) { return self(self, operand); });
  };
  return look(look, value);
}

ValueId StoredElements::of(ValueId value, bool transposed, int before) {
  if (const auto found = known_.find({value, transposed}); found != known_.end()) return found->second;
  const auto found = [&](ValueId elements) {
    known_[{value, transposed}] = elements;
    return elements;
  };
  const SparseNode dense = sparse_maker(draft_, value, "dense");
  if (!transposed && dense.layout == &layout_ && has_places(dense.at)) return found(draft_.node(dense.at).inputs[0]);
  const int at = draft_.producer(value);
  if (at < 0 || !pays(value)) return found(taken(value, transposed, before));
  const Node node = draft_.node(at);
  if (is_call_of(node, "reshape") && !transposed) return found(of(node.inputs[0], false, before));
  const bool is_matrix = draft_.type(value).shape == (transposed ? turned(size_) : size_);
  if (is_call_of(node, "transpose") && is_matrix && swaps_matrix(draft_, at)) return found(of(node.inputs[0], !transposed, before));
  if (const std::optional<Map> map = elementwise_map(draft_, node)) return found(computed(node, *map, transposed, before));
  return found(taken(value, transposed, before));
}

// An elementwise operator's result, of its operands' elements.
ValueId StoredElements::computed(const Node& node, const Map& map, bool transposed, int before) {
  const Shape whole = draft_.type(node.outputs[0]).shape;
  std::vector<ValueId> operands;
  std::set<ValueId> of_places;
  for (const ValueId id : node.inputs) {
    operands.push_back(operand(id, whole, transposed, before));
    if (!is_single(draft_, before_repetition(draft_, id))) of_places.insert(id);
  }
  ValueId made = no_value;
  if (node.is_map()) {
    Node stored;
    Map at_places;
    const auto whole_operand = std::find_if(operands.begin(), operands.end(), [&](ValueId id) { return draft_.type(id).rank() > 0; });
    const Type type{draft_.type(node.outputs[0]).dtype, draft_.type(*whole_operand).shape, {}};
    for (const Dim& size : type.shape) {
      const int number = static_cast<int>(at_places.axes.size());
      at_places.axes.push_back({number, fmt::format("i{}", number), size, nullptr});
    }
    Stage stage;
    stage.index = positions(at_places.axes);
    stage.value = rewrite(map.stages[0].value, [&](const Expr& e) {
      if (e->op != Scalar::read) return Expr();
      const bool is_number = draft_.type(operands[static_cast<std::size_t>(e->integer)]).rank() == 0;
      return read(static_cast<int>(e->integer), e->dtype, is_number ? std::vector<Expr>{} : stage.index);
    });
    at_places.stages.push_back(std::move(stage));
    stored.map = std::make_shared<const Map>(std::move(at_places));
    stored.inputs = operands;
    stored.origin = draft_.node(before).origin;
    made = draft_.add_value(type);
    stored.outputs = {made};
    draft_.insert(std::move(stored), before);
  } else {
    made = insert_call(draft_, before, node.op, operands, node.attributes);
  }
  if (!pads_ || makes_zero(draft_, node, map, [&](ValueId id) { return of_places.contains(id); })) return made;
  return insert_call(draft_, before, "where", {inside(before), made, number_constant(draft_, draft_.type(made).dtype, 0)});
}

ValueId StoredElements::operand(ValueId value, const Shape& whole, bool transposed, int before) {
  if (const ValueId one = before_repetition(draft_, value); is_single(draft_, one) && !(element_count(whole) == Dim(1)))
    return draft_.type(one).rank() == 0 ? one : insert_call(draft_, before, "reshape", {one}, {{"shape", Shape{}}});
  if (draft_.type(value).shape == whole) return of(value, transposed, before);
  return taken(insert_call(draft_, before, "expand", {value}, {{"shape", whole}}), transposed, before);
}

ValueId StoredElements::taken(ValueId value, bool transposed, int before) {
  if (transposed) value = insert_call(draft_, before, "transpose", {value}, {{"permutation", std::vector<std::int64_t>{1, 0}}});
  if (!(draft_.type(value).shape == size_)) value = insert_call(draft_, before, "reshape", {value}, {{"shape", size_}});
  std::vector<ValueId> inputs{value};
  inputs.insert(inputs.end(), places_.begin(), places_.end());
  const ValueId elements = insert_call(draft_, before, layout_.op("take"), inputs, attributes_);
  const int at = draft_.producer(elements);
  Node take = draft_.node(at);
  take.origin = origin_;
  draft_.replace(at, std::move(take));
  takes_.push_back(at);
  return elements;
}

// Which places are in the matrix.
ValueId StoredElements::inside(int before) {
  if (inside_ != no_value) return inside_;
  const ValueId everywhere = insert_call(draft_, before, "expand", {number_constant(draft_, DType::boolean, 1)}, {{"shape", size_}});
  std::vector<ValueId> inputs{everywhere};
  inputs.insert(inputs.end(), places_.begin(), places_.end());
  inside_ = insert_call(draft_, before, layout_.op("take"), inputs, attributes_);
  return inside_;
}

}  // namespace neap
