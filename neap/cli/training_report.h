// The report of `neap train`.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "neap/cli/training_run.h"
#include "neap/train/trainer.h"

namespace neap {

// What render_report takes: curves, how good the network is on the test examples (classes: confusion), the step before and after its
// edits with bytes, and of each node of the optimised one the time. `net` holds the run's parameters. Steps are run for it, on a state of
// their own.
nlohmann::json training_report(const RunOptions& options, const TrainingData& data, Layer& net, Trainer& trainer,
                               const std::string& command);

}  // namespace neap
