#include "neap/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "neap/ir/overwrite.h"

namespace neap {
namespace {

std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Values that share a place, one after the other: each is written over the one before by the node that reads that for the last time.
struct Place {
  std::vector<std::size_t> buffers;
  std::int64_t bytes = 0;
  int first = 0, last = 0;
};

std::vector<Place> places_of(const Graph& graph, const MemoryPlan& plan, bool reuse) {
  std::vector<Place> places;
  std::vector<std::size_t> place_of(plan.buffers.size());
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const Buffer& made = plan.buffers[i];
    const Node& node = *graph.nodes()[static_cast<std::size_t>(made.first)];
    const auto dies_here = [&](ValueId id) {
      const auto known = plan.of.find(id);
      if (known == plan.of.end()) return false;
      const Buffer& read = plan.buffers[known->second];
      return read.last == made.first && read.first < made.first && places[place_of[known->second]].last == made.first &&
             graph.type(id) == graph.type(made.value) && may_overwrite(node, id, made.value);
    };
    const auto before = reuse ? std::find_if(node.inputs.begin(), node.inputs.end(), dies_here) : node.inputs.end();
    if (before == node.inputs.end()) {
      place_of[i] = places.size();
      places.push_back({{i}, made.bytes, made.first, made.last});
      continue;
    }
    place_of[i] = place_of[plan.of.at(*before)];
    Place& place = places[place_of[i]];
    place.buffers.push_back(i);
    // Taken from here on, even where nobody reads it: no second result may come here.
    place.last = std::max(made.last, made.first + 1);
  }
  return places;
}

// Each place at the lowest offset that is free for all of its life, in the order given; gives the bytes of all.
std::int64_t lay_out(const std::vector<Place>& places, const std::vector<std::size_t>& order, bool reuse,
                     std::vector<std::int64_t>& offsets) {
  std::int64_t total = 0;
  std::vector<std::size_t> placed;
  std::vector<std::pair<std::int64_t, std::int64_t>> taken;
  offsets.assign(places.size(), 0);
  for (const std::size_t index : order) {
    const Place& place = places[index];
    taken.clear();
    for (const std::size_t other : placed) {
      const Place& there = places[other];
      if (!reuse || (there.first <= place.last && place.first <= there.last))
        taken.emplace_back(offsets[other], offsets[other] + there.bytes);
    }
    std::sort(taken.begin(), taken.end());
    std::int64_t offset = 0;
    for (const auto& [from, to] : taken) {
      if (offset + place.bytes <= from) break;
      offset = std::max(offset, to);
    }
    offsets[index] = offset;
    total = std::max(total, offset + place.bytes);
    placed.push_back(index);
  }
  return total;
}

// The largest first, or those that live longest: which packs better depends on the graph.
void place_buffers(const Graph& graph, MemoryPlan& plan, bool reuse) {
  const std::vector<Place> places = places_of(graph, plan, reuse);
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto by_bytes = [&](std::size_t a, std::size_t b) { return places[a].bytes > places[b].bytes; };
  const auto area = [&](const Place& place) { return static_cast<double>(place.bytes) * (place.last - place.first + 1); };
  const auto by_area = [&](std::size_t a, std::size_t b) { return area(places[a]) > area(places[b]); };
  std::vector<std::int64_t> offsets, tried;
  std::stable_sort(order.begin(), order.end(), by_bytes);
  plan.arena_bytes = lay_out(places, order, reuse, offsets);
  std::stable_sort(order.begin(), order.end(), by_area);
  if (const std::int64_t bytes = lay_out(places, order, reuse, tried); bytes < plan.arena_bytes) {
    plan.arena_bytes = bytes;
    offsets = tried;
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (const std::size_t buffer : places[i].buffers) plan.buffers[buffer].offset = offsets[i];
  }
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
    if (last && (!read_there || may_overwrite(node, input, output.value))) plan.in_place_of[output.value] = input;
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
  place_buffers(graph, plan, reuse);
  return plan;
}

}  // namespace neap
