// Networks with sparsely stored weights as others read them: dense weights with zeros, and a plan that says how they were stored.
#pragma once
#include <filesystem>
#include <optional>

#include "neap/sparse/plan.h"

namespace neap::sparse {

// What a file's note of the plan is called (see OnnxWriteOptions::metadata).
constexpr const char* plan_note = "neap.sparsity";
// The plan of such a note: by it the weights, which have zeros, are stored again as they were. Nothing where there is none.
std::optional<SparsityPlan> plan_of_notes(const std::map<std::string, std::string>& notes, const std::filesystem::path& file);

struct Exported {
  Graph graph;
  std::map<std::string, Array> parameters;
  SparsityPlan plan;  // of the weights
};
// A graph whose parameters are inputs, with their elements: the components "NAME.values", ... of a matrix become one parameter NAME.
Exported for_export(const Graph& graph, std::map<std::string, Array> parameters);

}  // namespace neap::sparse
