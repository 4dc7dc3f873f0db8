// standalone/: a network as C++ that needs nothing of Neap, for programs that only run it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "neap/ir/graph.h"
#include "neap/transform/sparse_dispatch.h"

namespace neap {

struct StandaloneOptions {
  std::string name = "network";  // of the library and, after "neap_", of its namespace: small letters, digits, '_', a letter first
  Symbols sizes;                 // of every symbol in the graph
  int level = 4;                 // of the optimizer
  DenseFallback fallback = DenseFallback::said;
};

struct StandaloneSummary {
  int kernels = 0;  // calls of one in a run
  std::int64_t weight_bytes = 0, arena_bytes = 0;
  double bytes_moved = 0;                            // modelled, of a run
  std::vector<std::string> sources, kernel_sources;  // files for the compiler: NAME.cpp and main.cpp; those of kernels
};

// Writes into `folder`: NAME.h and NAME.cpp (class neap_NAME::Network: a plan of buffers and the calls in order), kernels.h, the kernels
// for each instruction set (kernels_*.cpp: those that the compiler's flags allow are compiled, side by side where there are many),
// weights.bin, main.cpp (a program that reads npy or raw files and writes npy) and CMakeLists.txt. Every call becomes a generated loop
// nest: no library is used. Of the model's text only plain names get into the sources. Error naming the symbol that has no size, the node
// that has no loops, or a graph that updates its inputs.
StandaloneSummary write_standalone(const Graph& graph, const std::filesystem::path& folder, const StandaloneOptions& options = {});

}  // namespace neap
