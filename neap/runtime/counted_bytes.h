// What a generated kernel really moves, counted: for the cost model to be held against.
#pragma once
#include <vector>

#include "neap/codegen/kernel.h"

namespace neap {

struct CountedBytes {
  double read = 0, written = 0;
  double total() const { return read + written; }
};

// Runs a graph of maps on one thread; every load and store of each kernel (the compiler reports them as it does to a checker of data races)
// goes through a simulated cache of `cache_bytes`, empty at first and flushed at the end. Gives the bytes between that cache and memory, by
// node. Counters of the machine would also count what others do, and few processors let a program read those of memory. Error on a node
// that is no map, and where there is no compiler that can report accesses.
std::vector<CountedBytes> count_bytes(const Graph& graph, const std::vector<Array>& inputs, std::int64_t cache_bytes);

}  // namespace neap
