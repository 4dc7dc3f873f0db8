// Lays tables side by side whose rows one list points at (x[columns[e], ...] and y[columns[e], ...], e running over the entries of rows): a
// row of the joined table has all that an entry reads, and is fetched from one place in memory. Rows at places of their own cost what it
// takes to get there: most of what is fetched for short ones. Rows of whole lines stay where they are: no fewer lines would be fetched, and
// what is short would move into a larger table, farther from the caches. One table alone is laid so that its rows begin where lines do, if
// they reach into one line more where they do not. The joined table is made by a pass of its own, which fuses with what makes the tables
// (fuse_scope).
#include <fmt/core.h>

#include <algorithm>

#include "neap/codegen/access.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/transform/gathers.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::join_tables_transformation {
namespace {

constexpr std::int64_t line = 64, longest_row = 512;  // bytes; what is longer is as quick apart

// Tables that one list points into, at entries of one axis.
struct Tables {
  const Expr::Node* list = nullptr;
  std::vector<std::int64_t> operands;
};

Tables most_tables(const Draft& draft, const Node& node) {
  const auto type_of = [&](std::int64_t operand) { return draft.type(node.inputs[static_cast<std::size_t>(operand)]); };
  Tables most;
  for (const auto& [id, axis] : axes_by_id(*node.map)) {
    if (axis.ragged == nullptr) continue;
    const std::vector<GatheredRows> rows = gathered_rows(node.map->stages, axis, type_of);
    for (const GatheredRows& first : rows) {
      Tables found{first.list, {}};
      for (const GatheredRows& row : rows) {
        if (row.list->integer == first.list->integer) found.operands.push_back(row.table);
      }
      if (found.operands.size() > most.operands.size()) most = std::move(found);
    }
  }
  return most;
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.is_map() && !node.kept && !most_tables(draft, node).operands.empty()) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

// Where a table stands in the joined one: from which element of a row on, and how far its other dimensions reach there.
struct Part {
  ValueId value = no_value;
  std::int64_t begin = 0;
  std::vector<std::int64_t> strides;

  Expr column(const std::vector<Expr>& index) const {
    Expr at(begin);
    for (std::size_t d = 0; d < strides.size(); ++d) at = at + index[d + 1] * Expr(strides[d]);
    return at;
  }
};

// Elements of a row of the joined table, which begins where a line does.
std::int64_t whole_lines(std::int64_t elements, DType dtype) {
  const std::int64_t of_line = line / size_of(dtype);
  return (elements + of_line - 1) / of_line * of_line;
}

// Whether rows of so many bytes, one behind the other, touch more lines than if each began with one.
bool reaches_further(std::int64_t bytes) { return bytes > line && lines_of_row(bytes, bytes) > lines_of_row(bytes, line); }

// Those that stand side by side, by operand, and what they make; "", or why there are none.
std::string lay(const Draft& draft, const Node& node, const Tables& tables, std::map<std::int64_t, Part>& parts, Type& joined) {
  std::vector<std::pair<std::int64_t, std::int64_t>> by_size;
  for (const std::int64_t operand : tables.operands) {
    const ValueId value = node.inputs[static_cast<std::size_t>(operand)];
    const Type& type = draft.type(value);
    if (joined.shape.empty()) joined = {type.dtype, {type.shape[0]}, {}};
    if (type.dtype != joined.dtype || !(type.shape[0] == joined.shape[0])) return "its tables differ in dtype or rows";
    Part part{value, 0, std::vector<std::int64_t>(type.shape.size() - 1)};
    std::int64_t elements = 1;
    for (std::size_t d = type.shape.size(); --d > 0; elements *= type.shape[d].constant()) part.strides[d - 1] = elements;
    if (elements * size_of(type.dtype) % line == 0) continue;
    parts.emplace(operand, std::move(part));
    by_size.emplace_back(elements, operand);
  }
  std::sort(by_size.begin(), by_size.end());
  std::int64_t all = 0;
  for (const auto& [elements, operand] : by_size) all += elements;
  for (; !by_size.empty() && whole_lines(all, joined.dtype) * size_of(joined.dtype) > longest_row; by_size.pop_back()) {
    all -= by_size.back().first;
    parts.erase(by_size.back().second);
  }
  if (parts.empty() || (parts.size() == 1 && !reaches_further(all * size_of(joined.dtype))))
    return "no two of its tables have short rows, and none has rows that reach into more lines than they fill";
  joined.shape.emplace_back(whole_lines(all, joined.dtype));
  // The longest first: it then begins where a line does.
  for (const auto& [elements, operand] : by_size) parts.at(operand).begin = all -= elements;
  return "";
}

// The pass that makes the joined table; what no table stands in is left as it is.
Node join(const Draft& draft, const std::map<std::int64_t, Part>& parts, const Dim& rows, const std::vector<std::string>& origin) {
  Node made;
  Map map;
  int next = 0;
  const Axis row{next++, "r", rows, nullptr};
  map.axes = {row};
  for (const auto& [operand, part] : parts) {
    const Type& type = draft.type(part.value);
    Stage stage;
    std::vector<Expr> index{axis_position(row)};
    for (std::size_t d = 1; d < type.shape.size(); ++d) {
      stage.axes.push_back({next, fmt::format("f{}", next), type.shape[d], nullptr});
      ++next;
      index.push_back(axis_position(stage.axes.back()));
    }
    stage.index = {axis_position(row), part.column(index)};
    stage.value = read(static_cast<int>(made.inputs.size()), type.dtype, std::move(index));
    map.stages.push_back(std::move(stage));
    made.inputs.push_back(part.value);
  }
  made.map = std::make_shared<const Map>(std::move(map));
  made.origin = origin;
  return made;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || !draft.node(at).is_map()) return "there is no map here";
  Node node = draft.node(at);
  const Tables tables = most_tables(draft, node);
  if (tables.operands.empty()) return "no list points into a table";
  const std::int64_t list = tables.list->integer;
  std::map<std::int64_t, Part> parts;
  Type type;
  if (std::string reason = lay(draft, node, tables, parts, type); !reason.empty()) return reason;
  Node made = join(draft, parts, type.shape[0], node.origin);
  made.outputs = {draft.add_value(type)};
  const auto operand = static_cast<int>(node.inputs.size());
  node.inputs.push_back(made.outputs[0]);
  const std::map<int, Axis> axes = axes_by_id(*node.map);
  const auto points_by_list = [&](const Expr& index) {
    return std::any_of(axes.begin(), axes.end(), [&](const auto& axis) {
      const Expr::Node* found = axis.second.ragged == nullptr ? nullptr : list_read(index, axis.second);
      return found != nullptr && found->integer == list;
    });
  };
  Map map = *node.map;
  rewrite_map(map, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || has_outside(e) || parts.count(e->integer) == 0 || !points_by_list(e->args[0])) return {};
    return read(operand, e.dtype(), {e->args[0], parts.at(e->integer).column(e->args)});
  });
  node.map = std::make_shared<const Map>(std::move(map));
  draft.insert(std::move(made), at);
  draft.replace(at, without_unread(std::move(node)));
  return "";
}

const RegisterTransformation join_tables{
    {.name = "join_tables",
     .level = 3,
     .about =
         "lays tables that one list points into side by side, and their rows on whole lines, so that an entry reads one place in memory",
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::join_tables_transformation
