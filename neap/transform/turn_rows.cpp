// Turns the rows of tables that entries point at (x[columns[e], h, f]: heads, and features of a head) where sums over a row's entries
// multiply them by a factor of each head: with the heads innermost ([f, h]) vectors of factors are multiplied as they are, where features
// innermost want each factor spread over lanes of its own, for every entry. The turned table is made by a pass of its own, and the sums are
// turned back once a row.
#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "neap/codegen/access.h"
#include "neap/codegen/entry_loops.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/table_pass.h"
#include "neap/transform/transformation.h"

namespace neap::turn_rows_transformation {
namespace {

constexpr std::int64_t least_lanes = 8;  // of a vector, which holds the factors of all heads, perhaps several times

// A stage that sums rows of a table into a buffer [h, f].
struct Sum {
  std::size_t stage = 0;
  const Axis &entry, &head, &feature;
  Expr row = {};  // the read of a row; empty: the stage is another
};

bool reads_row(const Expr& e, const Sum& sum) {
  if (e->op != Scalar::read || e->integer < 0 || e->rank < 2 || has_outside(e) || list_read(e->args[0], sum.entry) == nullptr) return false;
  std::set<int> axes;
  for (std::size_t d = 1; d < e->args.size(); ++d) {
    if (has_read(e->args[d])) return false;
    axes.merge(free_axes(e->args[d]));
  }
  return axes == std::set<int>{sum.head.id, sum.feature.id};
}

Sum sum_of(const Node& node, std::size_t at) {
  const Stage& stage = node.map->stages[at];
  Sum sum{at, stage.axes[0], stage.axes[1], stage.axes[2]};
  if (stage.target >= 0 || stage.accumulate != Accumulate::sum || stage.index.size() != 2 || !is_axis(stage.index[0], sum.head.id) ||
      !is_axis(stage.index[1], sum.feature.id))
    return sum;
  bool has_factor = false, others = false;
  Expr row;
  const auto look = [&](const auto& self, const Expr& e) -> void {
    if (reads_row(e, sum)) {
      others |= static_cast<bool>(row) && !same(row, e);
      row = e;
      return;
    }
    others |= is_axis(e, sum.feature.id);
    has_factor |= is_axis(e, sum.head.id);
    for (const Expr& arg : e->args) self(self, arg);
  };
  look(look, stage.value);
  if (has_factor && !others) sum.row = row;
  return sum;
}

std::vector<Sum> sums_of(const Node& node) {
  std::vector<Sum> sums;
  for (std::size_t s = 0; s < node.map->stages.size(); ++s) {
    const std::vector<Axis>& axes = node.map->stages[s].axes;
    if (axes.size() != 3 || axes[0].ragged == nullptr || axes[1].ragged != nullptr || axes[2].ragged != nullptr) continue;
    const Sum sum = sum_of(node, s);
    if (sum.row) sums.push_back(sum);
  }
  return sums;
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.is_map() && !node.kept && is_scope(*node.map) && !sums_of(node).empty()) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

// Where an element of a head stands in a row of the table, behind the row's number.
std::vector<Expr> place_in_row(const Sum& sum, const Axis& head, const Axis& feature) {
  std::vector<Expr> place;
  for (std::size_t d = 1; d < sum.row->args.size(); ++d)
    place.push_back(substitute_axes(sum.row->args[d], {{sum.head.id, axis_position(head)}, {sum.feature.id, axis_position(feature)}}));
  return place;
}

bool same_rows(const Sum& a, const Sum& b) {
  const std::vector<Expr> first = place_in_row(a, b.head, b.feature), second = place_in_row(b, b.head, b.feature);
  return a.row->integer == b.row->integer && a.head.extent == b.head.extent && a.feature.extent == b.feature.extent &&
         std::equal(first.begin(), first.end(), second.begin(), second.end(), same);
}

// Why the sums stay as they are; empty: they can be turned.
std::string refusal(const Node& node, const std::vector<Sum>& sums) {
  const Sum& first = sums.front();
  if (!first.head.extent.is_constant() || !first.feature.extent.is_constant()) return "the size of its rows is not known";
  const std::int64_t heads = first.head.extent.constant();
  if (heads < 2 || least_lanes % heads != 0) return fmt::format("vectors do not hold whole factors of {} heads", heads);
  if (!std::all_of(sums.begin(), sums.end(), [&](const Sum& sum) { return same_rows(sum, first); }))
    return "it sums rows of several tables";
  const std::vector<Stage>& stages = node.map->stages;
  const auto is_made_by_others = [&](const Sum& sum) {
    return std::count_if(stages.begin(), stages.end(), [&](const Stage& stage) { return stage.target == stages[sum.stage].target; }) > 1;
  };
  if (std::any_of(sums.begin(), sums.end(), is_made_by_others)) return "another stage adds to its sums, or begins them";
  // Rows read as they were besides would be fetched from two places.
  for (std::size_t s = 0; s < node.map->stages.size(); ++s) {
    if (std::any_of(sums.begin(), sums.end(), [&](const Sum& sum) { return sum.stage == s; })) continue;
    bool reads = false;
    visit(node.map->stages[s].value,
          [&](const Expr& e) { reads |= e->op == Scalar::read && e->integer == first.row->integer && has_read(e->args[0]); });
    if (reads) return "it reads the table's rows for more than sums";
  }
  return "";
}

// The pass that makes the turned table.
Node turned(Draft& draft, const Node& reader, const Sum& sum) {
  const ValueId table = reader.inputs[static_cast<std::size_t>(sum.row->integer)];
  const Axis row{0, "r", draft.type(table).shape[0], nullptr}, feature{1, "f", sum.feature.extent, nullptr},
      head{2, "h", sum.head.extent, nullptr};
  std::vector<Expr> from = place_in_row(sum, head, feature);
  from.insert(from.begin(), axis_position(row));
  return table_pass(draft, table, {row, feature, head}, std::move(from), reader.origin);
}

// The map with its sums over the rows of operand `table`, which are turned ones, turned back behind the loop that makes them.
Map with_turned_sums(const Map& map, const std::vector<Sum>& sums, int table) {
  Map made{map.axes, map.locals, {}};
  int next_axis = highest_axis(map) + 1;
  std::vector<Stage> back;  // of the loop that the stage before is in
  int loop = -1;            // its axis; -1: it is in none
  const auto reads_sums = [&](const Stage& stage) {
    return std::any_of(back.begin(), back.end(), [&](const Stage& turned) { return reads(stage.value, turned.target); });
  };
  for (std::size_t s = 0; s < map.stages.size(); ++s) {
    Stage stage = map.stages[s];
    const int own_loop = runs_over_entries(stage) ? stage.axes[0].id : -1;
    if (own_loop != std::exchange(loop, own_loop) || reads_sums(stage)) {
      made.stages.insert(made.stages.end(), back.begin(), back.end());
      back.clear();
    }
    const auto sum = std::find_if(sums.begin(), sums.end(), [&](const Sum& one) { return one.stage == s; });
    if (sum != sums.end()) {
      const Local& local = map.locals[static_cast<std::size_t>(-1 - stage.target)];
      const Axis head{next_axis++, "h", sum->head.extent, nullptr}, feature{next_axis++, "f", sum->feature.extent, nullptr};
      const int own = -1 - static_cast<int>(made.locals.size());
      back.push_back({{head, feature},
                      stage.target,
                      {axis_position(head), axis_position(feature)},
                      read(own, local.dtype, {axis_position(feature), axis_position(head)})});
      made.locals.push_back({local.dtype, {sum->feature.extent, sum->head.extent}});
      stage.value = rewrite(stage.value, [&](const Expr& e) -> Expr {
        return reads_row(e, *sum) ? read(table, e.dtype(), {e->args[0], axis_position(sum->feature), axis_position(sum->head)}) : Expr();
      });
      stage.target = own;
      std::swap(stage.index[0], stage.index[1]);
      std::swap(stage.axes[1], stage.axes[2]);
    }
    made.stages.push_back(std::move(stage));
  }
  made.stages.insert(made.stages.end(), back.begin(), back.end());
  return made;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || !draft.node(at).is_map() || !is_scope(*draft.node(at).map)) return "there is no scope here";
  Node node = draft.node(at);
  const std::vector<Sum> sums = sums_of(node);
  if (sums.empty()) return "it sums no rows of tables by factors of heads";
  if (std::string reason = refusal(node, sums); !reason.empty()) return reason;
  Node made = turned(draft, node, sums.front());
  const auto table = static_cast<int>(node.inputs.size());
  Map map = with_turned_sums(*node.map, sums, table);
  node.inputs.push_back(made.outputs[0]);
  node.map = std::make_shared<const Map>(std::move(map));
  draft.insert(std::move(made), at);
  draft.replace(at, without_unread(std::move(node)));
  return "";
}

const RegisterTransformation turn_rows{
    {.name = "turn_rows",
     .level = 3,
     .about = "lays rows of tables with their heads innermost, so that sums over edges multiply whole vectors of the heads' factors",
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::turn_rows_transformation
