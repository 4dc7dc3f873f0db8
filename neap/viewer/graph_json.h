// A graph as the report's JSON has it (see report.h).
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "neap/transform/sparse_dispatch.h"

namespace neap {

// {nodes, edges}. `seconds`: of each node, measured; empty: not measured. Nodes are priced by the model; sizes that are symbols are shown
// as such.
nlohmann::json graph_json(const Graph& graph, const CostModel& model, const std::vector<double>& seconds = {});

nlohmann::json edits_json(const std::vector<Step>& steps);
// Equal reasons of one transformation stand for all of their places after the first few.
nlohmann::json refusals_json(const std::vector<Refusal>& refusals);

// What became of sparse matrices.
nlohmann::json sparse_json(const std::vector<SparseUse>& uses);

// {cpu, cores, isa, caches, memory} of this machine, and the versions of what the figures depend on.
nlohmann::json machine_json();
nlohmann::json versions_json();

}  // namespace neap
