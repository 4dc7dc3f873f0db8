// What `neap train` and `neap eval` share: the options of a run, which its folder keeps, and the network that they describe.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neap/cli/training_data.h"
#include "neap/nn/module.h"
#include "neap/optim/schedule.h"
#include "neap/optim/update_rule.h"
#include "neap/sparse/plan.h"
#include "neap/train/step.h"

namespace neap {

struct RunOptions {
  DataArguments data;
  std::string model;                      // "efficient-net", "mlp", "linear", or an ONNX file; empty: by the data
  std::vector<std::int64_t> hidden{128};  // widths of an mlp's hidden layers
  std::string optimizer = "adamw", schedule = "one-cycle";
  double rate = 0;  // 0: by optimizer and model
  double momentum = 0.9, decay = 0.01, clip = 0, smoothing = 0.1;
  std::int64_t warm_up = 0, epochs = 14, batch = 128;
  std::uint64_t seed = 0;
  int level = 4;
  bool augment = true;
  std::string plan;          // of sparsity, as JSON; empty: that of the model's file, or none
  std::string settled_plan;  // of both, with the layouts that were chosen by cost: a run that goes on keeps them
};

// In run.json (run_file.h).
void save_run(const RunOptions& options, const std::filesystem::path& folder);
std::optional<RunOptions> find_run(const std::filesystem::path& folder);
void check_same_run(const RunOptions& before, const RunOptions& given, const std::filesystem::path& folder);

// Files and folders from the root; what is left to Neap (model, rate), as far as that needs no data.
void settle(RunOptions& options);

struct Network {
  std::unique_ptr<Layer> layer;
  std::optional<Sizes> wanted = std::nullopt;               // sizes of an example, where the model says so
  std::optional<sparse::SparsityPlan> plan = std::nullopt;  // of a file that `neap sparsify` or a training left
};
// From a file, before the data are known; `layer` is null for a network by name.
Network open_network(const RunOptions& options);
// Makes what is to be made by name, and checks that data and network fit each other.
void complete(Network& network, RunOptions& options, const TrainingData& data);

std::unique_ptr<UpdateRule> update_rule(const RunOptions& options);
RateSchedule rate_schedule(const RunOptions& options, std::int64_t steps);
// Cross entropy for classes, mean square otherwise.
Objective objective(Layer& network, const RunOptions& options, const TrainingData& data);

}  // namespace neap
