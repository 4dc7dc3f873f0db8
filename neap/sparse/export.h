// Networks with sparsely stored weights as others read them: dense weights with zeros, and a plan that says how they were stored.
#pragma once
#include "neap/sparse/plan.h"

namespace neap::sparse {

// What a file's note of the plan is called (see OnnxWriteOptions::metadata); `sparsify` with Keep::nonzero stores the weights by it again.
constexpr const char* plan_note = "neap.sparsity";

struct Exported {
  Graph graph;
  std::map<std::string, Array> parameters;
  SparsityPlan plan;  // of the weights
};
// A graph whose parameters are inputs, with their elements: the components "NAME.values", ... of a matrix become one parameter NAME.
Exported for_export(const Graph& graph, std::map<std::string, Array> parameters);

}  // namespace neap::sparse
