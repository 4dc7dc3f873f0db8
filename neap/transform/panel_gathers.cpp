// Cuts the columns of tables whose rows entries point at (x[columns[e], f]) to panels of a few lines, laid one behind the other: for all
// panels, for all rows, for all entries of a row. A panel of a large table fits into a cache that the whole table does not, so that an
// element comes from memory once in place of once an entry. Each panel goes through the lists of entries again; the panels are made by a
// pass of their own, which fuses with what makes the table (fuse_vertical).
#include <fmt/core.h>

#include <algorithm>

#include "neap/codegen/access.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/transform/gathers.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/table_pass.h"
#include "neap/transform/transformation.h"

namespace neap::panel_gathers_transformation {
namespace {

constexpr std::int64_t line = 64, widest_panel = 256;  // bytes

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (!node.is_map() || node.kept || is_scope(*node.map)) continue;
    bool gathers = false;
    visit_map(*node.map, [&](const Expr& e) { gathers |= e->op == Scalar::read && e->integer >= 0 && is_gather(e); });
    if (gathers) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

// What is gathered: tables, by operand, and the axis of the map along their rows.
struct Tables {
  std::vector<std::int64_t> operands;
  Axis columns;
  std::int64_t widest = 0;  // bytes of an element
};

// "", or why there are none that can be cut.
std::string tables_of(const Draft& draft, const Node& node, Tables& tables) {
  std::string reason;
  int columns = -1;
  visit_map(*node.map, [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || !is_gather(e)) return;
    const Type& type = draft.type(node.inputs[static_cast<std::size_t>(e->integer)]);
    const bool is_row =
        e->rank == 2 && !has_outside(e) && has_read(e->args[0]) && e->args[1]->op == Scalar::axis && type.layout.row_major();
    if (!is_row || uses_axis(e->args[0], static_cast<int>(e->args[1]->integer))) {
      reason = "it reads more at places from the data than rows of tables";
      return;
    }
    if (columns >= 0 && columns != e->args[1]->integer) reason = "its tables lie along different axes";
    columns = static_cast<int>(e->args[1]->integer);
    tables.widest = std::max(tables.widest, static_cast<std::int64_t>(size_of(type.dtype)));
    if (std::find(tables.operands.begin(), tables.operands.end(), e->integer) == tables.operands.end())
      tables.operands.push_back(e->integer);
  });
  if (!reason.empty()) return reason;
  if (tables.operands.empty()) return "it reads no rows of tables at places from the data";
  const std::vector<Axis>& axes = node.map->axes;
  const auto own = std::find_if(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.id == columns; });
  if (own == axes.end()) return "its tables' rows are summed up";
  if (!own->extent.is_constant()) return "the length of its tables' rows is not known";
  tables.columns = *own;
  return "";
}

// Elements of a panel's rows; 0: no panel is quicker than none.
std::int64_t best_width(const Draft& draft, const Node& node, const Tables& tables) {
  const auto typical = [](const Dim& size) { return static_cast<double>(size.evaluate({}, typical_size)); };
  double least = gathered_bytes(typical, draft.shell(), *node.map, node.inputs, GatherRates());
  std::int64_t best = 0;
  for (std::int64_t bytes = line; bytes <= widest_panel; bytes *= 2) {
    const std::int64_t width = bytes / tables.widest, all = tables.columns.extent.constant();
    if (all % width != 0 || all == width) continue;
    const double taken = panel_bytes(typical, draft.shell(), *node.map, node.inputs, tables.columns.id, width);
    if (taken >= least) continue;
    least = taken;
    best = width;
  }
  return best;
}

// The pass that lays a table by panels.
Node laid(Draft& draft, ValueId table, std::int64_t width, const std::vector<std::string>& origin) {
  const Type& type = draft.type(table);
  const Axis panel{0, "k", Dim(type.shape[1].constant() / width), nullptr}, row{1, "r", type.shape[0], nullptr},
      column{2, "f", Dim(width), nullptr};
  std::vector<Expr> from{axis_position(row), axis_position(panel) * Expr(width) + axis_position(column)};
  return table_pass(draft, table, {panel, row, column}, std::move(from), origin);
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || !draft.node(at).is_map() || is_scope(*draft.node(at).map)) return "there is no map here";
  Node node = draft.node(at);
  const auto sums = [](const Stage& stage) { return stage.accumulate != Accumulate::none; };
  if (std::any_of(node.map->stages.begin(), node.map->stages.end(), sums)) return "it accumulates";
  Tables tables;
  if (std::string reason = tables_of(draft, node, tables); !reason.empty()) return reason;
  std::int64_t width = parameters.at("columns");
  if (width > 0 && (tables.columns.extent.constant() % width != 0 || width == tables.columns.extent.constant()))
    return fmt::format("rows of {} elements are not cut evenly to panels of {}", tables.columns.extent.constant(), width);
  if (width == 0) width = best_width(draft, node, tables);
  if (width == 0) return "no panels make up for going through the entries once for each";
  Map map = *node.map;
  const int first = highest_axis(map) + 1;
  const Axis panel{first, "k", Dim(tables.columns.extent.constant() / width), nullptr};
  Axis column{first + 1, tables.columns.name, Dim(width), nullptr};
  std::map<std::int64_t, int> panels;  // by table
  for (const std::int64_t table : tables.operands) {
    Node made = laid(draft, node.inputs[static_cast<std::size_t>(table)], width, node.origin);
    panels.emplace(table, static_cast<int>(node.inputs.size()));
    node.inputs.push_back(made.outputs[0]);
    draft.insert(std::move(made), at);
  }
  rewrite_map(map, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer < 0 || !is_gather(e)) return {};
    return read(panels.at(e->integer), e.dtype(), {axis_position(panel), e->args[0], axis_position(column)});
  });
  const std::map<int, Expr> positions{{tables.columns.id, axis_position(panel) * Expr(width) + axis_position(column)}};
  for (Stage& stage : map.stages) {
    stage.value = substitute_axes(stage.value, positions);
    for (Expr& index : stage.index) index = substitute_axes(index, positions);
  }
  std::replace_if(
      map.axes.begin(), map.axes.end(), [&](const Axis& axis) { return axis.id == tables.columns.id; }, column);
  map.axes.insert(map.axes.begin(), panel);
  node.map = std::make_shared<const Map>(std::move(map));
  draft.replace(at, without_unread(std::move(node)));
  return "";
}

const RegisterTransformation panel_gathers{
    {.name = "panel_gathers",
     .level = 3,
     .about = "cuts the columns of tables that entries point into to panels, each of which stays in a cache",
     .parameters = {{"columns", 0, 0, 1 << 20, "of a panel; 0: by cost"}},
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::panel_gathers_transformation
