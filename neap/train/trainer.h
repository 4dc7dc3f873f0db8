// Drives a training step over a dataset: epochs, evaluation, checkpoints, a stop and a start again that change no bit.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neap/data/augment.h"
#include "neap/data/loader.h"
#include "neap/optim/schedule.h"
#include "neap/tensor/compile.h"
#include "neap/train/best_epoch.h"
#include "neap/train/evaluate.h"
#include "neap/train/state.h"
#include "neap/train/step.h"

namespace neap {

struct TrainerOptions {
  std::int64_t epochs = 8;
  std::int64_t batch = 128;
  std::uint64_t seed = 0;     // of the first parameters, the order of examples, augmentation and dropout
  bool initialize = true;     // false: training starts from the values that the module has
  RateSchedule schedule;      // over all steps; empty: 1e-3 always
  Augmentation augmentation;  // of the first field, where it is [channels, height, width]
  StepOptions step;
  FixedInputs fixed;  // what the objective takes behind the fields of the data; a checkpoint keeps only what identifies them
  // Where a step takes other arrays than the fields of the data: `prepare` makes them, in the order of `inputs`, whose sizes may be
  // symbols, on the loader's thread. What it leaves as the batch's indices are the examples that count.
  std::vector<StepInput> inputs;
  std::function<void(Batch&)> prepare;
  // What is measured after each epoch, with these parameters; empty: the objective, on the test data.
  std::function<Evaluation(const NamedArrays& parameters)> evaluate;
  std::map<std::string, std::string> identity;  // what else must be as it was for a run to go on
  bool shuffle = true;
  std::int64_t evaluation_batch = 250;
  std::string keep_best;         // see BestEpoch; measured on the test data. The module then has that epoch's parameters at the end
  std::int64_t patience = 0;     // likewise
  std::int64_t save_every = 1;   // epochs
  std::filesystem::path folder;  // of the checkpoint; empty: none is kept
  bool progress = true;
  int level = 4;                                 // of the optimizer
  DenseFallback fallback = DenseFallback::said;  // what is done where a step makes a sparse matrix dense
  std::function<void(const struct EpochRecord&)> after_epoch;
  // Called ahead of each step (from 0) with the batch that it will see; may change the state's arrays, and says whether it did. For what is
  // revised now and then, such as masks. It must depend on its arguments alone, so that a run that is resumed does the same.
  std::function<bool(std::int64_t step, const std::vector<Array>& batch, StepState& state)> before_step;
};

struct EpochRecord {
  std::int64_t epoch = 0;  // from 0
  Evaluation training;     // in training mode, over the epoch as its parameters changed
  std::optional<Evaluation> test;
  double seconds = 0, examples_per_second = 0;  // of training
};

enum class Outcome : std::uint8_t { finished, stopped };  // stopped: by Ctrl-C or SIGTERM, with everything saved

struct Checkpoint;

// What a run's checkpoint holds of the network: its best epoch's arrays where that was kept, else the last.
NamedArrays kept_arrays(const Checkpoint& checkpoint);

class Trainer {
 public:
  // `test` may be null. Sets the module's parameters from the seed, or from the checkpoint in the folder where there is one. Error naming
  // the first difference if that checkpoint is of another network, or of a run with another seed, batch or dataset size.
  Trainer(Module& module, Objective objective, const UpdateRule& rule, DatasetPtr training, DatasetPtr test, TrainerOptions options);
  ~Trainer();

  // The step as written. `use` gives the Executable made of an optimised one (its inputs and outputs the same); without it the first run
  // makes its own.
  const Graph& step_graph() const { return graph_; }
  void use(Executable executable);
  Executable& executable();

  // Trains what is left of the epochs; then the module has the last parameters. Saves after each epoch, and on Ctrl-C after the step. Error
  // naming step, node and value where the loss or a parameter is not finite; the last checkpoint is then left as it is.
  Outcome run();

  const std::vector<EpochRecord>& history() const { return history_; }
  const std::vector<double>& losses() const { return losses_; }  // of each step
  std::int64_t steps_done() const { return step_; }
  std::int64_t steps_in_epoch() const { return loader_.batches(); }
  const StepState& state() const { return state_; }
  const BestEpoch& best() const { return best_; }
  bool resumed() const { return resumed_; }

 private:
  struct Backup;
  bool run_epoch();  // false: stopped
  std::vector<Array> run_step(const Batch& batch);
  void finish_epoch(double seconds);
  [[noreturn]] void report_not_finite();
  void settle();  // the module gets the parameters of the last epoch, or of the best
  void save() const;
  void resume();
  LoaderOptions loader_options() const;
  std::vector<StepInput> step_inputs() const;

  Module& module_;
  Objective objective_;
  TrainerOptions options_;
  DatasetPtr training_, test_;
  Loader loader_;
  Graph graph_;
  StepState state_;
  std::optional<Executable> executable_;
  std::optional<Evaluator> evaluator_;
  std::unique_ptr<Backup> backup_;

  std::int64_t epoch_ = 0, batch_ = 0, step_ = 0;  // done: epochs, batches of the epoch after them, steps
  Evaluation running_;                             // sums over the batches of this epoch
  double epoch_seconds_ = 0;
  std::vector<EpochRecord> history_;
  std::vector<double> losses_;
  BestEpoch best_;
  bool resumed_ = false;
};

}  // namespace neap
