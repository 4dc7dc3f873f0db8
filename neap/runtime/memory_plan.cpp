#include "neap/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace neap {
namespace {

std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Whether `node` reads `value` only at the point that it writes: then the result may lie in its place.
bool reads_pointwise(const Node& node, ValueId value, ValueId result) {
  if (!node.is_map() || !node.map->locals.empty()) return false;
  const auto output = std::find(node.outputs.begin(), node.outputs.end(), result) - node.outputs.begin();
  const Stage* writing = nullptr;
  for (const Stage& stage : node.map->stages) {
    if (stage.target == output) {
      if (writing != nullptr || stage.accumulate != Accumulate::none) return false;
      writing = &stage;
    }
  }
  if (writing == nullptr) return false;
  bool pointwise = true;
  for (const Stage& stage : node.map->stages) {
    visit(stage.value, [&](const Expr& e) {
      if (e->op != Scalar::read || e->integer < 0 || node.inputs[static_cast<std::size_t>(e->integer)] != value) return;
      // Another stage of the point may come after the write.
      pointwise &=
          &stage == writing && static_cast<std::size_t>(e->rank) == writing->index.size() && e->args.size() == writing->index.size();
      for (int i = 0; pointwise && i < e->rank; ++i)
        pointwise = same(e->args[static_cast<std::size_t>(i)], writing->index[static_cast<std::size_t>(i)]);
    });
  }
  return pointwise;
}

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const Symbols& symbols, bool reuse) {
  MemoryPlan plan;
  const Uses uses(graph);
  for (const Output& output : graph.outputs) {
    if (output.updates < 0) continue;
    const ValueId input = graph.inputs[static_cast<std::size_t>(output.updates)].value;
    const int producer = uses.producer(output.value);
    if (producer < 0 || !(graph.type(input) == graph.type(output.value)) || uses.is_output(input) ||
        plan.in_place_of.count(output.value) != 0)
      continue;
    const auto& readers = uses.users(input);
    const bool last = std::all_of(readers.begin(), readers.end(), [&](int at) { return at <= producer; });
    const Node& node = *graph.nodes()[static_cast<std::size_t>(producer)];
    const bool read_there = std::find(readers.begin(), readers.end(), producer) != readers.end();
    if (last && (!read_there || reads_pointwise(node, input, output.value))) plan.in_place_of[output.value] = input;
  }
  const int count = static_cast<int>(graph.nodes().size());
  for (int i = 0; i < count; ++i) {
    const Node& node = *graph.nodes()[static_cast<std::size_t>(i)];
    for (const ValueId id : node.outputs) {
      const auto& readers = uses.users(id);
      Buffer buffer{id, 0, aligned(storage_bytes(graph.type(id)).evaluate(symbols)), i, readers.empty() ? i : readers.back()};
      const auto is_kept = [&](int at) { return graph.nodes()[static_cast<std::size_t>(at)]->kept; };
      if (node.kept && (uses.is_output(id) || !std::all_of(readers.begin(), readers.end(), is_kept))) {
        buffer.offset = plan.kept_bytes;
        plan.kept_bytes += buffer.bytes;
        plan.kept.push_back(buffer);
        continue;
      }
      if (uses.is_output(id)) continue;
      plan.sum_bytes += buffer.bytes;
      plan.of[id] = plan.buffers.size();
      plan.buffers.push_back(buffer);
    }
  }
  // Largest first, each at the lowest place that is free for all of its life.
  std::vector<std::size_t> order(plan.buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return plan.buffers[a].bytes > plan.buffers[b].bytes; });
  std::vector<std::size_t> placed;
  for (const std::size_t index : order) {
    Buffer& buffer = plan.buffers[index];
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;
    for (const std::size_t other : placed) {
      const Buffer& there = plan.buffers[other];
      if (!reuse || (there.first <= buffer.last && buffer.first <= there.last))
        taken.emplace_back(there.offset, there.offset + there.bytes);
    }
    std::sort(taken.begin(), taken.end());
    std::int64_t offset = 0;
    for (const auto& [from, to] : taken) {
      if (offset + buffer.bytes <= from) break;
      offset = std::max(offset, to);
    }
    buffer.offset = offset;
    plan.arena_bytes = std::max(plan.arena_bytes, offset + buffer.bytes);
    placed.push_back(index);
  }
  return plan;
}

}  // namespace neap
