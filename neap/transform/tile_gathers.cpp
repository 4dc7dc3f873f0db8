// Walks the entries of rows by slabs of the tables that they point into (x[columns[e], ...]): for all slabs, for all rows, the row's
// entries that point into the slab, which stays in a near cache meanwhile, in place of gathering from all of a table that lies further off.
// Pays where rows have several entries in a slab: on dense graphs. The lists of a fixed pattern are put into that order once (slab_values);
// where columns rise within rows, entries keep their order. The sums of a row are taken up again at each slab.
#include <fmt/core.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/access.h"
#include "neap/ir/map_walk.h"
#include "neap/runtime/library.h"
#include "neap/transform/edge_maps.h"
#include "neap/transform/gathers.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::tile_gathers_transformation {
namespace {

constexpr std::int64_t most_elements = 4096;  // of a row's sums, which the kernel holds

bool has_entries(const Map& map) {
  const auto ragged = [](const Axis& axis) { return axis.ragged != nullptr; };
  bool found = std::any_of(map.axes.begin(), map.axes.end(), ragged);
  for (const Stage& stage : map.stages) {
    visit(stage.value, [&](const Expr& e) { found |= std::any_of(e->axes.begin(), e->axes.end(), ragged); });
  }
  return found;
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.is_map() && !node.kept && node.map->axes.size() < 3 && has_entries(*node.map)) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

// Whether the value is the same in every run.
bool is_fixed(const Draft& draft, ValueId id) {
  if (draft.value(id).constant.has_value()) return true;
  if (const int at = draft.producer(id); at >= 0) return draft.node(at).kept;
  const auto& inputs = draft.shell().inputs;
  return std::any_of(inputs.begin(), inputs.end(), [&](const Input& input) { return input.value == id && input.role == Role::fixed; });
}

// "", or why the kernel cannot hold a row's sums.
std::string refuses_sums(const Draft& draft, const Node& node) {
  for (const ValueId id : node.outputs) {
    const Type& type = draft.type(id);
    if (type.shape.empty() || !type.layout.row_major()) return "its sums are not laid by rows";
    if (size_of(type.dtype) < 4) return fmt::format("it sums {}, which would be rounded at every slab", name(type.dtype));
    const Dim elements = element_count(Shape(type.shape.begin() + 1, type.shape.end()));
    if (!elements.is_constant() || elements.constant() > most_elements) return "a row's sums are too many to hold";
    if (elements == Dim(1)) return "a row's sum is one element: its lists weigh more than what they point at";
    if (!type.shape[0].is_constant()) return "the number of rows is not known";
    if (type.shape[0].constant() < 2) return "it has one row";
  }
  return "";
}

// The operands that a map reads at its entries, one element an entry; "", or why they cannot be put into another order.
std::string lists_of(const Draft& draft, const Node& node, int entry, std::vector<std::size_t>& lists) {
  std::string reason;
  const auto look = [&](const Expr& whole) {
    visit(whole, [&](const Expr& e) {
      if (e->op != Scalar::read || e->rank < 1) return;
      const bool at_entry = e->args[0]->op == Scalar::axis && e->args[0]->integer == entry;
      if (!at_entry) {
        for (const Expr& arg : e->args) {
          if (arg->op == Scalar::axis && arg->integer == entry) reason = "it uses the place of an entry";
        }
        return;
      }
      const ValueId id = e->integer < 0 ? no_value : node.inputs[static_cast<std::size_t>(e->integer)];
      if (e->integer < 0 || e->rank != 1 || e->args.size() != 1 || !is_fixed(draft, id)) {
        reason = "what it reads of entries is not the same in every run, or has features";
      } else {
        lists.push_back(static_cast<std::size_t>(e->integer));
      }
    });
  };
  for (const Stage& stage : node.map->stages) {
    look(stage.value);
    for (const Expr& index : stage.index) look(index);
  }
  std::sort(lists.begin(), lists.end());
  lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
  return reason;
}

// The scope that sums over rows' entries, which makes the value or what the value is made of.
int scope_behind(const Draft& draft, ValueId value) {
  const int at = draft.producer(value);
  if (is_scope(*draft.node(at).map)) return at;
  for (const ValueId id : draft.node(at).inputs) {
    const int maker = id == no_value ? -1 : draft.producer(id);
    if (maker >= 0 && draft.node(maker).is_map() && is_scope(*draft.node(maker).map) && has_entries(*draft.node(maker).map)) return maker;
  }
  return -1;
}

Type type_of_kept(const Draft& draft, const std::string& op, const std::vector<ValueId>& inputs, std::int64_t slabs) {
  if (op == "slab_values") return draft.type(inputs[0]);
  return {DType::i64, {Dim(slabs) * (draft.type(inputs[0]).shape[0] - Dim(1)) + Dim(1)}, {}};
}

// Who counts and sorts entries by slabs in one pass; null: nobody, and the definitions would be far too slow.
const Implementation* library_of(const Draft& draft, const std::string& op, const std::vector<ValueId>& inputs,
                                 const Attributes& attributes) {
  if (!draft.libraries()) return nullptr;
  std::vector<Type> types;
  for (const ValueId id : inputs) types.push_back(draft.type(id));
  const Call call(find_operator(op), types, {true, true}, attributes);
  const std::vector<Type> results{type_of_kept(draft, op, inputs, std::get<std::int64_t>(attributes.at("slabs")))};
  for (const Implementation* library : implementations_of(op)) {
    if (library->refuses(call, types, results).empty()) return library;
  }
  return nullptr;
}

// The result of a call whose operands are the same in every run, made once; one that is there already is taken.
ValueId kept_call(Draft& draft, int before, const std::string& op, const std::vector<ValueId>& inputs, const Attributes& attributes) {
  for (const int user : draft.users_in_order(inputs[0])) {
    const Node& node = draft.node(user);
    if (node.op == op && node.inputs == inputs && node.attributes == attributes && node.kept && draft.before(user, before))
      return node.outputs[0];
  }
  Node node;
  node.op = op;
  node.attributes = attributes;
  node.inputs = inputs;
  node.implementation = library_of(draft, op, inputs, attributes)->name;
  node.kept = true;
  node.origin = draft.node(before).origin;
  node.outputs = {draft.add_value(type_of_kept(draft, op, inputs, std::get<std::int64_t>(attributes.at("slabs"))))};
  const ValueId made = node.outputs[0];
  draft.insert(std::move(node), before);
  return made;
}

// Lists are there for many runs, at sizes that nobody knows.
double typical(const Dim& size) { return static_cast<double>(size.evaluate({}, typical_size)); }

// Slabs of this pattern that are there already, where they are about as good: lists by slabs take memory.
SlabChoice shared_slab(const Draft& draft, const Node& node, const SlabChoice& best, ValueId offsets, ValueId columns) {
  constexpr double about = 1.1;
  for (const int user : draft.users_in_order(offsets)) {
    const Node& there = draft.node(user);
    if (there.op != "slab_offsets" || !there.kept || there.inputs != std::vector<ValueId>{offsets, columns}) continue;
    const SlabChoice other = best_slab(typical, draft.shell(), *node.map, node.inputs, std::get<std::int64_t>(there.attributes.at("rows")));
    if (other.bytes <= about * best.bytes) return other;
  }
  return best;
}

void walk_slabs(Draft& draft, int at, const std::vector<std::size_t>& lists, ValueId columns, std::int64_t slabs, std::int64_t rows) {
  Node node = draft.node(at);
  Map map = *node.map;
  const Axis row = map.axes[0];
  Axis& entry = map.axes[1];
  const Attributes attributes{{"slabs", slabs}, {"rows", rows}};
  const ValueId offsets = node.inputs[static_cast<std::size_t>(row_entries(entry).offsets)];
  const ValueId begins = kept_call(draft, at, "slab_offsets", {offsets, columns}, attributes);
  for (const std::size_t list : lists) node.inputs[list] = kept_call(draft, at, "slab_values", {node.inputs[list], columns}, attributes);
  const Axis slab{highest_axis(map) + 1, "k", Dim(slabs), nullptr};
  const auto operand = static_cast<int>(node.inputs.size());
  const Expr place = axis_position(slab) * Expr(row.extent) + axis_position(row);
  entry.ragged =
      std::make_shared<const std::pair<Expr, Expr>>(read(operand, DType::i64, {place}), read(operand, DType::i64, {place + Expr(1)}));
  map.axes.insert(map.axes.begin(), slab);
  node.inputs.push_back(begins);
  node.map = std::make_shared<const Map>(std::move(map));
  node.schedule.parallel_axis = row.id;
  draft.replace(at, without_unread(std::move(node)));
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || !draft.node(at).is_map() || !has_entries(*draft.node(at).map)) return "there is no map over entries here";
  const Node node = draft.node(at);
  if (std::string reason = refuses_sums(draft, node); !reason.empty()) return reason;
  SlabChoice slab = best_slab(typical, draft.shell(), *node.map, node.inputs, parameters.at("rows"));
  if (slab.entry < 0) {
    return parameters.at("rows") > 0 ? "it sums no rows of a table over entries"
                                     : "no slab makes up for what it takes to look at each row once more";
  }
  if (slab.slabs < 2) return "all of the table is in one slab";
  const RowEntries entries = row_entries(axes_by_id(*node.map).at(slab.entry));
  if (entries.offsets < 0 || !is_fixed(draft, node.inputs[static_cast<std::size_t>(entries.offsets)]))
    return "the rows' offsets are not the same in every run";
  std::vector<std::size_t> lists;
  if (std::string reason = lists_of(draft, node, slab.entry, lists); !reason.empty()) return reason;
  const ValueId columns = node.inputs[static_cast<std::size_t>(slab.list)];
  if (parameters.at("rows") == 0) slab = shared_slab(draft, node, slab, node.inputs[static_cast<std::size_t>(entries.offsets)], columns);
  const Attributes attributes{{"slabs", slab.slabs}, {"rows", slab.rows}};
  if (library_of(draft, "slab_offsets", {node.inputs[static_cast<std::size_t>(entries.offsets)], columns}, attributes) == nullptr ||
      std::any_of(lists.begin(), lists.end(), [&](std::size_t list) {
        return library_of(draft, "slab_values", {node.inputs[list], columns}, attributes) == nullptr;
      }))
    return "no library puts its lists into the order of slabs";
  if (!is_scope(*node.map)) {
    if (std::string reason = find_transformation("fuse_edges").apply(draft, site, {}); !reason.empty()) return reason;
  }
  const int scope = scope_behind(draft, site.at[0]);
  NEAP_ASSERT(scope >= 0, " sums over entries without a scope");
  lists.clear();
  lists_of(draft, draft.node(scope), draft.node(scope).map->axes[1].id, lists);
  walk_slabs(draft, scope, lists, columns, slab.slabs, slab.rows);
  return "";
}

const RegisterTransformation tile_gathers{
    {.name = "tile_gathers",
     .level = 4,
     .about = "walks the entries of rows by slabs of the tables that they point into, which stay in a near cache",
     .parameters = {{"rows", 0, 0, std::int64_t{1} << 31, "rows of the tables in a slab; 0: by cost"}},
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::tile_gathers_transformation
