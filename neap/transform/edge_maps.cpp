#include "neap/transform/edge_maps.h"

#include <algorithm>

#include "neap/codegen/access.h"
#include "neap/ir/map_walk.h"

namespace neap {
namespace {

constexpr double most_flops_a_byte = 16;  // of a value, that are repeated in a further pass rather than stored and read

// Positions of the target: each dimension an axis of its own, or the only position of a dimension of size one.
bool plain_positions(const Stage& stage, const Type& type, std::set<int>& used) {
  for (std::size_t d = 0; d < stage.index.size(); ++d) {
    const Expr& index = stage.index[d];
    if (index->op == Scalar::axis ? !used.insert(static_cast<int>(index->integer)).second : !(type.shape[d] == Dim(1))) return false;
  }
  return true;
}

// Reductions over the entries of rows; false where one stands within another reduction, or runs over rows in another way.
bool row_reductions(const Expr& value, bool inside, std::vector<Expr>& found) {
  if (value->op == Scalar::reduce) {
    const bool ragged = std::any_of(value->axes.begin(), value->axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
    if (ragged && (inside || row_entries(value->axes[0]).offsets < 0)) return false;
    if (ragged) found.push_back(value);
    inside = true;
  }
  return std::all_of(value->args.begin(), value->args.end(), [&](const Expr& arg) { return row_reductions(arg, inside, found); });
}

// Axes of outermost reductions that stand first in what is read at them, and nowhere else: those over all entries, where what is read has
// entries. None where the target's first axis stands so too.
std::set<int> total_axes(const Stage& stage) {
  std::set<int> first, elsewhere;
  visit(stage.value, [&](const Expr& e) {
    const bool reads = e->op == Scalar::read && e->rank > 0 && static_cast<int>(e->args.size()) == e->rank;
    for (std::size_t i = 0; i < e->args.size(); ++i) {
      if (e->args[i]->op == Scalar::axis) (reads && i == 0 ? first : elsewhere).insert(static_cast<int>(e->args[i]->integer));
    }
  });
  if (!stage.index.empty() && stage.index[0]->op == Scalar::axis && first.count(static_cast<int>(stage.index[0]->integer)) != 0) return {};
  std::set<int> found;
  const auto look = [&](const auto& self, const Expr& e) -> void {
    if (e->op != Scalar::reduce) {
      for (const Expr& arg : e->args) self(self, arg);
    } else if (accumulation_of(e->reduction)) {
      for (const Axis& axis : e->axes) {
        if (axis.ragged == nullptr && first.count(axis.id) != 0 && elsewhere.count(axis.id) == 0) found.insert(axis.id);
      }
    }
  };
  look(look, stage.value);
  return found;
}

}  // namespace

EdgeMaps::EdgeMaps(const Draft& draft) : draft_(draft) {
  bool any_rows = false;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    classify(at);
    const auto found = maps_.find(at);
    any_rows |= found != maps_.end() && found->second.kind == EdgeMap::sums;
  }
  if (!any_rows) {
    maps_.clear();
    return;
  }
  find_offsets();
  find_joined();
  leave_flat();
  keep_dear();
  leave_flat();
}

const EdgeMap* EdgeMaps::find(int node) const {
  const auto found = maps_.find(node);
  return found == maps_.end() ? nullptr : &found->second;
}

void EdgeMaps::classify(int at) {
  const Node& node = draft_.node(at);
  if (!node.is_map() || node.kept || is_scope(*node.map) || node.map->stages.size() != 1 || node.outputs.size() != 1) return;
  const Stage& stage = node.map->stages[0];
  if (stage.accumulate != Accumulate::none) return;
  const Type& type = draft_.type(node.outputs[0]);
  if (!type.layout.row_major()) return;
  std::set<int> used;
  if (!plain_positions(stage, type, used)) return;
  EdgeMap made;
  std::vector<Expr> reductions;
  if (!row_reductions(stage.value, false, reductions)) return;
  std::set<int> rest = used;
  for (const Axis& axis : node.map->axes) {
    if (axis.ragged == nullptr) {
      rest.erase(axis.id);
      continue;
    }
    const RowEntries rows = row_entries(axis);
    if (rows.offsets < 0 || made.row >= 0 || stage.index.empty() || !is_axis(stage.index[0], axis.id)) return;
    made = {EdgeMap::ragged, node.inputs[static_cast<std::size_t>(rows.offsets)], rows.row, {axis.id}};
    rest.erase(axis.id);
  }
  for (const Axis& axis : node.map->axes) {
    if (used.count(axis.id) == 0 && axis.id != made.row && !(axis.extent == Dim(1))) return;
  }
  if (!rest.empty() || (made.kind == EdgeMap::ragged && (!reductions.empty() || used.count(made.row) != 0))) return;
  if (!reductions.empty()) {
    made.kind = EdgeMap::sums;
    for (const Expr& e : reductions) {
      const RowEntries rows = row_entries(e->axes[0]);
      const ValueId offsets = node.inputs[static_cast<std::size_t>(rows.offsets)];
      const auto also_ragged = [](const Axis& axis) { return axis.ragged != nullptr; };
      if ((made.row >= 0 && (made.row != rows.row || made.offsets != offsets)) || used.count(rows.row) == 0 ||
          std::any_of(e->axes.begin() + 1, e->axes.end(), also_ragged) || !accumulation_of(e->reduction))
        return;
      made.row = rows.row;
      made.offsets = offsets;
      made.entries.insert(e->axes[0].id);
    }
  } else if (made.kind == EdgeMap::flat) {
    const std::set<int> totals = total_axes(stage);
    if (totals.size() == 1) {
      made.kind = EdgeMap::totals;
      made.entries = totals;
    } else {
      if (stage.index.empty() || stage.index[0]->op != Scalar::axis) return;
      made.entries = {static_cast<int>(stage.index[0]->integer)};
    }
  }
  order_.push_back(at);
  maps_.emplace(at, std::move(made));
}

// A flat map has as many entries as what it reads there: where it has more or fewer, its rows are not those of the value.
bool EdgeMaps::reads_at_entry(int at, ValueId value) const {
  const Node& node = draft_.node(at);
  const EdgeMap& edges = maps_.at(at);
  const std::map<int, Axis> axes = axes_by_id(*node.map);
  bool all = true;
  visit_map(*node.map, [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || node.inputs[static_cast<std::size_t>(e->integer)] != value) return;
    all &= e->rank > 0 && static_cast<int>(e->args.size()) == e->rank && e->args[0]->op == Scalar::axis &&
           edges.entries.count(static_cast<int>(e->args[0]->integer)) != 0;
    if (!all) return;
    const Axis& entry = axes.at(static_cast<int>(e->args[0]->integer));
    all = entry.ragged != nullptr || entry.extent == draft_.type(value).shape[0];
  });
  return all;
}

// Flat maps have the rows of what they read at their entries; failing that, those of all who read them.
void EdgeMaps::find_offsets() {
  constexpr ValueId several = -2;
  const auto meet = [](ValueId& mine, ValueId other) { mine = mine == no_value || mine == other ? other : several; };
  for (const int at : order_) {
    EdgeMap& edges = maps_.at(at);
    if (edges.kind != EdgeMap::flat && edges.kind != EdgeMap::totals) continue;
    for (const ValueId id : draft_.node(at).inputs) {
      const EdgeMap* maker = find(draft_.producer(id));
      if (maker != nullptr && maker->kind <= EdgeMap::ragged && maker->offsets != no_value && reads_at_entry(at, id))
        meet(edges.offsets, maker->offsets);
    }
    edges.read = edges.offsets >= 0;
  }
  for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
    EdgeMap& edges = maps_.at(*at);
    if (edges.kind != EdgeMap::flat || edges.offsets != no_value) continue;
    for (const int user : draft_.users(draft_.node(*at).outputs[0])) {
      const EdgeMap* reader = find(user);
      if (reader != nullptr && reader->offsets != no_value && reads_at_entry(user, draft_.node(*at).outputs[0]))
        meet(edges.offsets, reader->offsets);
    }
  }
  for (const int at : order_) {
    if (maps_.at(at).offsets == several) maps_.at(at).offsets = no_value;
  }
}

void EdgeMaps::find_joined() {
  for (const int at : order_) {
    const EdgeMap& edges = maps_.at(at);
    const ValueId value = draft_.node(at).outputs[0];
    const std::vector<int>& users = draft_.users(value);
    if (edges.kind > EdgeMap::ragged || edges.offsets == no_value || draft_.is_output(value) || users.empty()) continue;
    const bool along_rows = std::all_of(users.begin(), users.end(), [&](int user) {
      const EdgeMap* reader = find(user);
      return reader != nullptr && reader->offsets == edges.offsets && reads_at_entry(user, value);
    });
    if (along_rows) joined_.insert(value);
  }
}

// A flat map whose rows only its readers know is not left to store its result in a pass: entries that no row has would be missing.
void EdgeMaps::leave_flat() {
  for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
    EdgeMap& edges = maps_.at(*at);
    const Node& node = draft_.node(*at);
    if (edges.kind != EdgeMap::flat || edges.read || joined(node.outputs[0])) continue;
    for (const ValueId id : node.inputs) joined_.erase(id);
    edges.offsets = no_value;
  }
}

bool EdgeMaps::reads_joined(int at) const {
  const std::vector<ValueId>& inputs = draft_.node(at).inputs;
  return std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return joined(id); });
}

bool EdgeMaps::is_sink(int at) const { return !joined(draft_.node(at).outputs[0]) && maps_.at(at).offsets != no_value && reads_joined(at); }

// How many passes must have run before each sink: none of those that share a pass waits for another.
std::map<int, int> EdgeMaps::levels() const {
  std::map<int, int> of;
  std::map<ValueId, int> known;
  for (int at = draft_.first(); at != 0; at = draft_.next(at)) {
    int level = 0;
    for (const ValueId id : draft_.node(at).inputs) {
      if (const auto found = known.find(id); found != known.end()) level = std::max(level, found->second);
    }
    if (find(at) != nullptr && is_sink(at)) of[at] = ++level;
    if (level == 0) continue;
    for (const ValueId id : draft_.node(at).outputs) known[id] = level;
  }
  return of;
}

// What takes long to compute is stored rather than computed again in every pass that reads it.
void EdgeMaps::keep_dear() {
  const std::map<int, int> level_of = levels();
  std::map<ValueId, std::set<int>> reached;  // levels of the passes that need a value
  for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
    const Node& node = draft_.node(*at);
    const ValueId value = node.outputs[0];
    std::set<int> passes;
    if (const auto own = level_of.find(*at); own != level_of.end()) {
      passes = {own->second};
    } else if (joined(value)) {
      passes = reached[value];
      const Dim work = flops(node.map->stages[0].value);
      const double most = most_flops_a_byte * size_of(draft_.type(value).dtype);
      const auto again = static_cast<double>(passes.size()) - 1;
      if (again > 0 && (!work.is_constant() || static_cast<double>(work.constant()) * again > most)) joined_.erase(value);
    }
    for (const ValueId id : node.inputs) {
      if (joined(id)) reached[id].insert(passes.begin(), passes.end());
    }
  }
}

std::vector<std::vector<int>> EdgeMaps::passes() const {
  std::map<std::pair<int, ValueId>, std::vector<int>> grouped;
  for (const auto& [at, level] : levels()) grouped[{level, maps_.at(at).offsets}].push_back(at);
  std::vector<std::vector<int>> all;
  for (auto& [key, members] : grouped) {
    std::sort(members.begin(), members.end(), [&](int a, int b) { return draft_.before(a, b); });
    all.push_back(std::move(members));
  }
  return all;
}

}  // namespace neap
