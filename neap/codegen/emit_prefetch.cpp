// Rows that the data points at (x[columns[e], ...], e running over the entries of a row) come from anywhere in memory, which no hardware
// foresees: the row that a later entry asks for is fetched while this one is added up. It is fetched into the second cache, which can wait
// for several times as many lines as the first, and so far ahead that memory has answered when the entry's turn comes.
#include <fmt/format.h>

#include <algorithm>

#include "neap/codegen/emitter.h"
#include "neap/codegen/gathered_rows.h"

namespace neap {
namespace {

constexpr std::int64_t line = 64, most_fetched = 1024;                   // bytes
constexpr int bytes_ahead = 16 << 10, least_ahead = 8, most_ahead = 64;  // of rows, and entries; measured on rows of 64 to 1024 bytes
constexpr int bytes_near = 4 << 10, least_near = 2, most_near = 8;       // the same into the first cache

}  // namespace

int Emitter::position_later(LoopLevel& here, const Axis& axis, const Expr::Node* list, const Dim& rows, int ahead) {
  const Place place = this->place(here, operand_name(list->integer), operand_type(list->integer), list->args, 0, false);
  const std::string entry = axis_name(axis.id), offset = place.offset.empty() ? "0l" : place.offset;
  // A short loop asks for what is ahead of all of its entries or of none, which is decided once.
  LoopLevel& loop = ancestor(here, depth_of_axis(here, axis.id));
  const bool is_short = !loop.behind.empty();
  const std::string furthest = is_short ? loop.behind + " - 1" : entry;
  const std::string step =
      define(is_short ? *loop.parent : here, "t", "i64", fmt::format("{0} + {1} < {2} ? {1}l : 0l", furthest, ahead, dim(axis.extent)));
  return new_position(here, rows, fmt::format("(i64)widen({}[{} + {}])", place.pointer, offset, step));
}

void Emitter::prefetch_rows(LoopLevel& here, const Axis& axis, const std::vector<Instance>& bodies) {
  std::map<const Expr::Node*, int> later;  // list read -> the axis that stands for what it gives some entries later
  std::set<std::string> written;
  const int row_bytes = static_cast<int>(bodies.size()) * vector_bytes_;
  const int ahead = std::clamp(bytes_ahead / row_bytes, least_ahead, most_ahead);
  const auto per_line = static_cast<std::size_t>(std::max<std::int64_t>(1, line / vector_bytes_));
  for (std::size_t at_body = 0; at_body < bodies.size(); ++at_body) {
    const Instance& body = bodies[at_body];
    visit(body.value, [&](const Expr& e) {
      if (e->op != Scalar::read || e->integer < 0 || has_outside(e) || here.lanes.axis < 0 || !depends(e, here.lanes.axis)) return;
      std::vector<Expr> index = index_of(e);
      const Expr::Node* list = nullptr;
      std::size_t at = 0;
      for (std::size_t i = 0; i < index.size(); ++i) {
        if (!has_read(index[i])) continue;
        if (list != nullptr) return;
        list = list_read(index[i], axis);
        at = i;
        if (list == nullptr || !(operand_type(list->integer).shape[0] == axis.extent)) return;
      }
      if (list == nullptr) return;
      const Type type = operand_type(e->integer);
      const auto [known, fresh] = later.emplace(list, -1);
      if (fresh) known->second = position_later(here, axis, list, type.shape[at], ahead);
      index[at] = axis_position(axes_.at(known->second));
      const Place place = this->place(here, operand_name(e->integer), type, index, body.part, false);
      const std::string from = fmt::format("{} + {}", place.pointer, place.offset.empty() ? "0l" : place.offset);
      const auto fetch = [&](const std::string& address) {
        const std::string text = fmt::format("prefetch({});\n", address);
        if (written.insert(text).second) here.text += text;
      };
      const bool side_by_side = place.lane_stride == Dim(1);
      if (!side_by_side || at_body % per_line == 0) fetch(from);  // several vectors come with one line
      // Rows that do not begin where lines do: the last vector may reach into one more line.
      const std::int64_t element = size_of(type.dtype);
      const bool on_lines = type.shape.back().is_constant() && type.shape.back().constant() * element % line == 0;
      if (on_lines || at_body + 1 != bodies.size() || !side_by_side) return;
      const bool masked = here.lanes.masked == body.part;
      fetch(fmt::format("{} + {} - 1", from, masked ? here.lanes.count : std::to_string(width(here.lanes.dtype))));
    });
  }
}

// Lines of a row that the stages read; all of them where rows do not begin where lines do, or where that cannot be told.
std::set<std::int64_t> Emitter::lines_read(const std::vector<Stage>& stages, const GatheredRows& row) {
  const Type type = operand_type(row.table);
  const std::int64_t element = size_of(type.dtype), lines = (std::min(row.bytes, most_fetched) + line - 1) / line;
  std::set<std::int64_t> found;
  const auto add = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t k = std::max(first, std::int64_t{0}); k <= std::min(last, lines - 1); ++k) found.insert(k);
  };
  const auto look = [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer != row.table) return;
    std::vector<Expr> index = index_of(e);
    index[0] = Expr(0);
    const Affine column = affine(storage_offset(type, index));
    bool known = column.affine && column.rest.is_constant() && row.bytes % line == 0;
    std::int64_t first = known ? column.rest.constant() : 0, last = first;
    for (const auto& [id, step] : column.coefficients) {
      const Dim& extent = axes_.at(id).extent;
      known = known && step.is_constant() && extent.is_constant();
      if (known) (step.constant() < 0 ? first : last) += step.constant() * (extent.constant() - 1);
    }
    add(known ? first * element / line : 0, known ? last * element / line : lines - 1);
  };
  for (const Stage& stage : stages) {
    set_axes(stage.axes);
    visit(stage.value, look);
  }
  return found;
}

void Emitter::prefetch_entries(LoopLevel& here, const Axis& axis, const std::vector<Stage>& stages, const std::vector<Stage>& before,
                               bool near, int entries) {
  const std::vector<GatheredRows> rows = gathered_rows(stages, axis, [this](std::int64_t operand) { return operand_type(operand); });
  std::vector<std::set<std::int64_t>> read, fresh;
  std::int64_t all = 1, unknown = 1;  // bytes
  for (const GatheredRows& row : rows) {
    fresh.push_back(read.emplace_back(lines_read(stages, row)));
    for (const std::int64_t known : lines_read(before, row)) fresh.back().erase(known);
    all += std::min(row.bytes, line * static_cast<std::int64_t>(read.back().size()));
    unknown += std::min(row.bytes, line * static_cast<std::int64_t>(fresh.back().size()));
  }
  const int ahead = std::clamp(static_cast<int>(bytes_ahead / unknown), least_ahead, most_ahead);
  const auto fetch = [&](const std::vector<std::set<std::int64_t>>& lines, const char* how, int from) {
    for (int entry = from; entry < from + entries; ++entry) {
      for (std::size_t i = 0; i < rows.size(); ++i) fetch_row(here, axis, rows[i], lines[i], how, entry);
    }
  };
  fetch(fresh, "prefetch", ahead);
  if (!near) return;
  // An entry's work waits for its rows again where they come from the second cache: a few entries ahead they are asked for once more.
  fetch(read, "prefetch_near", std::clamp(static_cast<int>(bytes_near / all), least_near, most_near));
}

void Emitter::fetch_row(LoopLevel& here, const Axis& axis, const GatheredRows& row, const std::set<std::int64_t>& lines, const char* how,
                        int ahead) {
  if (lines.empty()) return;
  const Type type = operand_type(row.table);
  std::vector<Expr> index(type.shape.size(), Expr(0));
  index[0] = axis_position(axes_.at(position_later(here, axis, row.list, type.shape[0], ahead)));
  const Place place = this->place(here, operand_name(row.table), type, index, 0, false);
  const auto fetch = [&](std::int64_t at) { here.text += fmt::format("{}({} + {});\n", how, place.pointer, at / size_of(type.dtype)); };
  for (const std::int64_t k : lines) fetch(k * line);
  const std::int64_t fetched = std::min(row.bytes, most_fetched);
  if (row.bytes % line != 0 && fetched > line) fetch(fetched - 1);  // rows that do not begin where lines do end in one more
}

}  // namespace neap
