// Maps that only reorder axes, so that neighbours in the operand are not neighbours in the result: squares are moved at a time, of which
// every cache line is used whole on both sides.
#include <omp.h>

#include <algorithm>
#include <cstring>

#include "neap/base/machine.h"
#include "neap/runtime/blocked_compiler.h"

namespace neap::blocks {
namespace {

constexpr Count side = 16;                       // of a square, in elements
constexpr Count worth_threads = Count{1} << 18;  // elements

// The axis that stands at each dimension; empty where something else does.
std::vector<int> plain_axes(const Expr* index, std::size_t rank) {
  std::vector<int> axes;
  for (std::size_t d = 0; d < rank; ++d) {
    if (index[d]->op != Scalar::axis) return {};
    axes.push_back(static_cast<int>(index[d]->integer));
  }
  return axes;
}

// The distance in elements between neighbours on an axis; 0 where it is not there, or its size is another.
Count step_of(const std::vector<int>& axes, const Operand& operand, int axis, Count extent) {
  const auto found = std::find(axes.begin(), axes.end(), axis);
  if (found == axes.end()) return 0;
  const auto d = static_cast<std::size_t>(found - axes.begin());
  return operand.sizes[d] == extent ? operand.strides[d] : 0;
}

template <class T>
void move_square(const T* from, Count from_step, T* to, Count to_step, Count rows, Count columns) {
  T square[side][side];
  if (rows == side && columns == side) {
    for (Count c = 0; c < side; ++c) std::memcpy(square[c], from + c * from_step, sizeof square[c]);
    for (Count r = 0; r < side; ++r) {
      for (Count c = 0; c < side; ++c) to[r * to_step + c] = square[c][r];
    }
    return;
  }
  for (Count r = 0; r < rows; ++r) {
    for (Count c = 0; c < columns; ++c) to[r * to_step + c] = from[r + c * from_step];
  }
}

template <class T>
void move_all(const Transposition& move, const void* operand, void* result) {
  const Transposition::Axis &rows = move.along_from, &columns = move.along_to;
  const Count strips = (columns.extent + side - 1) / side;
  Count points = 1;
  for (const Transposition::Axis& axis : move.outer) points *= axis.extent;
  const bool parallel = points * rows.extent * columns.extent > worth_threads && omp_in_parallel() == 0;
#pragma omp parallel for num_threads(thread_count()) if (parallel && thread_count() > 1)
  for (Count unit = 0; unit < points * strips; ++unit) {
    const Count first = unit % strips * side, width = std::min(side, columns.extent - first);
    const T* from = static_cast<const T*>(operand) + first * columns.from;
    T* to = static_cast<T*>(result) + first;
    Count rest = unit / strips;
    for (std::size_t i = move.outer.size(); i-- > 0; rest /= move.outer[i].extent) {
      from += rest % move.outer[i].extent * move.outer[i].from;
      to += rest % move.outer[i].extent * move.outer[i].to;
    }
    for (Count r = 0; r < rows.extent; r += side)
      move_square(from + r, columns.from, to + r * rows.to, rows.to, std::min(side, rows.extent - r), width);
  }
}

}  // namespace

std::optional<Transposition> find_transposition(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                const Symbols& symbols) {
  if (map.stages.size() != 1 || !map.locals.empty()) return std::nullopt;
  const Stage& stage = map.stages[0];
  const Expr& read = stage.value;
  if (!stage.axes.empty() || stage.accumulate != Accumulate::none || stage.target < 0 || read->op != Scalar::read || read->integer < 0 ||
      read->args.size() != static_cast<std::size_t>(read->rank))
    return std::nullopt;
  const Type &from = inputs[static_cast<std::size_t>(read->integer)], &to = outputs[static_cast<std::size_t>(stage.target)];
  const std::vector<int> read_axes = plain_axes(read->args.data(), read->args.size()),
                         written = plain_axes(stage.index.data(), stage.index.size());
  if (from.dtype != to.dtype || read_axes.size() != map.axes.size() || written.size() != map.axes.size()) return std::nullopt;
  const Operand read_from(from, symbols), written_to(to, symbols);
  Transposition move{static_cast<int>(read->integer), stage.target, size_of(to.dtype), {}, {}, {}};
  std::vector<Transposition::Axis> axes;
  for (const Axis& axis : map.axes) {
    const Count extent = axis.ragged == nullptr ? axis.extent.evaluate(symbols) : 0;
    axes.push_back({extent, step_of(read_axes, read_from, axis.id, extent), step_of(written, written_to, axis.id, extent)});
    if (extent == 0 || axes.back().from == 0 || axes.back().to == 0) return std::nullopt;
    if (extent == 1) axes.pop_back();
  }
  // Axes that lie behind each other on both sides are one.
  std::sort(axes.begin(), axes.end(), [](const auto& a, const auto& b) { return a.to > b.to; });
  for (const Transposition::Axis& axis : axes) {
    Transposition::Axis* const last = move.outer.empty() ? nullptr : &move.outer.back();
    if (last != nullptr && last->from == axis.from * axis.extent && last->to == axis.to * axis.extent) {
      *last = {last->extent * axis.extent, axis.from, axis.to};
    } else {
      move.outer.push_back(axis);
    }
  }
  for (Transposition::Axis* const along : {&move.along_from, &move.along_to}) {
    const auto found = std::find_if(move.outer.begin(), move.outer.end(),
                                    [&](const auto& axis) { return (along == &move.along_from ? axis.from : axis.to) == 1; });
    if (found == move.outer.end() || found->extent < side / 2) return std::nullopt;  // one axis is both: rows are moved whole
    *along = *found;
    move.outer.erase(found);
  }
  return move;
}

void run(const Transposition& move, std::span<const void* const> inputs, std::span<void* const> outputs) {
  const void* const from = inputs[static_cast<std::size_t>(move.operand)];
  void* const to = outputs[static_cast<std::size_t>(move.output)];
  switch (move.size) {
    case 1:
      return move_all<std::uint8_t>(move, from, to);
    case 2:
      return move_all<std::uint16_t>(move, from, to);
    case 4:
      return move_all<std::uint32_t>(move, from, to);
    default:
      return move_all<std::uint64_t>(move, from, to);
  }
}

}  // namespace neap::blocks
