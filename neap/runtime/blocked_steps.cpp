// The steps of a program on one block: loads, positions, stores, and what the data points to.
#include <cstring>

#include "neap/base/error.h"
#include "neap/runtime/blocked_run.h"

namespace neap::blocks {

void Run::steps(const Program& program, Count first, Count n) {
  for (const Step& step : program.steps) {
    if (const auto* compute = std::get_if<ComputeStep>(&step)) {
      compute->loop(n, at(compute->out), at(compute->a), at_or_null(compute->b), at_or_null(compute->c));
    } else {
      std::visit([&](const auto& other) { this->step(program, other, first, n); }, step);
    }
  }
}

void Run::step(const Program&, const LoadStep& load, Count first, Count n) {
  const auto* const from = static_cast<const std::byte*>(inputs_[static_cast<std::size_t>(load.operand)]);
  const Count size = neap::size_of(load.dtype);
  if (load.in_place) {
    register_[static_cast<std::size_t>(load.out)] = source(load, first);
    return;
  }
  auto* const out = static_cast<std::byte*>(at(load.out));
  const Count wide = size_of(plan_->registers[static_cast<std::size_t>(load.out)]);
  const Load loop = loops_.load[static_cast<int>(load.dtype)];
  stretches(load.offset, first, n,
            [&](Count lane, Count lanes, Count value, Count step) { loop(lanes, out + lane * wide, from + value * size, step); });
}

void Run::step(const Program&, const PositionStep& position, Count first, Count n) {
  auto* const out = static_cast<Count*>(at(position.out));
  stretches(position.value, first, n,
            [&](Count lane, Count lanes, Count value, Count step) { loops_.count_up(lanes, out + lane, value, step); });
}

// Row-major offsets of elements, and which are within bounds.
void Run::offsets(const std::vector<Index>& indices, int offset, int ok, Count n) {
  auto* const to = static_cast<Count*>(at(offset));
  auto* const fine = static_cast<std::uint8_t*>(at(ok));
  std::fill_n(to, n, 0);
  std::fill_n(fine, n, std::uint8_t{1});
  for (const Index& index : indices)
    loops_.step_index(n, to, fine, static_cast<const Count*>(at(index.position)), index.size, index.stride);
}

void Run::check(const std::vector<Index>& indices, int ok, int mask, Count n, const char* what, const std::vector<Count>& sizes) const {
  const auto* const fine = static_cast<const std::uint8_t*>(at(ok));
  const auto* const asked = static_cast<const std::uint8_t*>(at_or_null(mask));
  for (Count i = 0; i < n; ++i) {
    if (fine[i] != 0 || (asked != nullptr && asked[i] == 0)) continue;
    for (std::size_t axis = 0; axis < indices.size(); ++axis) {
      const Count position = static_cast<const Count*>(at(indices[axis].position))[i];
      if (position >= 0 && position < indices[axis].size) continue;
      throw Error(
          fmt::format("{} at {} on axis {} of {}, which has {} elements there", what, position, axis, to_string(sizes), indices[axis].size),
          "", "an index in the data is out of range");
    }
  }
}

void Run::step(const Program&, const GatherStep& gather, Count, Count n) {
  offsets(gather.index, gather.offset, gather.ok, n);
  const auto operand = static_cast<std::size_t>(gather.operand);
  if (!gather.guarded) check(gather.index, gather.ok, gather.mask, n, "read", plan_->input_sizes[operand]);
  loops_.gather[static_cast<int>(gather.dtype)](n, at(gather.out), inputs_[operand], static_cast<const Count*>(at(gather.offset)),
                                                static_cast<const std::uint8_t*>(at(gather.ok)), at_or_null(gather.outside));
}

void Run::step(const Program&, const WindowStep& window, Count first, Count n) {
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

void Run::step(const Program&, const StoreStep& store, Count first, Count n) {
  auto* const to = static_cast<std::byte*>(outputs_[static_cast<std::size_t>(store.output)]);
  const auto* const from = static_cast<const std::byte*>(at(store.value));
  const Count wide = size_of(plan_->registers[static_cast<std::size_t>(store.value)]), size = neap::size_of(store.dtype);
  const Store loop = loops_.store[static_cast<int>(store.dtype)];
  stretches(store.offset, first, n,
            [&](Count lane, Count lanes, Count value, Count step) { loop(lanes, to + value * size, from + lane * wide, step); });
}

void Run::step(const Program&, const ScatterStep& scatter, Count, Count n) {
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

}  // namespace neap::blocks
