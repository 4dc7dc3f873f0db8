// A graph that runs.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/codegen/kernel.h"
#include "neap/runtime/library.h"
#include "neap/runtime/memory_plan.h"

namespace neap {

struct ExecutableOptions {
  bool reuse_memory = true;
  bool compile = true;  // false: maps run in precompiled loops, or in the interpreter
  Isa isa = best_isa();
};

// What one node did in the runs so far.
struct NodeProfile {
  std::string name;    // "%12 map"
  std::string origin;  // what it came from
  std::string how;     // "generated", "onednn", "interpreter"
  std::int64_t runs = 0;
  double seconds = 0;  // all runs
  double begin = 0;    // of the last run, since its start: for the trace
  double last = 0;     // seconds of the last run
};

class Executable {
 public:
  // Lowers nothing: every call must have an implementation (see `lower` and `bind_library`); compiles what is not in the cache.
  explicit Executable(Graph graph, ExecutableOptions options = {});
  ~Executable();
  Executable(Executable&&) noexcept;
  Executable& operator=(Executable&&) noexcept;

  const Graph& graph() const;

  // Inputs in the graph's order and layouts. Outputs that update an input are written into that input's array (and the same array is given
  // back); the others are new arrays. What is kept of fixed inputs is computed again when another array is given for one of them; one
  // that was written into since the last run is not told from what it was: give its clone(). Error naming the input that does not fit.
  std::vector<Array> run(const std::vector<Array>& inputs);

  // The plan for the sizes of the last run, and of its arena.
  const MemoryPlan& plan() const;

  void set_profiling(bool on);  // off by default: two clock readings a node
  const std::vector<NodeProfile>& profile() const;
  std::string trace() const;  // the last profiled run as Chrome / Perfetto JSON

  double compile_seconds() const;  // generating, compiling and loading
  int generated_kernels() const;   // distinct ones

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neap
