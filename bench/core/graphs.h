// Small graphs for the topics.
#pragma once
#include "neap/ops/builder.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap::bench {

inline Executable executable_of(const Graph& graph) {
  Optimizer optimizer(graph);
  optimizer.optimize();
  return Executable(optimizer.graph());
}

// Restores the number of threads.
class Threads {
 public:
  explicit Threads(int threads) : before_(thread_count()) { set_thread_count(threads); }
  ~Threads() { set_thread_count(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace neap::bench
