// Reductions within a program: over the points of its lanes, or by a body whose lanes are the points.
#include <omp.h>

#include <cstring>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/runtime/blocked_run.h"

namespace neap::blocks {

void Run::step(const Program& program, const ReduceStep& reduce, Count first, Count n) {
  reduce.over_lanes ? reduce_each_lane(program, reduce, first, n) : reduce_lanes_together(reduce, first, n);
}

// The load that is all a reduction's body does, of elements that lie as registers do; null where it does more.
const LoadStep* Run::plain_load(const ReduceStep& reduce) {
  const auto& steps = reduce.body->steps;
  const auto* const load = steps.size() == 1 ? std::get_if<LoadStep>(steps.data()) : nullptr;
  return load != nullptr && load->in_place && load->out == reduce.value ? load : nullptr;
}

// Points that are folded at a time. Where nothing is computed of them no register bounds how many.
Count Run::tree_block(const ReduceStep& reduce) const {
  constexpr Count streamed = 8192;
  return plain_load(reduce) != nullptr && !wants_position(reduce) ? streamed : plan_->block;
}

// The body's lanes are ours: it runs once for each point of the reduction.
void Run::reduce_lanes_together(const ReduceStep& reduce, Count first, Count n) {
  const bool position = wants_position(reduce);
  const auto kind = static_cast<int>(reduce.kind);
  if (position) {
    fill(reduce.out, Kind::i64, n, {0, -1});
    fill(reduce.best, reduce.kind, n, {0, 0});
  } else {
    fill(reduce.out, reduce.kind, n, start_value(reduce));
  }
  Count points = 1;
  for (const LaneAxis& axis : reduce.axes) {
    points *= axis.extent;
    position_[static_cast<std::size_t>(axis.id)] = 0;
  }
  const Fold fold = position ? nullptr : loops_.fold[static_cast<int>(reduce.reduction)][kind];
  const bool in_parts = reduce.part >= 0;
  constexpr Count part = 64;  // sums of sums: rounding errors grow with the number of parts, not of points
  const auto clear_part = [&] { std::memset(at(reduce.part), 0, static_cast<std::size_t>(n * size_of(reduce.kind))); };
  if (in_parts) clear_part();
  if (const LoadStep* load = plain_load(reduce); load != nullptr && !position && reduce.axes.size() == 1) {
    const int axis = reduce.axes[0].id;
    Count step = 0;
    for (const auto& [id, coefficient] : load->offset.outer) step += id == axis ? coefficient : 0;
    for (Count point = 0; point < points;) {
      const Count rows = in_parts ? std::min(part, points - point) : points;
      position_[static_cast<std::size_t>(axis)] = point;
      loops_.fold_rows[static_cast<int>(reduce.reduction)][kind](n, rows, at(in_parts ? reduce.part : reduce.out), source(*load, first),
                                                                 step);
      point += rows;
      if (!in_parts) continue;
      fold(n, at(reduce.out), at(reduce.part));
      clear_part();
    }
    return;
  }
  for (Count point = 0; point < points; ++point) {
    steps(*reduce.body, first, n);
    if (position) {
      loops_.fold_position[extreme(reduce)][kind](n, at(reduce.best), static_cast<Count*>(at(reduce.out)), at(reduce.value),
                                                  position_[static_cast<std::size_t>(reduce.axes[0].id)]);
    } else {
      fold(n, at(in_parts ? reduce.part : reduce.out), at(reduce.value));
      if (in_parts && (point % part == part - 1 || point == points - 1)) {
        fold(n, at(reduce.out), at(reduce.part));
        clear_part();
      }
    }
    for (std::size_t i = reduce.axes.size(); i-- > 0;) {
      Count& at = position_[static_cast<std::size_t>(reduce.axes[i].id)];
      if (++at < reduce.axes[i].extent) break;
      at = 0;
    }
  }
}

// The body's lanes are the reduction's points: for each of our lanes, blocks of them are folded in a tree, and their results in order.
void Run::reduce_each_lane(const Program& program, const ReduceStep& reduce, Count first, Count n) {
  if (const LoadStep* load = plain_load(reduce);
      load != nullptr && !wants_position(reduce) && reduce.begin < 0 && reduce.mask < 0 && reduce.body->lane_count <= tree_block(reduce)) {
    return total_rows(program, reduce, *load, first, n);
  }
  const auto* const asked = static_cast<const std::uint8_t*>(at_or_null(reduce.mask));
  const Count wide = size_of(plan_->registers[static_cast<std::size_t>(reduce.out)]);
  const bool position = wants_position(reduce);
  const Total start = empty(reduce);
  for (Count lane = 0; lane < n; ++lane) {
    Total total = start;
    if (asked == nullptr || asked[lane] != 0) {
      stand_at(program, first + lane);
      const auto [begin, end] = range(reduce, lane);
      reduce_range(reduce, begin, end, total);
    }
    auto* const out = static_cast<std::byte*>(at(reduce.out)) + lane * wide;
    std::memcpy(out, position ? static_cast<const void*>(&total.position) : total.value, static_cast<std::size_t>(wide));
  }
}

void Run::stand_at(const Program& program, Count lane) {
  for (std::size_t i = program.lanes.size(); i-- > 0; lane /= program.lanes[i].extent)
    position_[static_cast<std::size_t>(program.lanes[i].id)] = lane % program.lanes[i].extent;
}

// Elements as they lie, a row a lane: many at a time along our last axis.
void Run::total_rows(const Program& program, const ReduceStep& reduce, const LoadStep& load, Count first, Count n) {
  const Count wide = size_of(reduce.kind);
  const Total start = empty(reduce);
  const LaneAxis last = program.lanes.empty() ? LaneAxis{-1, 1} : program.lanes.back();
  Count step = 0;
  for (const auto& [id, coefficient] : load.offset.outer) step += id == last.id ? coefficient : 0;
  for (Count lane = 0; lane < n;) {
    stand_at(program, first + lane);
    const Count rows = std::min(last.extent - (first + lane) % last.extent, n - lane);
    loops_.total_rows[static_cast<int>(reduce.reduction)][static_cast<int>(reduce.kind)](
        rows, reduce.body->lane_count, source(load, 0), step, start.value, static_cast<std::byte*>(at(reduce.out)) + lane * wide);
    lane += rows;
  }
}

std::pair<Count, Count> Run::range(const ReduceStep& reduce, Count lane) const {
  if (reduce.begin < 0) return {0, reduce.body->lane_count};
  const Count begin = static_cast<const Count*>(at(reduce.begin))[lane], end = static_cast<const Count*>(at(reduce.end))[lane];
  const Count extent = reduce.axes[0].extent;
  if (begin < end && (begin < 0 || end > extent)) {
    throw Error(fmt::format("a ragged axis runs from {} to {}, of {} entries", begin, end, extent), "",
                "an offset in the data is out of range");
  }
  return {begin, end};
}

Run::Total Run::empty(const ReduceStep& reduce) const {
  Total total;
  const Number start = start_value(reduce);
  const float single = static_cast<float>(start.real);
  const auto truth = static_cast<std::uint8_t>(start.integer != 0 ? 1 : 0);
  const void* from = reduce.kind == Kind::f32   ? static_cast<const void*>(&single)
                     : reduce.kind == Kind::f64 ? static_cast<const void*>(&start.real)
                     : reduce.kind == Kind::i64 ? static_cast<const void*>(&start.integer)
                                                : &truth;
  std::memcpy(total.value, from, static_cast<std::size_t>(size_of(reduce.kind)));
  return total;
}

void Run::reduce_range(const ReduceStep& reduce, Count begin, Count end, Total& total) {
  const Count size = tree_block(reduce);
  const Count blocks = begin < end ? (end - begin + size - 1) / size : 0;
  if (blocks == 1) {
    total = reduce_block(reduce, begin, end, 0, total);
    return;
  }
  const int threads = thread_count();
  if (threads > 1 && blocks > 1 && omp_in_parallel() == 0 && static_cast<double>(end - begin) * (reduce.body->work + 1) > worth_threads) {
    reduce_range_on_threads(reduce, begin, end, blocks, threads, total);
    return;
  }
  const Total start = total;
  for (Count block = 0; block < blocks; ++block) add_to(reduce, total, reduce_block(reduce, begin, end, block, start));
}

Run::Total Run::reduce_block(const ReduceStep& reduce, Count begin, Count end, Count block, const Total& start) {
  const Count size = tree_block(reduce), from = begin + block * size, n = std::min(size, end - from);
  Total mine = start;
  const auto kind = static_cast<int>(reduce.kind);
  if (const LoadStep* load = plain_load(reduce); load != nullptr && !wants_position(reduce)) {
    loops_.total[static_cast<int>(reduce.reduction)][kind](n, source(*load, from), mine.value);
    return mine;
  }
  steps(*reduce.body, from, n);
  if (wants_position(reduce)) {
    loops_.total_position[extreme(reduce)][kind](n, at(reduce.value), from, mine.value, &mine.position);
  } else {
    loops_.total[static_cast<int>(reduce.reduction)][kind](n, at(reduce.value), mine.value);
  }
  return mine;
}

void Run::add_to(const ReduceStep& reduce, Total& total, const Total& more) const {
  const auto kind = static_cast<int>(reduce.kind);
  if (!wants_position(reduce)) {
    loops_.fold[static_cast<int>(reduce.reduction)][kind](1, total.value, more.value);
  } else if (more.position >= 0) {
    loops_.fold_position[extreme(reduce)][kind](1, total.value, &total.position, more.value, more.position);
  }
}

}  // namespace neap::blocks
