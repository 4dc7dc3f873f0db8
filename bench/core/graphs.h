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

// Filters [K, C, rows, columns] with their channels innermost, as networks keep them where it pays: as a type, and the elements.
inline Type filters_last(const Array& filters) {
  Type type{filters.dtype(), {}, Layout::parse("cdba", 4)};
  for (const std::int64_t size : filters.sizes()) type.shape.emplace_back(size);
  return type;
}
inline Array laid_last(const Array& filters) {
  const std::int64_t outputs = filters.size(0), inputs = filters.size(1), window = filters.size(2) * filters.size(3);
  Array made(filters.dtype(), filters.sizes());
  const float* from = filters.values<float>().data();
  for (std::int64_t k = 0; k < outputs; ++k) {
    for (std::int64_t c = 0; c < inputs; ++c) {
      for (std::int64_t r = 0; r < window; ++r) made.values<float>()[static_cast<std::size_t>((r * inputs + c) * outputs + k)] = *from++;
    }
  }
  return made;
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
