// One thread's registers and positions while it runs a plan (blocked_plan.h).
#pragma once
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "neap/base/array.h"
#include "neap/ir/scalar.h"
#include "neap/runtime/blocked_plan.h"

namespace neap::blocks {

constexpr double worth_threads = 1e5;  // scalar operations, below which starting threads costs more than it saves

class Run {
 public:
  void start(const Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs);

  // Constants fill as many lanes as a block of the plan can have.
  void fill_constants(Count lanes) {
    for (const Constant& constant : plan_->constants) fill(constant.out, constant.kind, lanes, {constant.real, constant.integer});
  }

  void copy_positions(const Run& other) { position_ = other.position_; }

  void block(const Program& program, Count first, Count n);

 private:
  struct Total {
    alignas(8) std::byte value[8] = {};
    Count position = -1;
  };

  std::byte* own_place(std::size_t id);  // a register's; null where it never has one
  void* at(int id) const { return register_[static_cast<std::size_t>(id)]; }
  void* at_or_null(int id) const { return id < 0 ? nullptr : at(id); }

  void fill(int id, Kind kind, Count n, Number value);

  Count start_of(const AffineLanes& index) const {
    Count start = index.base;
    for (const auto& [axis, coefficient] : index.outer) start += coefficient * position_[static_cast<std::size_t>(axis)];
    return start;
  }

  // Calls f(lane of the block, lanes, value in the first, step) for stretches in which the value grows by equal steps.
  template <class F>
  void stretches(const AffineLanes& index, Count first, Count n, F&& f) const {
    const Count base = start_of(index);
    if (index.linear()) {
      f(Count{0}, n, base + first * index.step(), index.step());
      return;
    }
    const std::size_t rank = index.levels.size();
    Count coordinate[most_levels], rest = first;
    for (std::size_t i = rank; i-- > 0; rest /= index.levels[i].extent) coordinate[i] = rest % index.levels[i].extent;
    for (Count done = 0; done < n;) {
      Count value = base;
      for (std::size_t i = 0; i < rank; ++i) value += coordinate[i] * index.levels[i].step;
      const Count lanes = std::min(index.levels[rank - 1].extent - coordinate[rank - 1], n - done);
      f(done, lanes, value, index.levels[rank - 1].step);
      done += lanes;
      coordinate[rank - 1] = 0;
      for (std::size_t i = rank - 1; i-- > 0;) {
        if (++coordinate[i] < index.levels[i].extent) break;
        coordinate[i] = 0;
      }
    }
  }

  // Where the elements of a block lie that are read in place.
  void* source(const LoadStep& load, Count first) const {
    const auto* const from = static_cast<const std::byte*>(inputs_[static_cast<std::size_t>(load.operand)]);
    return const_cast<std::byte*>(from + (start_of(load.offset) + first * load.offset.step()) * neap::size_of(load.dtype));
  }

  void steps(const Program& program, Count first, Count n);
  void step(const Program&, const ComputeStep&, Count, Count) {}
  void step(const Program&, const LoadStep& load, Count first, Count n);
  void step(const Program&, const PositionStep& position, Count first, Count n);
  void offsets(const std::vector<Index>& indices, int offset, int ok, Count n);
  void check(const std::vector<Index>& indices, int ok, int mask, Count n, const char* what, const std::vector<Count>& sizes) const;
  void step(const Program&, const GatherStep& gather, Count, Count n);
  void step(const Program&, const WindowStep& window, Count first, Count n);
  void step(const Program&, const StoreStep& store, Count first, Count n);
  void step(const Program&, const ScatterStep& scatter, Count, Count n);

  static bool wants_position(const ReduceStep& reduce) {
    return reduce.reduction == Reduction::argmax || reduce.reduction == Reduction::argmin;
  }
  static int extreme(const ReduceStep& reduce) { return reduce.reduction == Reduction::argmax ? 1 : 0; }
  static Number start_value(const ReduceStep& reduce) {
    return wants_position(reduce) ? Number{} : identity(reduce.reduction, reduce.element);
  }

  void step(const Program& program, const ReduceStep& reduce, Count first, Count n);
  void reduce_lanes_together(const ReduceStep& reduce, Count first, Count n);
  void reduce_each_lane(const Program& program, const ReduceStep& reduce, Count first, Count n);
  void stand_at(const Program& program, Count lane);
  void total_rows(const Program& program, const ReduceStep& reduce, const LoadStep& load, Count first, Count n);
  std::pair<Count, Count> range(const ReduceStep& reduce, Count lane) const;
  Total empty(const ReduceStep& reduce) const;
  void reduce_range(const ReduceStep& reduce, Count begin, Count end, Total& total);
  Total reduce_block(const ReduceStep& reduce, Count begin, Count end, Count block, const Total& start);
  static const LoadStep* plain_load(const ReduceStep& reduce);
  Count tree_block(const ReduceStep& reduce) const;
  void add_to(const ReduceStep& reduce, Total& total, const Total& more) const;
  void reduce_range_on_threads(const ReduceStep& reduce, Count begin, Count end, Count blocks, int threads, Total& total);

  const Plan* plan_ = nullptr;
  const Loops& loops_ = loops();
  std::span<const void* const> inputs_;
  std::span<void* const> outputs_;
  Array memory_;
  std::vector<std::size_t> start_;  // of each place in memory_
  std::vector<void*> register_;
  std::vector<Count> position_;
};

}  // namespace neap::blocks
