// A plan on threads: each takes blocks of lanes.
#include "neap/runtime/blocked_run.h"

#include <omp.h>

#include <exception>
#include <memory>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/base/stream.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/blocked_map.h"

namespace neap::blocks {

void Run::start(const Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs) {
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
  for (std::size_t id = 0; id < plan.place.size(); ++id) register_.push_back(own_place(id));
  position_.assign(static_cast<std::size_t>(plan.axes), 0);
}

std::byte* Run::own_place(std::size_t id) {
  const int place = plan_->place[id];
  return place < 0 ? nullptr : memory_.raw() + start_[static_cast<std::size_t>(place)];
}

// A result is made where it is to stand; where that is far from the caches, in a register, from which it goes past them.
void Run::block(const Program& program, Count first, Count n) {
  constexpr Count worth_a_copy = 256;  // bytes
  const auto is_copied = [&](const InPlace& result) {
    return plan_->far_outputs[static_cast<std::size_t>(result.output)] && n * neap::size_of(result.dtype) >= worth_a_copy;
  };
  const auto output = [&](const InPlace& result) {
    const Count at = start_of(result.offset) + first * result.offset.step();
    return static_cast<std::byte*>(outputs_[static_cast<std::size_t>(result.output)]) + at * neap::size_of(result.dtype);
  };
  for (const InPlace& result : program.in_place) {
    const auto id = static_cast<std::size_t>(result.value);
    register_[id] = is_copied(result) ? own_place(id) : output(result);
  }
  steps(program, first, n);
  for (const InPlace& result : program.in_place) {
    if (is_copied(result)) copy_past_caches(at(result.value), output(result), n * neap::size_of(result.dtype));
  }
}

void Run::fill(int id, Kind kind, Count n, Number value) {
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

namespace {

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
      end_past_caches();
    } catch (...) {
#pragma omp critical(neap_blocks_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
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

void Run::reduce_range_on_threads(const ReduceStep& reduce, Count begin, Count end, Count blocks, int threads, Total& total) {
  std::vector<Total> parts(static_cast<std::size_t>(blocks));
  const Total start = total;
  on_threads(threads, blocks, [&](Count from, Count to) {
    const Lease mine;
    mine->start(*plan_, inputs_, outputs_);
    mine->fill_constants(plan_->block);
    mine->copy_positions(*this);
    for (Count block = from; block < to; ++block)
      parts[static_cast<std::size_t>(block)] = mine->reduce_block(reduce, begin, end, block, start);
  });
  for (const Total& part : parts) add_to(reduce, total, part);
}

void run(const Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs) {
  if (plan.transposition) return run(*plan.transposition, inputs, outputs);
  for (const Plan::Fill& fill : plan.fills) fill_output(fill, outputs[static_cast<std::size_t>(fill.output)]);
  for (const Program& program : plan.programs) {
    if (program.lane_count == 0) continue;
    const int threads = thread_count();
    const bool parallel = threads > 1 && !program.serial && static_cast<double>(program.lane_count) * (program.work + 1) > worth_threads &&
                          omp_in_parallel() == 0;
    // Few lanes that are much work are shared out in smaller blocks, others each thread's in one piece, of whole lines: what they read in
    // each row then lies together. How many are in a block changes no bit.
    constexpr Count line = 16;
    Count block = plan.block;
    if (parallel && program.heavy) block = std::clamp<Count>(program.lane_count / (4 * threads), 1, plan.block);
    if (parallel && !program.heavy) block = std::min((program.lane_count / threads + line) / line * line, plan.block);
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
    inputs.push_back(type_of(operand));
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
