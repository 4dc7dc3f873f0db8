// codegen/: from maps to loops: readable C++ from a map, compiled by the system's compiler, cached on disk.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neap/base/machine.h"
#include "neap/ir/graph.h"

namespace neap {

constexpr std::int64_t bad_offsets = 1 << 20, short_offsets = 1 << 21;  // what a kernel returns: see below

// What a generated kernel looks like from outside. `buffers` are the node's inputs then its outputs (absent inputs are null); `sizes` are
// the values of `symbols`. Work is cut into chunks whose number depends on the sizes alone, never on the threads: any thread may run any
// range of chunks, then, where there are partial results, one thread combines them in a fixed order. Non-zero: an index in the data was out
// of bounds (1 + the place in `buffers` of what it would have read or written), or offsets were (bad_offsets + theirs), or offsets leave
// entries of a result without a row that writes them (short_offsets + theirs).
struct KernelEntry {
  std::int64_t (*chunks)(const std::int64_t* sizes) = nullptr;
  std::int64_t (*scratch)(const std::int64_t* sizes) = nullptr;  // bytes for partial results, all chunks; 0: no combine
  std::int64_t (*run)(void* const* buffers, const std::int64_t* sizes, void* scratch, std::int64_t begin, std::int64_t end) = nullptr;
  void (*combine)(void* const* buffers, const std::int64_t* sizes, void* scratch) = nullptr;
};

// The C++ of one map node: four extern "C" functions NAME_chunks, NAME_scratch, NAME, NAME_combine. Nothing of the model's text is in it
// but in comments made of its operators' names; identifiers are numbered.
struct KernelSource {
  std::string name;  // "k_" and the hash of the map, its types and schedule: equal maps share a kernel
  std::string text;  // without the prelude
  double cost = 1;   // estimated compile time, to spread kernels over files
};

// Error if the map cannot be generated (the caller falls back to the interpreter and says so).
KernelSource generate_kernel(const Graph& graph, const Node& map_node, const std::vector<std::string>& symbols, Isa isa);

}  // namespace neap
