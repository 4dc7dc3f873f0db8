#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/ir/scalar.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/blocked_map.h"
#include "neap/runtime/blocked_plan.h"

namespace neap::blocks {
namespace {

constexpr double worth_threads = 1e5;  // scalar operations, below which starting threads costs more than it saves

// One thread's registers and positions while it runs a plan.
class Run {
 public:
  void start(const Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs) {
    plan_ = &plan;
    inputs_ = inputs;
    outputs_ = outputs;
    std::size_t bytes = 0;
    constexpr std::size_t line = 64;
    start_.clear();
    for (const Kind kind : plan.places) {
      start_.push_back(bytes);
      bytes += (static_cast<std::size_t>(plan.block) * static_cast<std::size_t>(size_of(kind)) + line - 1) / line * line;
    }
    if (memory_.empty() || static_cast<std::size_t>(memory_.bytes()) < bytes)
      memory_ = Array(DType::u8, {static_cast<std::int64_t>(bytes + line)});
    register_.clear();
    for (const int place : plan.place) register_.push_back(place < 0 ? nullptr : memory_.raw() + start_[static_cast<std::size_t>(place)]);
    position_.assign(static_cast<std::size_t>(plan.axes), 0);
  }

  // Constants fill as many lanes as a block of the plan can have.
  void fill_constants(Count lanes) {
    for (const Constant& constant : plan_->constants) fill(constant.out, constant.kind, lanes, {constant.real, constant.integer});
  }

  void copy_positions(const Run& other) { position_ = other.position_; }

  void block(const Program& program, Count first, Count n) {
    for (const InPlace& result : program.in_place) {
      const Count at = start_of(result.offset) + first * result.offset.step();
      register_[static_cast<std::size_t>(result.value)] =
          static_cast<std::byte*>(outputs_[static_cast<std::size_t>(result.output)]) + at * neap::size_of(result.dtype);
    }
    steps(program, first, n);
  }

 private:
  void* at(int id) const { return register_[static_cast<std::size_t>(id)]; }
  void* at_or_null(int id) const { return id < 0 ? nullptr : at(id); }

  void fill(int id, Kind kind, Count n, Number value) {
    switch (kind) {
      case Kind::f32:
        std::fill_n(static_cast<float*>(at(id)), n, static_cast<float>(value.real));
        break;
      case Kind::f64:
        std::fill_n(static_cast<double*>(at(id)), n, value.real);
        break;
      case Kind::i64:
        std::fill_n(static_cast<Count*>(at(id)), n, value.integer);
        break;
      case Kind::truth:
        std::fill_n(static_cast<std::uint8_t*>(at(id)), n, static_cast<std::uint8_t>(value.integer != 0 ? 1 : 0));
        break;
    }
  }

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

  void steps(const Program& program, Count first, Count n) {
    for (const Step& step : program.steps) {
      if (const auto* compute = std::get_if<ComputeStep>(&step)) {
        compute->loop(n, at(compute->out), at(compute->a), at_or_null(compute->b), at_or_null(compute->c));
      } else {
        std::visit([&](const auto& other) { this->step(program, other, first, n); }, step);
      }
    }
  }

  void step(const Program&, const ComputeStep&, Count, Count) {}

  void step(const Program&, const LoadStep& load, Count first, Count n) {
    const auto* const from = static_cast<const std::byte*>(inputs_[static_cast<std::size_t>(load.operand)]);
    const Count size = neap::size_of(load.dtype);
    if (load.in_place) {
      const Count start = start_of(load.offset) + first * load.offset.step();
      register_[static_cast<std::size_t>(load.out)] = const_cast<std::byte*>(from + start * size);
      return;
    }
    auto* const out = static_cast<std::byte*>(at(load.out));
    const Count wide = size_of(plan_->registers[static_cast<std::size_t>(load.out)]);
    const Load loop = loops_.load[static_cast<int>(load.dtype)];
    stretches(load.offset, first, n,
              [&](Count lane, Count lanes, Count value, Count step) { loop(lanes, out + lane * wide, from + value * size, step); });
  }

  void step(const Program&, const PositionStep& position, Count first, Count n) {
    auto* const out = static_cast<Count*>(at(position.out));
    stretches(position.value, first, n,
              [&](Count lane, Count lanes, Count value, Count step) { loops_.count_up(lanes, out + lane, value, step); });
  }

  // Row-major offsets of elements, and which are within bounds.
  void offsets(const std::vector<Index>& indices, int offset, int ok, Count n) {
    auto* const to = static_cast<Count*>(at(offset));
    auto* const fine = static_cast<std::uint8_t*>(at(ok));
    std::fill_n(to, n, 0);
    std::fill_n(fine, n, std::uint8_t{1});
    for (const Index& index : indices)
      loops_.step_index(n, to, fine, static_cast<const Count*>(at(index.position)), index.size, index.stride);
  }

  void check(const std::vector<Index>& indices, int ok, int mask, Count n, const char* what, const std::vector<Count>& sizes) const {
    const auto* const fine = static_cast<const std::uint8_t*>(at(ok));
    const auto* const asked = static_cast<const std::uint8_t*>(at_or_null(mask));
    for (Count i = 0; i < n; ++i) {
      if (fine[i] != 0 || (asked != nullptr && asked[i] == 0)) continue;
      for (std::size_t axis = 0; axis < indices.size(); ++axis) {
        const Count position = static_cast<const Count*>(at(indices[axis].position))[i];
        if (position >= 0 && position < indices[axis].size) continue;
        throw Error(fmt::format("{} at {} on axis {} of {}, which has {} elements there", what, position, axis, to_string(sizes),
                                indices[axis].size),
                    "", "an index in the data is out of range");
      }
    }
  }

  void step(const Program&, const GatherStep& gather, Count, Count n) {
    offsets(gather.index, gather.offset, gather.ok, n);
    const auto operand = static_cast<std::size_t>(gather.operand);
    if (!gather.guarded) check(gather.index, gather.ok, gather.mask, n, "read", plan_->input_sizes[operand]);
    loops_.gather[static_cast<int>(gather.dtype)](n, at(gather.out), inputs_[operand], static_cast<const Count*>(at(gather.offset)),
                                                  static_cast<const std::uint8_t*>(at(gather.ok)), at_or_null(gather.outside));
  }

  void step(const Program&, const WindowStep& window, Count first, Count n) {
    auto* const out = static_cast<std::byte*>(at(window.out));
    const auto* const outside = static_cast<const std::byte*>(at(window.outside));
    const auto* const from = static_cast<const std::byte*>(inputs_[static_cast<std::size_t>(window.operand)]);
    const Count wide = size_of(plan_->registers[static_cast<std::size_t>(window.out)]), size = neap::size_of(window.dtype);
    const Load loop = loops_.load[static_cast<int>(window.dtype)];
    const std::size_t rank = window.lanes.size();
    Count coordinate[most_levels], rest = first;
    for (std::size_t i = rank; i-- > 0; rest /= window.lanes[i].extent) coordinate[i] = rest % window.lanes[i].extent;
    for (Count done = 0; done < n;) {
      const Count lanes = std::min(window.lanes[rank - 1].extent - coordinate[rank - 1], n - done);
      // Lanes [low, high) of the stretch are within bounds on every axis.
      Count low = 0, high = lanes, offset = 0, offset_step = 0;
      for (const WindowStep::Axis& axis : window.axes) {
        Count index = axis.base;
        for (const auto& [id, coefficient] : axis.outer) index += coefficient * position_[static_cast<std::size_t>(id)];
        for (std::size_t i = 0; i < rank; ++i) index += coordinate[i] * axis.steps[i];
        const Count step = axis.steps[rank - 1];
        if (step == 0) {
          if (index < 0 || index >= axis.size) high = 0;
        } else {
          if (index < 0) low = std::max(low, (-index + step - 1) / step);
          high = std::min(high, index >= axis.size ? 0 : (axis.size - 1 - index) / step + 1);
        }
        offset += index * axis.stride;
        offset_step += step * axis.stride;
      }
      high = std::max(high, Count{0});
      low = std::min(low, high);
      std::byte* const to = out + done * wide;
      std::memcpy(to, outside + done * wide, static_cast<std::size_t>(low * wide));
      if (high > low) loop(high - low, to + low * wide, from + (offset + low * offset_step) * size, offset_step);
      std::memcpy(to + high * wide, outside + (done + high) * wide, static_cast<std::size_t>((lanes - high) * wide));
      done += lanes;
      coordinate[rank - 1] = 0;
      for (std::size_t i = rank - 1; i-- > 0;) {
        if (++coordinate[i] < window.lanes[i].extent) break;
        coordinate[i] = 0;
      }
    }
  }

  void step(const Program&, const StoreStep& store, Count first, Count n) {
    auto* const to = static_cast<std::byte*>(outputs_[static_cast<std::size_t>(store.output)]);
    const auto* const from = static_cast<const std::byte*>(at(store.value));
    const Count wide = size_of(plan_->registers[static_cast<std::size_t>(store.value)]), size = neap::size_of(store.dtype);
    const Store loop = loops_.store[static_cast<int>(store.dtype)];
    stretches(store.offset, first, n,
              [&](Count lane, Count lanes, Count value, Count step) { loop(lanes, to + value * size, from + lane * wide, step); });
  }

  void step(const Program&, const ScatterStep& scatter, Count, Count n) {
    offsets(scatter.index, scatter.offset, scatter.ok, n);
    const auto output = static_cast<std::size_t>(scatter.output);
    check(scatter.index, scatter.ok, -1, n, "write", plan_->output_sizes[output]);
    const auto* const offset = static_cast<const Count*>(at(scatter.offset));
    const Load load = loops_.load[static_cast<int>(scatter.dtype)];
    const Store store = loops_.store[static_cast<int>(scatter.dtype)];
    const Kind kind = plan_->registers[static_cast<std::size_t>(scatter.value)];
    const Fold fold = scatter.accumulates ? loops_.fold[static_cast<int>(scatter.reduction)][static_cast<int>(kind)] : nullptr;
    NEAP_ASSERT(!scatter.accumulates || fold != nullptr, " no loop accumulates this dtype");
    auto* const to = static_cast<std::byte*>(outputs_[output]);
    const auto* const from = static_cast<const std::byte*>(at(scatter.value));
    for (Count i = 0; i < n; ++i) {
      std::byte* const element = to + offset[i] * neap::size_of(scatter.dtype);
      const std::byte* value = from + i * size_of(kind);
      alignas(8) std::byte sum[8];
      if (fold != nullptr) {
        load(1, sum, element, 1);
        fold(1, sum, value);
        value = sum;
      }
      store(1, element, value, 1);
    }
  }

  // ---- reductions ----

  struct Total {
    alignas(8) std::byte value[8] = {};
    Count position = -1;
  };

  static bool wants_position(const ReduceStep& reduce) {
    return reduce.reduction == Reduction::argmax || reduce.reduction == Reduction::argmin;
  }
  static int extreme(const ReduceStep& reduce) { return reduce.reduction == Reduction::argmax ? 1 : 0; }
  static Number start_value(const ReduceStep& reduce) {
    return wants_position(reduce) ? Number{} : identity(reduce.reduction, reduce.element);
  }

  void step(const Program& program, const ReduceStep& reduce, Count first, Count n) {
    reduce.over_lanes ? reduce_each_lane(program, reduce, first, n) : reduce_lanes_together(reduce, first, n);
  }

  // The body's lanes are ours: it runs once for each point of the reduction.
  void reduce_lanes_together(const ReduceStep& reduce, Count first, Count n) {
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
    if (in_parts) fill(reduce.part, reduce.kind, n, {0, 0});
    for (Count point = 0; point < points; ++point) {
      steps(*reduce.body, first, n);
      if (position) {
        loops_.fold_position[extreme(reduce)][kind](n, at(reduce.best), static_cast<Count*>(at(reduce.out)), at(reduce.value),
                                                    position_[static_cast<std::size_t>(reduce.axes[0].id)]);
      } else {
        fold(n, at(in_parts ? reduce.part : reduce.out), at(reduce.value));
        if (in_parts && (point % part == part - 1 || point == points - 1)) {
          fold(n, at(reduce.out), at(reduce.part));
          fill(reduce.part, reduce.kind, n, {0, 0});
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
  void reduce_each_lane(const Program& program, const ReduceStep& reduce, Count first, Count n) {
    const auto* const asked = static_cast<const std::uint8_t*>(at_or_null(reduce.mask));
    const Count wide = size_of(plan_->registers[static_cast<std::size_t>(reduce.out)]);
    const bool position = wants_position(reduce);
    for (Count lane = 0; lane < n; ++lane) {
      Total total = empty(reduce);
      if (asked == nullptr || asked[lane] != 0) {
        Count rest = first + lane;
        for (std::size_t i = program.lanes.size(); i-- > 0; rest /= program.lanes[i].extent)
          position_[static_cast<std::size_t>(program.lanes[i].id)] = rest % program.lanes[i].extent;
        const auto [begin, end] = range(reduce, lane);
        reduce_range(reduce, begin, end, total);
      }
      auto* const out = static_cast<std::byte*>(at(reduce.out)) + lane * wide;
      std::memcpy(out, position ? static_cast<const void*>(&total.position) : total.value, static_cast<std::size_t>(wide));
    }
  }

  std::pair<Count, Count> range(const ReduceStep& reduce, Count lane) const {
    if (reduce.begin < 0) return {0, reduce.body->lane_count};
    const Count begin = static_cast<const Count*>(at(reduce.begin))[lane], end = static_cast<const Count*>(at(reduce.end))[lane];
    const Count extent = reduce.axes[0].extent;
    if (begin < end && (begin < 0 || end > extent)) {
      throw Error(fmt::format("a ragged axis runs from {} to {}, of {} entries", begin, end, extent), "",
                  "an offset in the data is out of range");
    }
    return {begin, end};
  }

  Total empty(const ReduceStep& reduce) const {
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

  void reduce_range(const ReduceStep& reduce, Count begin, Count end, Total& total) {
    const Count blocks = begin < end ? (end - begin + plan_->block - 1) / plan_->block : 0;
    if (blocks == 1) {
      total = reduce_block(reduce, begin, end, 0);
      return;
    }
    const int threads = thread_count();
    if (threads > 1 && blocks > 1 && omp_in_parallel() == 0 && static_cast<double>(end - begin) * (reduce.body->work + 1) > worth_threads) {
      reduce_range_on_threads(reduce, begin, end, blocks, threads, total);
      return;
    }
    for (Count block = 0; block < blocks; ++block) add_to(reduce, total, reduce_block(reduce, begin, end, block));
  }

  Total reduce_block(const ReduceStep& reduce, Count begin, Count end, Count block) {
    const Count from = begin + block * plan_->block, n = std::min(plan_->block, end - from);
    Total mine = empty(reduce);
    steps(*reduce.body, from, n);
    const auto kind = static_cast<int>(reduce.kind);
    if (wants_position(reduce)) {
      loops_.total_position[extreme(reduce)][kind](n, at(reduce.value), from, mine.value, &mine.position);
    } else {
      loops_.total[static_cast<int>(reduce.reduction)][kind](n, at(reduce.value), mine.value);
    }
    return mine;
  }

  void add_to(const ReduceStep& reduce, Total& total, const Total& more) const {
    const auto kind = static_cast<int>(reduce.kind);
    if (!wants_position(reduce)) {
      loops_.fold[static_cast<int>(reduce.reduction)][kind](1, total.value, more.value);
    } else if (more.position >= 0) {
      loops_.fold_position[extreme(reduce)][kind](1, total.value, &total.position, more.value, more.position);
    }
  }

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

// A Run of this thread's, kept from call to call.
class Lease {
 public:
  Lease() {
    auto& kept = free();
    if (kept.empty()) {
      run_ = std::make_unique<Run>();
    } else {
      run_ = std::move(kept.back());
      kept.pop_back();
    }
  }
  ~Lease() { free().push_back(std::move(run_)); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Run* operator->() const { return run_.get(); }

 private:
  static std::vector<std::unique_ptr<Run>>& free() {
    thread_local std::vector<std::unique_ptr<Run>> kept;
    return kept;
  }
  std::unique_ptr<Run> run_;
};

// Calls body(begin, end) with parts of [0, count) on threads; the first error is thrown when all have ended.
template <class F>
void on_threads(int threads, Count count, F&& body) {
  std::exception_ptr failure;
#pragma omp parallel num_threads(threads)
  {
    const Count team = omp_get_num_threads(), me = omp_get_thread_num();
    try {
      body(count * me / team, count * (me + 1) / team);
    } catch (...) {
#pragma omp critical(neap_blocks_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

void Run::reduce_range_on_threads(const ReduceStep& reduce, Count begin, Count end, Count blocks, int threads, Total& total) {
  std::vector<Total> parts(static_cast<std::size_t>(blocks));
  on_threads(threads, blocks, [&](Count from, Count to) {
    const Lease mine;
    mine->start(*plan_, inputs_, outputs_);
    mine->fill_constants(plan_->block);
    mine->copy_positions(*this);
    for (Count block = from; block < to; ++block) parts[static_cast<std::size_t>(block)] = mine->reduce_block(reduce, begin, end, block);
  });
  for (const Total& part : parts) add_to(reduce, total, part);
}

void fill_output(const Plan::Fill& fill, void* output) {
  dispatch(fill.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value{};
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>) {
      value = T(static_cast<float>(fill.real));
    } else if constexpr (std::is_floating_point_v<T>) {
      value = static_cast<T>(fill.real);
    } else {
      value = static_cast<T>(fill.integer);
    }
    std::fill_n(static_cast<T*>(output), fill.count, value);
  });
}

// The widest block that some program of the plan, its reductions' bodies included, runs.
Count widest(const Program& program, Count block) {
  Count lanes = std::min(program.lane_count, block);
  for (const Step& step : program.steps) {
    const auto* reduce = std::get_if<ReduceStep>(&step);
    if (reduce != nullptr) lanes = std::max(lanes, widest(*reduce->body, block));
  }
  return lanes;
}

}  // namespace

void run(const Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs) {
  if (plan.transposition) return run(*plan.transposition, inputs, outputs);
  for (const Plan::Fill& fill : plan.fills) fill_output(fill, outputs[static_cast<std::size_t>(fill.output)]);
  for (const Program& program : plan.programs) {
    if (program.lane_count == 0) continue;
    const int threads = thread_count();
    const bool parallel = threads > 1 && !program.serial && static_cast<double>(program.lane_count) * (program.work + 1) > worth_threads &&
                          omp_in_parallel() == 0;
    // Few lanes that are much work are shared out in smaller blocks; how many are in a block changes no bit.
    const Count least = program.heavy ? 1 : 64;
    Count block = plan.block;
    if (parallel) block = std::clamp<Count>(program.lane_count / (4 * threads), std::min(least, plan.block), plan.block);
    const Count blocks = (program.lane_count + block - 1) / block, constants = widest(program, plan.block);
    const auto part = [&](Count from, Count to) {
      const Lease mine;
      mine->start(plan, inputs, outputs);
      mine->fill_constants(constants);
      for (Count i = from; i < to; ++i) mine->block(program, i * block, std::min(block, program.lane_count - i * block));
    };
    if (parallel && blocks > 1) {
      on_threads(threads, blocks, part);
    } else {
      part(0, blocks);
    }
  }
}

}  // namespace neap::blocks

namespace neap {

BlockedMap::BlockedMap(std::unique_ptr<const blocks::Plan> plan) : plan_(std::move(plan)) {}
BlockedMap::~BlockedMap() = default;

std::unique_ptr<const BlockedMap> BlockedMap::make(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                   const Symbols& symbols, std::string* why) {
  auto plan = blocks::compile(map, inputs, outputs, symbols, why);
  if (plan == nullptr) return nullptr;
  return std::unique_ptr<const BlockedMap>(new BlockedMap(std::move(plan)));
}

std::vector<Array> run_map(const Map& map, const std::vector<Array>& operands, const std::vector<Type>& outputs, const Symbols& symbols) {
  std::vector<Type> inputs;
  std::vector<const void*> from;
  for (const Array& operand : operands) {
    inputs.push_back({operand.dtype(), Shape(operand.sizes().begin(), operand.sizes().end()), {}});
    from.push_back(operand.raw());
  }
  const auto blocked = BlockedMap::make(map, inputs, outputs, symbols);
  if (blocked == nullptr) return interpret_map(map, operands, outputs, symbols);
  std::vector<Array> results;
  std::vector<void*> to;
  for (const Type& type : outputs) to.push_back(results.emplace_back(type.dtype, evaluate(type.shape, symbols)).raw());
  blocked->run(from, to);
  return results;
}

void BlockedMap::run(std::span<const void* const> inputs, std::span<void* const> outputs) const { blocks::run(*plan_, inputs, outputs); }

}  // namespace neap
