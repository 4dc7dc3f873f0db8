// Graphs of operators of layouts, compiled.
#pragma once
#include <gtest/gtest.h>

#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/support/results.h"

namespace neap::testing {

// Optimised at this level, results are as wanted, with the same bits on one thread and two. `names`: of the results.
inline void expect_compiled(const Graph& graph, int level, const std::vector<Array>& inputs, const std::vector<Array>& wanted,
                            const std::vector<std::string>& names) {
  Optimizer optimizer(graph);
  optimizer.optimize(level);
  Executable executable(optimizer.graph());
  std::vector<std::vector<Array>> results;
  for (const int threads : {1, 2}) {
    const Threads number(threads);
    results.push_back(executable.run(inputs));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    expect_close(results[0][i], wanted[i], 1e-5, names[i] + " at level " + std::to_string(level));
    EXPECT_TRUE(same_bits(results[0][i], results[1][i])) << names[i];
  }
}

}  // namespace neap::testing
