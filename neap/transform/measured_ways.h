// Ways that a cost model cannot tell apart, told apart by running them: of a pass over the whole graph that chooses how to compute the same
// (the order of products), those that the model finds nearly as quick as its best are tried, each as the program that the whole recipe
// makes of it, on the data of a run; then what is next to the quickest, until nothing is clearly quicker. What was found is kept in
// the cache by graph, sizes, positions in the data, recipe, threads, CPU and build of this program.
#pragma once
#include <map>

#include "neap/transform/optimizer.h"

namespace neap {

struct WaysMeasured {
  std::map<std::size_t, std::int64_t> ways;  // by line of the recipe
  int runs = 0;                              // distinct programs that were run
  double seconds = 0;                        // that it took
};

// `graph` as traced; `options.tune->inputs` are a run's. No line is measured that names a way already, and none any more when half of
// the time is over. Error where there is no compiler: precompiled loops do not stand for kernels.
WaysMeasured measure_ways(const Graph& graph, const CostModel& model, const OptimizeOptions& options);

}  // namespace neap
