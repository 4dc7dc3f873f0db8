// A library's product of matrices reads slices, transposed and split axes where they stand in the tensor that they are taken from, by
// steps: no copy is made of them.
#include <algorithm>

#include "neap/ops/operator.h"
#include "neap/runtime/library.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/expansion.h"

namespace neap::fold_view_transformation {
namespace {

// An operand as elements of another tensor: where each of them stands.
struct View {
  ValueId base = no_value;
  Shape sizes;
  std::vector<int> axes;    // ids
  std::vector<Expr> index;  // in the base, by axes
  bool moved = false;       // through at least one call
};

View whole(const Draft& draft, ValueId value, int& next_axis) {
  View view{value, draft.type(value).shape, {}, {}};
  for (const Dim& size : view.sizes) {
    const Axis axis{next_axis++, "", size, nullptr};
    view.axes.push_back(axis.id);
    view.index.push_back(axis_position(axis));
  }
  return view;
}

// What a call only takes from elsewhere, each element as it is: the read of its definition.
std::optional<Map> moving_map(const Draft& draft, int at) {
  if (at < 0) return std::nullopt;
  const Node& node = draft.node(at);
  if (node.is_map() || !node.implementation.empty() || node.inputs.size() != 1 || is_composite(node)) return std::nullopt;
  Map map = define(make_call(draft.shell(), node)).map;
  const Expr& value = map.stages[0].value;
  const std::vector<Expr>& index = map.stages[0].index;
  const bool plain = std::all_of(index.begin(), index.end(), [](const Expr& e) { return e->op == Scalar::axis; });
  const bool reads = map.stages.size() == 1 && value->op == Scalar::read && static_cast<int>(value->args.size()) == value->rank;
  return reads && plain ? std::optional(std::move(map)) : std::nullopt;
}

bool is_plain(const std::vector<Expr>& index) {
  return std::all_of(index.begin(), index.end(), [](const Expr& e) {
    const Affine a = affine(e);
    return a.affine && std::none_of(a.coefficients.begin(), a.coefficients.end(),
                                    [](const auto& term) { return term.second.is_constant() && term.second.constant() < 0; });
  });
}

View view_of(const Draft& draft, ValueId value, int& next_axis) {
  View view = whole(draft, value, next_axis);
  while (const std::optional<Map> map = moving_map(draft, draft.producer(view.base))) {
    std::map<int, Expr> at;
    for (std::size_t d = 0; d < view.index.size(); ++d) at.emplace(static_cast<int>(map->stages[0].index[d]->integer), view.index[d]);
    std::vector<Expr> index;
    for (const Expr& position : map->stages[0].value->args) index.push_back(substitute_axes(position, at));
    if (!is_plain(index)) break;
    view.index = std::move(index);
    view.base = draft.node(draft.producer(view.base)).inputs[0];
    view.moved = true;
  }
  return view;
}

void swap_last(View& view) {
  const std::size_t rank = view.sizes.size();
  std::swap(view.sizes[rank - 1], view.sizes[rank - 2]);
  std::swap(view.axes[rank - 1], view.axes[rank - 2]);
}

void describe(View view, std::size_t rank, const std::string& name, Attributes& attributes) {
  while (view.sizes.size() < rank) {
    view.sizes.insert(view.sizes.begin(), Dim(1));
    view.axes.insert(view.axes.begin(), -1);
  }
  describe_view(view.index, view.axes, name, attributes);
  attributes[name + "_sizes"] = std::move(view.sizes);
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || draft.node(at).op != "matmul" || draft.node(at).implementation.empty()) return "it is no library's product of matrices";
  Node node = draft.node(at);
  if (node.epilogue != nullptr) return "it has an epilogue already";
  const Call call = make_call(draft.shell(), node);
  int next_axis = 0;
  View a = view_of(draft, node.inputs[0], next_axis), b = view_of(draft, node.inputs[1], next_axis);
  if (!a.moved && !b.moved) return "no operand is a slice, a transpose or a split of another tensor";
  if (a.sizes.size() < 2 || b.sizes.size() < 2) return "an operand is a vector";
  if (call.flag("transpose_a")) swap_last(a);
  if (call.flag("transpose_b")) swap_last(b);
  const std::vector<ValueId> before = node.inputs;
  const std::size_t rank = std::max(a.sizes.size(), b.sizes.size());
  node.op = "matmul_of_views";
  node.inputs = {a.base, b.base};
  node.attributes.clear();
  describe(std::move(a), rank, "a", node.attributes);
  describe(std::move(b), rank, "b", node.attributes);
  const auto& known = implementations_of(node.op);
  const auto same = std::find_if(known.begin(), known.end(), [&](const Implementation* i) { return i->name == node.implementation; });
  if (same == known.end()) return fmt::format("{} takes no views", node.implementation);
  if (std::string reason = refusal(**same, draft.shell(), node); !reason.empty()) return reason;
  draft.replace(at, std::move(node));
  for (const ValueId value : before) {
    if (draft.producer(value) >= 0) draft.erase_unused(draft.producer(value));
  }
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.op != "matmul" || node.implementation.empty()) continue;
    const auto is_call = [&](ValueId id) { return draft.producer(id) >= 0 && !draft.node(draft.producer(id)).is_map(); };
    if (std::any_of(node.inputs.begin(), node.inputs.end(), is_call)) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation fold_view{
    {.name = "fold_view",
     .level = 3,
     .about = "lets a library's product read slices, transposes and split axes where they stand, by steps, in place of copies",
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::fold_view_transformation
