// One arena for all values between nodes: a value's bytes are used again as soon as its last reader has run.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct Buffer {
  ValueId value = no_value;
  std::int64_t offset = 0, bytes = 0;
  int first = 0, last = 0;  // positions of the node that makes it and of the last that reads it
};

struct MemoryPlan {
  std::vector<Buffer> buffers;
  std::vector<Buffer> kept;  // what kept nodes make and others read, in memory of its own that no other value uses
  std::int64_t kept_bytes = 0;
  std::unordered_map<ValueId, std::size_t> of;       // value -> index in buffers
  std::unordered_map<ValueId, ValueId> in_place_of;  // an output that is written over the input it updates
  std::int64_t arena_bytes = 0;
  std::int64_t sum_bytes = 0;  // what it would be without reuse
};

// Places the values that are neither inputs, outputs nor constants (outputs that update an input are placed in it where no later node reads
// the old value). `reuse` false gives each value a place of its own. Offsets are multiples of 64.
MemoryPlan plan_memory(const Graph& graph, const Symbols& symbols, bool reuse = true);

}  // namespace neap
