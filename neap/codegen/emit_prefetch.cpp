// Rows that the data points at (x[columns[e], ...], e running over the entries of a row) come from anywhere in memory, which no hardware
// foresees: the row that a later entry asks for is fetched while this one is added up. It is fetched into the second cache, which can wait
// for several times as many lines as the first, and so far ahead that memory has answered when the entry's turn comes.
#include <fmt/format.h>

#include <algorithm>

#include "neap/codegen/emitter.h"

namespace neap {
namespace {

constexpr int bytes_ahead = 16 << 10, least_ahead = 8, most_ahead = 64;  // of rows, and entries; measured on rows of 64 to 1024 bytes

// The read of a list at `axis` that `index` is, perhaps cast; null where it is something else.
const Expr::Node* list_read(const Expr& index, const Axis& axis) {
  const Expr& e = index->op == Scalar::cast ? index->args[0] : index;
  const bool plain = e->op == Scalar::read && e->integer >= 0 && e->args.size() == 1 && e->rank == 1 && e->args[0]->op == Scalar::axis &&
                     e->args[0]->integer == axis.id;
  return plain ? e.node().get() : nullptr;
}

}  // namespace

void Emitter::prefetch_rows(LoopLevel& here, const Axis& axis, const std::vector<Instance>& bodies) {
  std::map<const Expr::Node*, int> later;  // list read -> the axis that stands for what it gives some entries later
  std::set<std::string> written;
  const int row_bytes = static_cast<int>(bodies.size()) * vector_bytes_;
  const int ahead = std::clamp(bytes_ahead / row_bytes, least_ahead, most_ahead);
  const auto position_later = [&](const Expr::Node* list, const Dim& rows) {
    if (const auto found = later.find(list); found != later.end()) return found->second;
    const Place place = this->place(here, operand_name(list->integer), operand_type(list->integer), list->args, 0, false);
    const std::string entry = axis_name(axis.id), offset = place.offset.empty() ? "0l" : place.offset;
    const std::string step = define(here, "t", "i64", fmt::format("{0} + {1} < {2} ? {1}l : 0l", entry, ahead, dim(axis.extent)));
    const int id = axes_.rbegin()->first + 1;
    axes_[id] = {id, "later", rows, nullptr};
    here.text += fmt::format("const i64 {} = (i64)widen({}[{} + {}]);\n", axis_name(id), place.pointer, offset, step);
    here.axes.insert(id);
    return later[list] = id;
  };
  for (const Instance& body : bodies) {
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
      index[at] = axis_position(axes_.at(position_later(list, type.shape[at])));
      const Place place = this->place(here, operand_name(e->integer), type, index, body.part, false);
      const std::string text = fmt::format("prefetch({} + {});\n", place.pointer, place.offset.empty() ? "0l" : place.offset);
      if (written.insert(text).second) here.text += text;
    });
  }
}

}  // namespace neap
