// Small graphs for the topics.
#pragma once
#include <omp.h>

#include "neap/base/error.h"
#include "neap/ops/builder.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap::bench {

// Error where the compiler failed: an interpreter's times are no result.
inline Executable generated(const Graph& graph) {
  Executable made(graph);
  for (const NodeProfile& node : made.profile()) {
    if (node.how == "interpreter") throw Error(node.name + " was not compiled", "bench", "run again on a machine with memory to spare");
  }
  return made;
}

inline Executable executable_of(const Graph& graph) {
  Optimizer optimizer(graph);
  optimizer.optimize();
  return generated(optimizer.graph());
}

// Sets the number of threads, also of libraries that are called bare, and restores it.
class Threads {
 public:
  explicit Threads(int threads) : before_(thread_count()) { set(threads); }
  ~Threads() { set(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  static void set(int threads) {
    set_thread_count(threads);
    omp_set_num_threads(threads);
  }
  int before_;
};

}  // namespace neap::bench
