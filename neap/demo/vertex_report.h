// The report of a network that was trained on a graph.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "neap/demo/compare.h"
#include "neap/demo/report.h"
#include "neap/train/vertex_training.h"

namespace neap {

struct VertexResult {
  double majority = 0, validation = 0, test = 0;  // accuracies; of the epoch with the best validation
  std::int64_t best_epoch = 0, epochs = 0, parameters = 0;
  double epoch_seconds = 0;  // median
  Array logits;              // of all vertices
};
VertexResult result_of(gnn::VertexTraining& training, const gnn::GraphData& data);
nlohmann::json to_json(const VertexResult& result);

// Which data a result was made on: name, version, and what is known of where they come from.
nlohmann::json data_json(const gnn::GraphData& data);

// One step of this training, transformed as the run has it.
Optimizer optimized_step(gnn::VertexTraining& training, std::optional<TuneOptions> tune = {});  // tuned: on the data of its step

// What render_report takes, with the edits of that step. `confusion` is of the test vertices.
nlohmann::json vertex_report(const std::string& title, const std::string& command, gnn::VertexTraining& training,
                             const gnn::GraphData& data, const VertexResult& result, const Optimizer& step);

// The step as written, each operator compiled alone, and transformed: in turn `rounds` times.
StepComparison compare_vertex_steps(gnn::VertexTraining& training, const Optimizer& step, int rounds);

}  // namespace neap
